// Ema: a module that follows another one slowly and learns nothing itself: a teacher (Tarvainen and Valpola 2017).
#pragma once
#include <vector>

#include "../autograd/var.hpp"
#include "module.hpp"

namespace vitrail {

// A factor that may change at every step, between 0 (copy) and 1 (stay).
using StepScalar = double;

template <class M> struct Ema {
  static constexpr bool frozen = true;  // no gradient, no optimiser, but saved with the model
  M target{};

  // Evaluation of the teacher: takes and gives tensors without gradient.
  template <Value X> constexpr auto operator()(const X& x) const {
    static_assert(Untracked<X>, "a teacher receives no gradient: call detach() first");
    if constexpr (Untracked<X>) return target(x);
  }
  constexpr const M* operator->() const { return &target; }

  // teacher = momentum teacher + (1 - momentum) source, for every parameter in the order of visit(). Neighbours in memory are
  // followed in one kernel. Call it with momentum 0 in the objective's start(), and in its after_step().
  void follow(M& source, StepScalar momentum) {
    std::vector<const void*> from;
    each_parameter(source, [&](const Path&, auto& p) { from.push_back(p.value); });
    Stretch run;
    std::size_t next = 0;
    each_parameter(target, [&](const Path&, auto& p) {
      const std::int64_t count = std::remove_reference_t<decltype(p)>::shape_type::inner;
      const Stretch here{p.home, static_cast<char*>(p.value), static_cast<const char*>(from[next++]), count};
      if (run.continues_at(here)) {
        run.count += count;
      } else {
        run.blend(momentum);
        run = here;
      }
    });
    run.blend(momentum);
  }
  constexpr void visit(auto&& f) { f("target", target); }

 private:
  struct Stretch {
    const BufferHome* home = nullptr;
    char* to = nullptr;
    const char* from = nullptr;
    std::int64_t count = 0;

    bool continues_at(const Stretch& next) const {
      if (home == nullptr) return false;
      const std::int64_t bytes = count * static_cast<std::int64_t>(home->scalar_bytes);
      return to + bytes == next.to && from + bytes == next.from;
    }
    void blend(double keep) const {
      if (home != nullptr) home->blend(to, from, count, keep);
    }
  };
};

}  // namespace vitrail
