// What tests of models share: parameters by name, images made of noise, and one training step at a time.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "vitrail/backends/cpu.hpp"
#include "vitrail/nn/model.hpp"
#include "vitrail/objectives/objective.hpp"

// f(name, values, gradients) for every parameter; untrained ones have no gradients. For devices in host memory.
template <class M, class D, class T, class F>
void each_named(vitrail::Model<M, D, T>& model, F f) {
  using W = vitrail::wide<T>;
  vitrail::each_parameter(*model, [&](const vitrail::Path& path, auto& p) {
    const auto n = static_cast<std::size_t>(std::remove_reference_t<decltype(p)>::shape_type::inner);
    f(path.text(), std::span<W>(static_cast<W*>(p.value), n), std::span<W>(static_cast<W*>(p.gradient), p.gradient == nullptr ? 0 : n));
  });
}
template <class M>
std::vector<std::string> parameter_names(M& module) {
  std::vector<std::string> names;
  vitrail::each_parameter(module, [&](const vitrail::Path& path, auto&) { names.push_back(path.text()); });
  return names;
}

// Weights large enough that no gradient is tiny: normal around 0, gains of normalisations around 1. Untrained numbers stay.
template <class M, class D, class T>
void spread_weights(vitrail::Model<M, D, T>& model, double deviation, std::uint64_t seed) {
  using W = vitrail::wide<T>;
  vitrail::Random random(seed);
  each_named(model, [&](const std::string& name, std::span<W> values, std::span<W> gradients) {
    const bool gain = name.find("norm") != std::string::npos && name.ends_with("weight");
    if (!gradients.empty())
      for (W& v : values) v = static_cast<W>(deviation * random.normal() + (gain ? 1 : 0));
  });
  model.round_values();
}

template <class S, class T, class D>
vitrail::Tensor<S, D, T> noise(vitrail::Arena<D>& arena, int batch, std::uint64_t seed) {
  const auto x = vitrail::make_tensor<S, T>(arena, S(batch));
  vitrail::Random random(seed);
  for (std::int64_t i = 0; i < x.shape.size(); ++i) x.at[i] = static_cast<T>(static_cast<vitrail::wide<T>>(random.normal()));
  return x;
}

// An objective with everything that a step needs.
template <class Objective, class T = float, class D = vitrail::Cpu>
struct Trial {
  using Images = typename Objective::images_shape;

  D device;
  vitrail::Model<Objective, D, T> model;
  vitrail::Tape<D> tape{device};
  vitrail::Arena<D> inputs{device};
  vitrail::Sampler sampler{vitrail::Random(0)};
  std::vector<int> labels = std::vector<int>(256);

  explicit Trial(std::uint64_t seed = 1, int threads = 1) : device(threads), model(device, vitrail::Random(seed)) {
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int>(i % 3);
  }
  // Forward and backward on noise. `step` names the noise, the draw and what the tape's ops draw.
  auto run(int batch, std::uint64_t step = 0) {
    inputs.reset();
    sampler.begin(vitrail::Random(7).stream(step));
    std::uint64_t seed = 1000 + step;
    return run_views(batch, vitrail::draw_for(*model, sampler, batch, labels.data()), step, [&]<class S>(S shape) {
      const auto images = noise<S, T>(inputs, shape.leading(), seed);
      seed += 1'000'000;
      return images;
    });
  }
  auto run_on(const vitrail::Tensor<Images, D, T>& images, std::uint64_t step = 0) {
    sampler.begin(vitrail::Random(7).stream(step));
    return run_on(images, vitrail::draw_for(*model, sampler, images.shape.leading(), labels.data()), step);
  }
  template <class Draw>
  auto run_on(const vitrail::Tensor<Images, D, T>& images, const Draw& part, std::uint64_t step) {
    return run_views(images.shape.leading(), part, step, [&](const auto&) { return images; });
  }
  // On what make(shape) gives for each size of the objective's views.
  template <class Draw, class F>
  auto run_views(int batch, const Draw& part, std::uint64_t step, F make) {
    tape.reset(step);
    const auto result = vitrail::loss_on_views(*model, batch, part, [&](const auto& shape) { return tape.input(make(shape)); });
    model.zero_gradients();
    tape.backward(vitrail::loss_of(result));
    return result;
  }
};

template <class X>
double number(const X& scalar) {
  scalar.device().synchronise();
  return static_cast<double>(*scalar.data());
}

// FNV-1a of the bytes.
template <class T>
std::uint64_t checksum(const T* at, std::int64_t count) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  const auto* bytes = reinterpret_cast<const unsigned char*>(at);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count) * sizeof(T); ++i) hash = (hash ^ bytes[i]) * 0x100000001b3ull;
  return hash;
}
