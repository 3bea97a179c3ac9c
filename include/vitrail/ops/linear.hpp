// y = x W^T + b over the last axis, with an optional residual: y = x W^T + b + r.
#pragma once
#include "arithmetic.hpp"

namespace vitrail {

namespace detail {
// What linear and gelu_linear do, whose ops differ. residual: none, or one.
template <class Op, Value X, int Out, int In, Value... R>
constexpr auto linear_map(const X& x, const Parameter<Shape<Out, In>>& weight, const Parameter<Shape<Out>>& bias, const R&... residual) {
  using T = scalar_of<X>;
  auto y = fresh<replace_last_axis<shape_of<X>, Out>>(x, weight, bias, residual...);  // (..., Out)
  const Op op{x.shape.size() / In, In, Out};
  if constexpr (sizeof...(R) == 0) run(op, y, x, weight, bias, static_cast<const T*>(nullptr));
  else run(op, y, x, weight, bias, residual...);
  if constexpr ((Tracked<X> || ... || Tracked<R>))
    y.tape->on_backward(y.slot, [op, y, x, weight, bias, residual...] {
      run_backward(op, y, sink(x), sink<T>(weight), sink<T>(bias), y.grad(), x, weight);
      (pass_gradient(residual, y, true), ...);
    });
  return y;
}
}  // namespace detail

// x (..., In), weight (Out, In), bias (Out) -> (..., Out).
template <Value X, int Out, int In>
  requires LastAxisIs<shape_of<X>, In>
constexpr auto linear(const X& x, const Parameter<Shape<Out, In>>& weight, const Parameter<Shape<Out>>& bias) {
  return detail::linear_map<op::Linear>(x, weight, bias);
}

// Without a bias: in front of a normalisation that would take it away again.
template <Value X, int Out, int In>
  requires LastAxisIs<shape_of<X>, In>
constexpr auto linear(const X& x, const Parameter<Shape<Out, In>>& weight) {
  using T = scalar_of<X>;
  auto y = fresh<replace_last_axis<shape_of<X>, Out>>(x, weight);  // (..., Out)
  const op::Linear op{x.shape.size() / In, In, Out};
  run(op, y, x, weight, static_cast<const T*>(nullptr), static_cast<const T*>(nullptr));
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, weight] {
      const auto dx = sink(x);
      run_backward(op, y, dx, sink<T>(weight), Sink<wide<T>>{}, y.grad(), x, weight);
    });
  return y;
}

// The same plus a residual of y's shape, in one pass: what a pre-norm block does twice.
template <Value X, int Out, int In, Value R>
  requires LastAxisIs<shape_of<X>, In> && SameShape<shape_of<R>, replace_last_axis<shape_of<X>, Out>>
constexpr auto linear(const X& x, const Parameter<Shape<Out, In>>& weight, const Parameter<Shape<Out>>& bias, const R& residual) {
  return detail::linear_map<op::Linear>(x, weight, bias, residual);
}

}  // namespace vitrail
