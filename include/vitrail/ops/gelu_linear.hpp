// y = gelu(x) W^T + b in one pass, with an optional residual: the second half of a block's two layers. gelu(x) is not kept.
#pragma once
#include "linear.hpp"

namespace vitrail {

// x (..., In), weight (Out, In), bias (Out) -> (..., Out). The same as linear(gelu(x), weight, bias).
template <Value X, int Out, int In>
  requires LastAxisIs<shape_of<X>, In>
constexpr auto gelu_linear(const X& x, const Parameter<Shape<Out, In>>& weight, const Parameter<Shape<Out>>& bias) {
  return detail::linear_map<op::GeluLinear>(x, weight, bias);
}

// The same plus a residual of y's shape.
template <Value X, int Out, int In, Value R>
  requires LastAxisIs<shape_of<X>, In> && SameShape<shape_of<R>, replace_last_axis<shape_of<X>, Out>>
constexpr auto gelu_linear(const X& x, const Parameter<Shape<Out, In>>& weight, const Parameter<Shape<Out>>& bias, const R& residual) {
  return detail::linear_map<op::GeluLinear>(x, weight, bias, residual);
}

}  // namespace vitrail
