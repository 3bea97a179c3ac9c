// Models filled from a fixture, and values compared with it.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>

#include "fixture.hpp"
#include "models.hpp"

// The largest difference, relative to the largest reference value.
template <class T>
double relative_error(const T* found, const std::vector<double>& wanted) {
  double worst = 0, scale = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double difference = std::abs(static_cast<double>(found[i]) - wanted[i]);
    worst = std::isfinite(difference) ? std::max(worst, difference) : INFINITY;
    scale = std::max(scale, std::abs(wanted[i]));
  }
  return scale > 0 ? worst / scale : worst;
}

// Fills the model from "param.NAME". The names must be the same on both sides: none is left over. Untrained numbers that the fixture does
// not have are its own.
template <class M, class D, class T>
void load_parameters(vitrail::Model<M, D, T>& model, const Fixture& fixture) {
  std::vector<std::string> ours, theirs = fixture.names("param.");
  each_named(model, [&](const std::string& name, std::span<T> values, std::span<T> gradients) {
    if (gradients.empty() && std::find(theirs.begin(), theirs.end(), name) == theirs.end()) return;
    const auto given = fixture.load<T>("param." + name);
    REQUIRE_MESSAGE(given.values.size() == values.size(), name);
    std::copy(given.values.begin(), given.values.end(), values.begin());
    ours.push_back(name);
  });
  std::sort(ours.begin(), ours.end());
  std::sort(theirs.begin(), theirs.end());
  REQUIRE(ours == theirs);
}

// Every gradient against "grad.NAME". The gradient of the keys' bias is zero but for rounding: it is compared with the
// queries' in the same parameter, whose largest value is the scale.
template <class M, class D, class T>
void check_gradients(vitrail::Model<M, D, T>& model, const Fixture& fixture, double tolerance) {
  each_named(model, [&](const std::string& name, std::span<T>, std::span<T> gradients) {
    if (gradients.empty()) return;
    CAPTURE(name);
    CHECK(relative_error(gradients.data(), fixture.load("grad." + name).values) < tolerance);
  });
}

template <class S, class T, class D>
vitrail::Tensor<S, D, T> load_tensor(vitrail::Arena<D>& arena, const Fixture& fixture, const std::string& name) {
  const auto given = fixture.load<T>(name);
  const auto x = vitrail::make_tensor<S, T>(arena, S(static_cast<int>(given.shape.at(0))));
  REQUIRE(static_cast<std::size_t>(x.shape.size()) == given.values.size());
  std::copy(given.values.begin(), given.values.end(), x.at);
  return x;
}
