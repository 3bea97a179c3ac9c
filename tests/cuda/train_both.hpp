// Two training steps of an objective, on the host's CUDA or on the Cpu.
#pragma once
#include "support/host_kernels.hpp"
#include "support/models.hpp"
#include "vitrail/backends/checked.hpp"
#include "vitrail/train/adamw.hpp"

#include <doctest/doctest.h>

using namespace vitrail;

// The loss and every gradient of two steps, and the parameters behind them. T: the scalar of values.
template <class Objective, class D, class T = float>
std::vector<float> train(int batch) {
  Trial<Objective, T, D> trial;
  spread_weights(trial.model, 0.3, 2);
  AdamW optimizer(trial.model, {.eps = 1e-2});  // so that a gradient which is zero but for rounding moves nothing
  std::vector<float> out;
  for (std::uint64_t step = 0; step < 2; ++step) {
    const auto result = trial.run(batch, step);
    out.push_back(static_cast<float>(number(loss_of(result))));
    if (step == 0) out.insert(out.end(), trial.model.gradients(), trial.model.gradients() + trial.model.trained());
    optimizer.step(1e-2);
    if constexpr (requires { trial.model->after_step(0.9); }) trial.model->after_step(0.9);
  }
  out.insert(out.end(), trial.model.values(), trial.model.values() + trial.model.size());
  return out;
}
// Of two lists, relative to the second one's length.
inline double relative_distance(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference += std::pow(double{a[i]} - b[i], 2), size += std::pow(double{b[i]}, 2);
  return std::sqrt(difference / size);
}
inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(double{a[i]} - b[i]);
    worst = std::isfinite(difference) ? std::max(worst, difference) : INFINITY;
  }
  return worst;
}
