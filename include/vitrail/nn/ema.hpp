// Ema: a module that follows another one slowly and learns nothing itself: a teacher.
#pragma once
#include "module.hpp"
#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"

namespace vitrail {

// A factor that may change at every step, between 0 (copy) and 1 (stay).
using StepScalar = double;

namespace detail {
// One stretch of numbers that follows another.
struct Follow {
  char* to;
  const char* from;
  std::int64_t bytes;
};
}  // namespace detail

template <class M> struct Ema {
  static constexpr bool frozen = true;  // no gradient, no optimiser, but saved with the model
  M target{};

  // Evaluation of the teacher: takes and gives tensors without gradient.
  template <Value X> constexpr auto operator()(const X& x) const {
    static_assert(Untracked<X>, "a teacher receives no gradient: call detach() first");
    if constexpr (Untracked<X>) return target(x);
  }
  const M* operator->() const { return &target; }

  // teacher = momentum teacher + (1 - momentum) source, parameter by parameter in the order of visit(); momentum 0 copies.
  // Neighbours in memory are followed in one kernel. T is the scalar of the model.
  template <class T = float, class Device> void follow(Device& device, M& source, StepScalar momentum) {
    std::vector<std::pair<const char*, std::int64_t>> from;
    each_parameter(source, [&](const Path&, auto& p) { from.emplace_back(static_cast<const char*>(p.value), bytes_of<T>(p)); });
    std::vector<detail::Follow> runs;
    std::size_t next = 0;
    each_parameter(target, [&](const Path&, auto& p) {
      const auto [at, bytes] = from[next++];
      char* to = static_cast<char*>(p.value);
      if (!runs.empty() && runs.back().to + runs.back().bytes == to && runs.back().from + runs.back().bytes == at)
        runs.back().bytes += bytes;
      else runs.push_back({to, at, bytes});
    });
    for (const detail::Follow& run : runs)
      kernel_forward(device, op::Blend{run.bytes / static_cast<std::int64_t>(sizeof(T)), momentum},
                     reinterpret_cast<T*>(run.to), reinterpret_cast<const T*>(run.from));
  }
  constexpr void visit(auto&& f) { f("target", target); }

 private:
  template <class T> static std::int64_t bytes_of(const auto& p) {
    return std::remove_cvref_t<decltype(p)>::shape_type::inner * static_cast<std::int64_t>(sizeof(T));
  }
};

}  // namespace vitrail
