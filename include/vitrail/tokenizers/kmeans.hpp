// A codebook of centroids: k-means on patches of the training images (SplitMask, section 5.5). Lloyd's algorithm (1982) from
// the starting points of k-means++ (Arthur and Vassilvitskii 2007), on the calling thread.
#pragma once
#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "../backends/cpu/gemm.hpp"
#include "../core/random.hpp"
#include "codebook.hpp"

namespace vitrail {

namespace detail {
template <class T>
class Lloyd {
 public:
  Lloyd(const std::vector<T>& patches, int values, int words)
      : x_(patches),
        width_(values),
        rows_(static_cast<std::int64_t>(patches.size()) / values),
        words_(words),
        centre_(size(words_ * width_)),
        nearest_(size(rows_), -1),
        distance_(size(rows_), std::numeric_limits<double>::max()) {}

  // The first centre is any patch; each of the others is a patch drawn in proportion to its squared distance from the
  // nearest centre so far.
  void start(Random random) {
    std::int64_t chosen = random.below(static_cast<int>(rows_));
    for (std::int64_t word = 0; word < words_; ++word) {
      if (word > 0) chosen = draw(random);
      std::copy_n(patch(chosen), width_, centre(word));
      for (std::int64_t i = 0; i < rows_; ++i) distance_[size(i)] = std::min(distance_[size(i)], distance(patch(i), centre(word)));
    }
  }
  // Every patch goes to its nearest centre, of equals the first. False if none has moved.
  bool assign() {
    std::vector<T> half(size(words_)), score(size(block * words_));
    for (std::int64_t word = 0; word < words_; ++word) half[size(word)] = T(0.5) * dot(centre(word), centre(word));
    bool moved = false;
    for (std::int64_t begin = 0; begin < rows_; begin += block) {
      const std::int64_t count = std::min(block, rows_ - begin);
      cpu::product(count, words_, width_, cpu::Operand<T>{patch(begin), width_}, cpu::Operand<T>{centre_.data(), width_, true},
                   cpu::result(score.data(), words_));
      for (std::int64_t i = 0; i < count; ++i) moved |= take_nearest(begin + i, score.data() + i * words_, half);
    }
    return moved;
  }
  // Every centre goes to the mean of its patches. One that has none takes the place of the patch that is served worst.
  void update() {
    std::vector<double> sum(size(words_ * width_));
    std::vector<std::int64_t> count(size(words_));
    for (std::int64_t i = 0; i < rows_; ++i) {
      const std::int64_t word = nearest_[size(i)];
      ++count[size(word)];
      for (std::int64_t j = 0; j < width_; ++j) sum[size(word * width_ + j)] += static_cast<double>(patch(i)[j]);
    }
    for (std::int64_t word = 0; word < words_; ++word) {
      if (count[size(word)] == 0) {
        const auto worst = std::max_element(distance_.begin(), distance_.end());
        std::copy_n(patch(worst - distance_.begin()), width_, centre(word));
        *worst = 0;  // served from now on
        continue;
      }
      for (std::int64_t j = 0; j < width_; ++j)
        centre(word)[j] = static_cast<T>(sum[size(word * width_ + j)] / static_cast<double>(count[size(word)]));
    }
  }
  std::vector<T> centres() { return std::move(centre_); }

 private:
  static constexpr std::int64_t block = 64;  // patches at a time: their scores stay in cache
  static std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }
  const T* patch(std::int64_t i) const { return x_.data() + i * width_; }
  T* centre(std::int64_t word) { return centre_.data() + word * width_; }
  T dot(const T* a, const T* b) const {
    return cpu::lane_sum<T>(width_, [&](std::int64_t i) { return a[i] * b[i]; });
  }
  double distance(const T* a, const T* b) const {
    return static_cast<double>(cpu::lane_sum<T>(width_, [&](std::int64_t i) { return (a[i] - b[i]) * (a[i] - b[i]); }));
  }
  // |x - c|^2 = |x|^2 - 2 (x c - |c|^2 / 2): the nearest centre has the largest of what stands in brackets.
  bool take_nearest(std::int64_t i, T* score, const std::vector<T>& half) {
    for (std::int64_t word = 0; word < words_; ++word) score[word] -= half[size(word)];
    const std::int64_t best = std::max_element(score, score + words_) - score;
    distance_[size(i)] = distance(patch(i), centre(best));
    return std::exchange(nearest_[size(i)], best) != best;
  }
  std::int64_t draw(Random& random) const {
    const double total = std::accumulate(distance_.begin(), distance_.end(), 0.0);
    double left = random.uniform() * total;
    std::int64_t last = 0;  // stays 0 when every patch already is a centre
    for (std::int64_t i = 0; i < rows_; ++i) {
      if (distance_[size(i)] <= 0) continue;
      last = i;
      if ((left -= distance_[size(i)]) < 0) break;
    }
    return last;
  }

  const std::vector<T>& x_;
  std::int64_t width_, rows_, words_;
  std::vector<T> centre_;
  std::vector<std::int64_t> nearest_;
  std::vector<double> distance_;  // squared, to the nearest centre
};
}  // namespace detail

// `patches` holds rows of `values` numbers. The centroids of `vocabulary` clusters of them: a codebook for assign(). The paper
// runs this on 3 million patches; it does not say how many iterations. Throws ConfigError if there are too few patches.
template <class T>
std::vector<T> kmeans(const std::vector<T>& patches, int values, int vocabulary, Random random, int iterations = 20) {
  const std::size_t rows = patches.size() / static_cast<std::size_t>(values);
  if (rows < static_cast<std::size_t>(vocabulary))
    throw ConfigError("kmeans: a codebook of " + std::to_string(vocabulary) + " words needs as many patches, found " +
                      std::to_string(rows) + "; sample more patches or choose a smaller vocabulary");
  detail::Lloyd<T> lloyd(patches, values, vocabulary);
  lloyd.start(random);
  for (int i = 0; i < iterations && lloyd.assign(); ++i) lloyd.update();
  return lloyd.centres();
}

}  // namespace vitrail
