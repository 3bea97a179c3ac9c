// Gradients of a whole model against central differences.
#pragma once
#include <doctest/doctest.h>

#include "models.hpp"

// Derivative of f() by x, which lies where f() reads it: five points, so that the formula's own error is of fourth order.
template <class F> double difference(double& x, F f) {
  const double kept = x, h = 1e-3;
  double sum = 0;
  for (const auto& [steps, weight] : {std::pair{1.0, 8.0}, {-1.0, -8.0}, {2.0, -1.0}, {-2.0, 1.0}}) {
    x = kept + steps * h;
    sum += weight * f();
  }
  x = kept;
  return sum / (12 * h);
}

// The worst of all entries, or of every third of many: the error over the entry itself plus a hundredth of the largest one
// (entries may be zero).
template <class F> double worst_error(double* x, const std::vector<double>& exact, F f) {
  double largest = 0, worst = 0;
  for (const double g : exact) largest = std::max(largest, std::abs(g));
  for (std::size_t i = 0; i < exact.size(); i += exact.size() > 50 ? 3 : 1)
    worst = std::max(worst, std::abs(difference(x[i], f) - exact[i]) / (std::abs(exact[i]) + 0.01 * largest + 1e-300));
  return worst;
}

// Every trained number of the model, whose gradients are known, against f(): the loss.
template <class M, class D, class F> void check_against_differences(vitrail::Model<M, D, double>& model, F f, double tolerance = 1e-6) {
  const std::vector<double> exact(model.gradients(), model.gradients() + model.trained());
  each_named(model, [&](const std::string& name, std::span<double> values, std::span<double> gradients) {
    if (gradients.empty()) return;
    CAPTURE(name);
    const auto from = exact.begin() + (gradients.data() - model.gradients());
    const std::vector<double> own(from, from + static_cast<std::ptrdiff_t>(gradients.size()));
    CHECK(std::any_of(own.begin(), own.end(), [](double g) { return g != 0; }));
    CHECK(worst_error(values.data(), own, f) < tolerance);
  });
}

// An objective on one batch and one draw.
template <class Objective> void check_objective(int batch, double deviation = 0.3) {
  Trial<Objective, double> trial;
  spread_weights(trial.model, deviation, 11);
  const auto images = noise<typename Objective::images_shape, double>(trial.inputs, batch, 12);
  trial.run_on(images, 5);
  check_against_differences(trial.model, [&] {
    trial.sampler.begin(vitrail::Random(7).stream(5));
    const auto part = vitrail::draw_for(*trial.model, trial.sampler, batch, trial.labels.data());
    trial.tape.reset(5);
    return number(vitrail::loss_of((*trial.model)(trial.tape.input(images), part)));
  });
}
