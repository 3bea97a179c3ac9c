// Objectives and modules against finite differences.
#pragma once
#include <doctest/doctest.h>

#include "models.hpp"
#include "vitrail/autograd/gradcheck.hpp"

inline void check_small(const vitrail::GradientError& error) {
  CAPTURE(error.where);
  CAPTURE(error.exact);
  CAPTURE(error.numeric);
  CHECK(error.worst < 1e-6);
}

// No parameter is forgotten: each has a gradient that is not zero.
template <class M, class D>
void check_all_reached(vitrail::Model<M, D, double>& model) {
  each_named(model, [&](const std::string& name, std::span<double>, std::span<double> gradients) {
    CAPTURE(name);
    if (!gradients.empty()) CHECK(std::any_of(gradients.begin(), gradients.end(), [](double g) { return g != 0; }));
  });
}

// An objective on one batch and one draw.
template <class Objective>
void check_objective(int batch) {
  Trial<Objective, double> trial;
  spread_weights(trial.model, 0.3, 11);
  const auto images = noise<typename Objective::images_shape, double>(trial.inputs, batch, 12);
  const auto part = vitrail::draw_for(*trial.model, trial.sampler, batch, trial.labels.data());
  const auto loss = [&](auto& tape) { return vitrail::loss_of((*trial.model)(tape.input(images), part)); };
  check_small(vitrail::gradcheck(trial.model, loss, {.floor = 1e-3, .at_most = 700, .key = 5}));
  check_all_reached(trial.model);
}
