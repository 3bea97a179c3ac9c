// The linear probe: how much of a class one linear layer can read from fixed features. Solved to its minimum instead of
// trained for some epochs, so that the figure does not hang on learning rates.
#pragma once
#include "../core/config.hpp"
#include "metrics.hpp"
#include "scaling.hpp"
#include "softmax_regression.hpp"

namespace vitrail {

struct LinearProbeConfig {
  // Candidates, for features of deviation one. With several, the best on a held-out part of the training features is
  // taken, and the probe is fitted again on all of them; test features take no part. With one, nothing is held out. Where no class has
  // two images, nothing can be: then the first is taken.
  std::vector<double> weight_decays = {10, 1, 0.1, 0.01, 0.001};
  double held_out = 0.2;   // share of each class, but at least one image of two
  std::uint64_t seed = 0;  // of what is held out
  LbfgsConfig solver{};
};

struct LinearProbeResult {
  double accuracy = 0;  // on the test features
  double train_accuracy = 0;
  double chosen_weight_decay = 0;
  double held_out_accuracy = 0;  // of the chosen one; 0 if nothing was held out
  LbfgsResult solver{};          // of the last fit
  std::vector<int> predictions;  // (test.count)
};

namespace detail {
inline Features rows_of(const Features& from, const std::vector<int>& rows) {
  Features out;
  out.dim = from.dim;
  for (const int i : rows) {
    out.values.insert(out.values.end(), from.row(i), from.row(i) + from.dim);
    out.labels.push_back(from.labels[static_cast<std::size_t>(i)]);
    ++out.count;
  }
  return out;
}

struct FeatureSplit {
  Features fit, held_out;
};
// The same share of every class, rounded down, but at least one: only a class of one image stays whole.
inline FeatureSplit hold_out(const Features& train, int classes, double share, Random random) {
  std::vector<std::vector<int>> members(static_cast<std::size_t>(classes));
  for (int i = 0; i < train.count; ++i)
    members[static_cast<std::size_t>(train.labels[static_cast<std::size_t>(i)])].push_back(i);
  std::vector<int> fit, held;
  for (std::vector<int>& rows : members) {
    random.shuffle(rows.data(), static_cast<int>(rows.size()));
    const auto least = static_cast<std::ptrdiff_t>(rows.size() > 1);
    const auto cut = rows.begin() + std::max(least, static_cast<std::ptrdiff_t>(share * static_cast<double>(rows.size())));
    held.insert(held.end(), rows.begin(), cut);
    fit.insert(fit.end(), cut, rows.end());
  }
  std::sort(fit.begin(), fit.end());
  std::sort(held.begin(), held.end());
  return {rows_of(train, fit), rows_of(train, held)};
}

inline void check(const LinearProbeConfig& config, const Features& train, const Features& test) {
  check_pair(train, test, "linear probe");
  if (config.weight_decays.empty())
    throw ConfigError("linear probe: weight_decays must hold at least one, found none; give one, or several to choose from");
  for (const double decay : config.weight_decays)
    if (!(decay >= 0))
      throw ConfigError("linear probe: a weight decay must not be negative, found " + std::to_string(decay) + "; 0 is none");
  if (!(config.held_out > 0 && config.held_out < 1))
    throw ConfigError("linear probe: the share held_out must lie between 0 and 1, found " + std::to_string(config.held_out) +
                      "; 0.2 holds out a fifth of each class");
}

// The position of the weight decay with the best accuracy on features held out of training; of equal ones, the earlier, and the first
// where nothing can be held out.
// They are solved in order, each from the last one's solution.
inline std::size_t choose_weight_decay(Cpu& cpu, const Features& train, int classes, const LinearProbeConfig& config,
                                       double& best) {
  FeatureSplit split = hold_out(train, classes, config.held_out, Random(config.seed));
  if (split.held_out.count == 0) return 0;
  const Standardisation scale(split.fit);
  scale.standardise(split.fit);
  scale.standardise(split.held_out);
  SoftmaxRegression regression(cpu, split.fit, classes);
  std::vector<double> x(regression.size());
  std::size_t chosen = 0;
  best = -1;
  for (std::size_t i = 0; i < config.weight_decays.size(); ++i) {
    const double decay = config.weight_decays[i];
    LbfgsConfig rough = config.solver;
    rough.tolerance = std::max(rough.tolerance, 1e-3);  // enough to rank them
    minimise(
        x, [&](const auto& at, auto& gradient) { return regression(at, gradient, decay); }, rough);
    const double share = accuracy(SoftmaxRegression::predict(cpu, split.held_out, classes, x), split.held_out.labels);
    if (share > best) best = share, chosen = i;
  }
  return chosen;
}
}  // namespace detail

// Fits on `train` and measures on `test`. Deterministic, also in the number of threads. Throws ConfigError for sets
// without labels or of different dim and for a meaningless setting; NumericError for features that are not finite.
VITRAIL_FUNCTION LinearProbeResult linear_probe(Cpu& cpu, Features train, Features test, const LinearProbeConfig& config = {});
VITRAIL_FUNCTION LinearProbeResult linear_probe(const Features& train, const Features& test, const LinearProbeConfig& config = {});

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/linear_probe.hpp"
#endif
