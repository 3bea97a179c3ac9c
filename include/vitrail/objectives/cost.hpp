// What a training step will need, known before it runs: the step's own code, executed on the device that only counts.
#pragma once
#include <cstdio>
#include <string>

#include "../backends/plan.hpp"
#include "objective.hpp"

namespace vitrail {

struct Cost {
  std::int64_t parameters = 0;         // trained numbers
  std::int64_t forward_flops = 0;      // floating-point operations; a multiply-add counts two; blocks computed again count twice
  std::int64_t backward_flops = 0;
  std::size_t value_bytes = 0;         // values kept from forward to backward
  std::size_t gradient_bytes = 0;      // most memory that gradients of values need at a time
  std::size_t parameter_bytes = 0;     // parameters, their gradients and AdamW's two moments
  std::size_t peak_bytes = 0;          // the sum of these three
  int kernels = 0;

  friend constexpr bool operator==(const Cost&, const Cost&) = default;
};

// One line: millions of parameters, GFLOP, MB.
inline std::string text(const Cost& cost) {
  const auto mega = [](auto n) { return static_cast<double>(n) * 1e-6; };
  char line[256];
  std::snprintf(line, sizeof line,
                "%9.2f M parameters %9.2f GFLOP forward %9.2f backward %9.1f MB: %.1f values, %.1f gradients, "
                "%.1f parameters and optimiser",
                mega(cost.parameters), mega(cost.forward_flops) * 1e-3, mega(cost.backward_flops) * 1e-3, mega(cost.peak_bytes),
                mega(cost.value_bytes), mega(cost.gradient_bytes), mega(cost.parameter_bytes));
  return line;
}

namespace detail {
template <class M> constexpr std::int64_t count_all() {
  M m{};
  std::int64_t n = 0;
  each_parameter(m, [&](const Path&, auto& p) { n += std::remove_reference_t<decltype(p)>::shape_type::inner; });
  return n;
}
// And where kernels read them rounded, once more as T.
template <class T> constexpr std::size_t parameter_bytes(std::int64_t count) {
  return static_cast<std::size_t>(count) * (sizeof(wide<T>) + (std::is_same_v<T, wide<T>> ? 0 : sizeof(T)));
}
// Every parameter that visit() lists gets a home, so that a plan finds out which it does not list.
template <class T> inline constexpr BufferHome planned_home{.scalar = &scalar_tag<T>};
template <class T> constexpr void plan_all(auto& module) {
  each_parameter(module, [](const Path&, auto& p) { p.home = &planned_home<T>; });
}
constexpr void require_homes(const Plan& plan) {
  if (const auto& p = plan.homeless; p.op != nullptr) refuse_parameter_missing_from_visit(p.op, p.extents, p.rank);
}
}  // namespace detail

// One step, forward and backward, of a batch of this size. A constant expression if the objective's draw, operator() and
// visit are constexpr; the same function at run time gives the same numbers, and they equal what a step then uses. Throws ShapeError, or
// does not compile, where a parameter is used that no visit() lists.
template <class Objective, class T = float> constexpr Cost cost(int batch) {
  Plan plan;
  Sampler sampler{Sampler::Blank{}};
  Objective objective{};
  detail::plan_all<T>(objective);
  Tape<Plan> tape{plan};
  const auto part = draw_for(objective, sampler, batch, nullptr);
  const auto result = loss_on_views(objective, batch, part, [&]<class S>(S shape) {
    return tape.input(Tensor<S, Plan, T>{nullptr, &tape.values(), shape});
  });
  const auto loss = loss_of(result);
  tape.backward(loss);
  detail::require_homes(plan);
  Cost out;
  out.parameters = count_parameters<Objective>();
  out.forward_flops = plan.forward_flops, out.backward_flops = plan.backward_flops, out.kernels = plan.kernels;
  out.value_bytes = tape.values().peak(), out.gradient_bytes = tape.gradients().peak();
  out.parameter_bytes = detail::parameter_bytes<T>(detail::count_all<Objective>()) +
                        3 * static_cast<std::size_t>(out.parameters) * sizeof(wide<T>);
  out.peak_bytes = out.value_bytes + out.gradient_bytes + out.parameter_bytes;
  return out;
}

// Evaluating an encoder on a batch: no gradients, and one block's values at a time.
template <class Encoder, class T = float> constexpr Cost evaluation_cost(int batch) {
  Plan plan;
  Encoder encoder{};
  detail::plan_all<T>(encoder);
  Arena<Plan> arena{plan};
  using Images = typename Encoder::images_shape;
  encoder(Tensor<Images, Plan, T>{nullptr, &arena, Images(batch)});
  detail::require_homes(plan);
  Cost out;
  out.parameters = count_parameters<Encoder>();
  out.forward_flops = plan.forward_flops, out.kernels = plan.kernels;
  out.value_bytes = arena.peak();
  out.parameter_bytes = detail::parameter_bytes<T>(detail::count_all<Encoder>());
  out.peak_bytes = out.value_bytes + out.parameter_bytes;
  return out;
}

}  // namespace vitrail
