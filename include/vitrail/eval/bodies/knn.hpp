// Bodies of knn.hpp.
#pragma once
#include "../knn.hpp"

namespace vitrail {

namespace detail {
struct Neighbour {
  float similarity;
  int index;
};
// The k most similar ones met so far, best first; of equal ones, the first met.
class Nearest {
 public:
  explicit Nearest(int k) : list_(static_cast<std::size_t>(k) + 1) {}
  void clear() { count_ = 0; }
  void meet(float similarity, int index) {
    const bool full = count_ + 1 == list_.size();
    if (full && similarity <= list_[count_ - 1].similarity) return;
    std::size_t at = count_;
    for (; at > 0 && similarity > list_[at - 1].similarity; --at) list_[at] = list_[at - 1];
    list_[at] = {similarity, index};
    if (!full) ++count_;
  }
  const Neighbour* begin() const { return list_.data(); }
  const Neighbour* end() const { return list_.data() + count_; }

 private:
  std::vector<Neighbour> list_;  // one place more than k: the last one falls out
  std::size_t count_ = 0;
};

// The class with the most votes; of equal ones, the smaller.
inline int vote(const Nearest& nearest, const std::vector<int>& labels, double temperature, std::vector<double>& votes) {
  std::fill(votes.begin(), votes.end(), 0.0);
  const float best = nearest.begin()->similarity;  // weights relative to the best one's: exp() cannot overflow
  for (const Neighbour& n : nearest)
    votes[static_cast<std::size_t>(labels[static_cast<std::size_t>(n.index)])] += std::exp((n.similarity - best) / temperature);
  return static_cast<int>(std::max_element(votes.begin(), votes.end()) - votes.begin());
}

// What one thread works with: a tile of similarities, the best neighbours of each of its rows, and votes.
struct KnnWorker {
  std::vector<float> tile;
  std::vector<Nearest> nearest;
  std::vector<double> votes;
};
inline void check(const KnnConfig& config, const Features& train, const Features& test) {
  check_pair(train, test, "k-NN");
  if (config.k < 1 || config.k > train.count)
    throw ConfigError("k-NN: k must lie in 1 .. " + std::to_string(train.count) + ", the number of training images, found " +
                      std::to_string(config.k) + "; choose a k in this range, or give more images");
  if (!(config.temperature > 0))
    throw ConfigError("k-NN: temperature must be positive, found " + std::to_string(config.temperature) +
                      "; 0.07 is usual, and smaller ones weigh the nearest more");
}
}  // namespace detail

VITRAIL_FUNCTION std::vector<int> knn_predict(Cpu& cpu, Features train, Features test, const KnnConfig& config) {
  detail::check(config, train, test);
  scale_to_unit_rows(train);
  scale_to_unit_rows(test);
  constexpr int rows = 32, columns = 1024;  // of a tile of similarities: 128 KiB
  const int classes = 1 + *std::max_element(train.labels.begin(), train.labels.end());
  const detail::KnnWorker blank{std::vector<float>(rows * columns), std::vector<detail::Nearest>(rows, detail::Nearest(config.k)),
                                std::vector<double>(static_cast<std::size_t>(classes))};
  // One for each thread, and the first for a caller that finds the pool busy.
  std::vector<detail::KnnWorker> workers(static_cast<std::size_t>(cpu.threads()) + 1, blank);
  std::vector<int> out(test.labels.size());
  cpu.parallel((test.count + rows - 1) / rows, [&](int task, int thread) {
    detail::KnnWorker& mine = workers[static_cast<std::size_t>(thread + 1)];
    const int first = task * rows, m = std::min(rows, test.count - first);
    for (detail::Nearest& nearest : mine.nearest) nearest.clear();
    for (int from = 0; from < train.count; from += columns) {
      const int n = std::min(columns, train.count - from);
      cpu::product<float>(m, n, train.dim, {test.row(first), test.dim}, {train.row(from), train.dim, true},
                          cpu::result(mine.tile.data(), columns));
      for (int i = 0; i < m; ++i)
        for (int j = 0; j < n; ++j)
          mine.nearest[static_cast<std::size_t>(i)].meet(mine.tile[static_cast<std::size_t>(i * columns + j)], from + j);
    }
    for (int i = 0; i < m; ++i)
      out[static_cast<std::size_t>(first + i)] =
          detail::vote(mine.nearest[static_cast<std::size_t>(i)], train.labels, config.temperature, mine.votes);
  });
  return out;
}

VITRAIL_FUNCTION double knn_accuracy(Cpu& cpu, const Features& train, const Features& test, const KnnConfig& config) {
  return accuracy(knn_predict(cpu, train, test, config), test.labels);
}

VITRAIL_FUNCTION double knn_accuracy(const Features& train, const Features& test, const KnnConfig& config) {
  Cpu cpu;
  return knn_accuracy(cpu, train, test, config);
}

}  // namespace vitrail
