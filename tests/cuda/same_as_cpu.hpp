// What tests of CUDA's kernels share: an op on the host's CUDA against the Cpu. Compiled by nvcc, on a card.
#pragma once
#if defined(__CUDACC__)
#include "support/managed_cuda.hpp"
#else
#include "support/host_kernels.hpp"
#endif
#include "support/ops.hpp"
#include "vitrail/backends/checked.hpp"
#include "vitrail/backends/cpu.hpp"

#include <doctest/doctest.h>

using namespace vitrail;

#if defined(__CUDACC__)
using Card = ManagedCuda;
#else
using Card = Checked<HostCuda>;
#endif

// What f makes of noise of these shapes, with parameters of those: the result's numbers and, after a loss of them in which f stands
// twice, every gradient. T: the scalar of its values. `rounded`: inputs and parameters are numbers that bfloat16 has.
template <class... S> struct Inputs {};
template <class... P> struct Parameters {};

template <class D, class T, class... S, class... P, class F>
std::vector<float> results(const auto& config, int batch, Inputs<S...>, Parameters<P...>, F f, bool rounded = false) {
  D device(config);
  Model<Bag<P...>, D, T> model(device, Random(1));
  device.synchronise();  // before the host writes there, here and below before it reads
  spread_weights(model, 0.7, 3);
  const auto round = [&](auto& x) {
    if (rounded) x = static_cast<std::remove_reference_t<decltype(x)>>(float{bfloat16(static_cast<float>(x))});
  };
  for (std::int64_t i = 0; i < model.size(); ++i) round(model.values()[i]);
  Tape<D> tape(device);
  Arena<D> memory(device);
  auto input = [&, seed = std::uint64_t{10}](auto shape) mutable {
    const auto x = noise<decltype(shape), T>(memory, batch, seed++);
    for (std::int64_t i = 0; i < x.shape.size(); ++i) round(x.at[i]);
    return tape.differentiable_input(x);
  };
  const std::tuple inputs{input(S(batch))...};
  return std::apply(
      [&](const auto&... x) {
        return std::apply(
            [&](const auto&... p) {
              const auto y = f(x..., p...);
              device.synchronise();
              std::vector<float> out(y.data(), y.data() + y.shape.size());
              const auto first = weighted(y);
              const auto second = weighted(f(x..., p...));
              tape.backward(first + 0.5 * second);
              device.synchronise();
              (out.insert(out.end(), x.grad(), x.grad() + x.shape.size()), ...);
              out.insert(out.end(), model.gradients(), model.gradients() + model.trained());
              return out;
            },
            model->all);
      },
      inputs);
}
// The largest difference, relative to the largest number.
inline double distance(const std::vector<float>& found, const std::vector<float>& wanted) {
  REQUIRE(found.size() == wanted.size());
  double worst = 0, scale = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double difference = std::abs(double{found[i]} - wanted[i]);
    worst = std::isfinite(difference) ? std::max(worst, difference) : INFINITY;
    scale = std::max(scale, std::abs(double{wanted[i]}));
  }
  return worst == 0 ? 0 : worst / scale;
}
template <class I, class P, class F>
void same_as_cpu(int batch, I inputs, P parameters, F f, HostCudaConfig config = {}, double tolerance = 2e-6) {
  const auto wanted = results<Cpu, float>(1, batch, inputs, parameters, f);
  config.order = {.reverse = true};
  const auto found = results<Card, float>(config, batch, inputs, parameters, f);
  CHECK(distance(found, wanted) < tolerance);
  config.order = {.seed = 5};
  CHECK(found == results<Card, float>(config, batch, inputs, parameters, f));  // to the last bit
  // Values kept in bfloat16, whose eight bits are what the tolerance allows for.
  const auto narrow = results<Card, bfloat16>(config, batch, inputs, parameters, f, true);
  CHECK(distance(narrow, results<Cpu, float>(1, batch, inputs, parameters, f, true)) < std::max(tolerance, 1e-2));
  config.order = {.reverse = true};
  CHECK(narrow == results<Card, bfloat16>(config, batch, inputs, parameters, f, true));
}

// What batch_norm asks of an affine map.
template <class P>
struct GainAndShift {
  P gain, shift;
};

// Count distinct places below `limit` for each sequence, in memory that stays: the same for both devices.
template <int Count> Indices<Count> drawn(int batch, int limit) {
  static Sampler sampler{Random(0)};
  const auto out = sampler.template indices<Count>(batch);
  Random random(static_cast<std::uint64_t>(limit));
  for (int b = 0; b < batch; ++b) {
    std::vector<int> all(static_cast<std::size_t>(limit));
    for (int i = 0; i < limit; ++i) all[static_cast<std::size_t>(i)] = i;
    random.shuffle(all.data(), limit);
    std::copy_n(all.begin(), Count, out.row(b));
  }
  return out;
}
