// A learned affine map of the last axis.
#pragma once
#include "../ops/linear.hpp"

namespace vitrail {

template <int In, int Out> struct Linear {
  Parameter<Shape<Out, In>> weight{};
  Parameter<Shape<Out>> bias{};

  // (..., In) -> (..., Out); with a residual of that shape added in the same pass.
  template <Value X, Value... R> constexpr auto operator()(const X& x, const R&... residual) const {
    static_assert(sizeof...(R) <= 1, "a linear layer takes one input, and at most one residual");
    static_assert(LastAxisIs<shape_of<X>, In>, "Linear<In, Out>: the last axis of its input must be In");
    if constexpr (LastAxisIs<shape_of<X>, In>) return linear(x, weight, bias, residual...);
  }

  constexpr void visit(auto&& f) { f("weight", weight), f("bias", bias); }
};

}  // namespace vitrail
