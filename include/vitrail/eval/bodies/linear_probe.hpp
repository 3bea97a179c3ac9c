// Bodies of linear_probe.hpp.
#pragma once
#include "../linear_probe.hpp"

namespace vitrail {

VITRAIL_FUNCTION LinearProbeResult linear_probe(Cpu& cpu, Features train, Features test, const LinearProbeConfig& config) {
  detail::check(config, train, test);
  const int classes = 1 + *std::max_element(train.labels.begin(), train.labels.end());
  LinearProbeResult out;
  std::size_t chosen = 0;
  if (config.weight_decays.size() > 1) chosen = detail::choose_weight_decay(cpu, train, classes, config, out.held_out_accuracy);
  out.chosen_weight_decay = config.weight_decays[chosen];
  const Standardisation scale(train);
  scale.standardise(train);
  scale.standardise(test);
  SoftmaxRegression regression(cpu, train, classes);
  std::vector<double> x(regression.size());
  out.solver = minimise(
      x, [&](const auto& at, auto& gradient) { return regression(at, gradient, out.chosen_weight_decay); }, config.solver);
  out.train_accuracy = accuracy(SoftmaxRegression::predict(cpu, train, classes, x), train.labels);
  out.predictions = SoftmaxRegression::predict(cpu, test, classes, x);
  out.accuracy = accuracy(out.predictions, test.labels);
  return out;
}

VITRAIL_FUNCTION LinearProbeResult linear_probe(const Features& train, const Features& test, const LinearProbeConfig& config) {
  Cpu cpu;
  return linear_probe(cpu, train, test, config);
}

}  // namespace vitrail
