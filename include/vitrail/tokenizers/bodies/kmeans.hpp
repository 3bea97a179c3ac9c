// The body of kmeans().
#pragma once
#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "../../backends/cpu/kernels.hpp"
#include "../kmeans.hpp"

namespace vitrail {

namespace detail {
template <class T>
class Lloyd {
 public:
  Lloyd(Cpu& device, const std::vector<T>& patches, int values, int words)
      : device_(device),
        x_(patches),
        width_(values),
        rows_(static_cast<std::int64_t>(patches.size()) / values),
        words_(words),
        centre_(size(words_ * width_)),
        nearest_(size(rows_), -1),
        distance_(size(rows_), std::numeric_limits<double>::max()) {}

  // The first centre is any patch; each of the others is a patch drawn in proportion to its squared distance from the
  // nearest centre so far. Distances are brought up to date once for every eighth more centres: many words then cost one product
  // of matrices a round. A patch that is drawn twice in a round leaves a centre without patches, which update() moves.
  void start(Random random) {
    std::copy_n(patch(random.below(static_cast<int>(rows_))), width_, centre(0));
    for (std::int64_t known = 0, drawn = 1; drawn < words_;) {
      each_nearest(known, drawn - known, [&](std::int64_t i, std::int64_t word) {
        distance_[size(i)] = std::min(distance_[size(i)], distance(patch(i), centre(word)));
      });
      known = drawn;
      drawn = std::min(words_, known + std::max<std::int64_t>(1, known / 8));
      draw(random, known, drawn);
    }
  }
  // Every patch goes to its nearest centre, of equals the first. False if none has moved.
  bool assign() {
    const std::vector<std::int64_t> before = nearest_;
    each_nearest(0, words_, [&](std::int64_t i, std::int64_t word) {
      distance_[size(i)] = distance(patch(i), centre(word));
      nearest_[size(i)] = word;
    });
    return nearest_ != before;
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
  // f(patch, the nearest of centres first .. first + count - 1) for all patches, on all threads.
  // |x - c|^2 = |x|^2 - 2 (x c - |c|^2 / 2): the nearest centre has the largest of what stands in brackets.
  template <class F> void each_nearest(std::int64_t first, std::int64_t count, F f) {
    const Isa isa = device_.isa();
    std::vector<T> half(size(count));
    for (std::int64_t word = 0; word < count; ++word) half[size(word)] = T(0.5) * dot(centre(first + word), centre(first + word));
    const cpu::Right<T> panels = cpu::shared_right(device_, isa, cpu::Operand<T>{centre(first), width_, true}, width_, count);
    const std::int64_t scores = cpu::whole_lines<T>(block * count);
    T* const all = device_.template scratch<T>(scores * device_.threads());
    device_.parallel(static_cast<int>((rows_ + block - 1) / block), [&](int task, int worker) {
      const cpu::TaskSpace<T> own(all, scores, worker);
      const std::int64_t begin = task * block, patches = std::min(block, rows_ - begin);
      cpu::multiply(isa, patches, count, width_, cpu::Operand<T>{patch(begin), width_}, panels, cpu::result(own.at(), count));
      for (std::int64_t i = 0; i < patches; ++i) {
        T* const score = own.at() + i * count;
        for (std::int64_t word = 0; word < count; ++word) score[word] -= half[size(word)];
        f(begin + i, first + (std::max_element(score, score + count) - score));
      }
    });
  }
  // Centres first .. last - 1, by the distances that are known.
  void draw(Random& random, std::int64_t first, std::int64_t last) {
    std::vector<double> sums(size(rows_));
    std::partial_sum(distance_.begin(), distance_.end(), sums.begin());
    for (std::int64_t word = first; word < last; ++word) {  // the first patch where every one already is a centre
      const auto chosen = std::upper_bound(sums.begin(), sums.end(), random.uniform() * sums.back());
      std::copy_n(patch(chosen == sums.end() ? 0 : chosen - sums.begin()), width_, centre(word));
    }
  }

  Cpu& device_;
  const std::vector<T>& x_;
  std::int64_t width_, rows_, words_;
  std::vector<T> centre_;
  std::vector<std::int64_t> nearest_;
  std::vector<double> distance_;  // squared, to the nearest centre
};
}  // namespace detail

template <class T>
std::vector<T> kmeans(Cpu& device, const std::vector<T>& patches, int values, int vocabulary, Random random, int iterations) {
  const std::size_t rows = patches.size() / static_cast<std::size_t>(values);
  if (rows < static_cast<std::size_t>(vocabulary))
    throw ConfigError("kmeans: a codebook of " + std::to_string(vocabulary) + " words needs as many patches, found " +
                      std::to_string(rows) + "; sample more patches or choose a smaller vocabulary");
  detail::Lloyd<T> lloyd(device, patches, values, vocabulary);
  lloyd.start(random);
  for (int i = 0; i < iterations && lloyd.assign(); ++i) lloyd.update();
  return lloyd.centres();
}

}  // namespace vitrail
