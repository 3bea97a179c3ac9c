// y = gelu(x) W^T + b in one pass, with an optional residual: the second half of a block's two layers. gelu(x) is not kept.
#pragma once
#include "arithmetic.hpp"

namespace vitrail {

// x (..., In), weight (Out, In), bias (Out) -> (..., Out). The same as linear(gelu(x), weight, bias).
template <Value X, int Out, int In>
requires LastAxisIs<shape_of<X>, In>
constexpr auto gelu_linear(const X& x, const Parameter<Shape<Out, In>>& weight, const Parameter<Shape<Out>>& bias) {
  using T = scalar_of<X>;
  auto y = fresh<replace_last_axis<shape_of<X>, Out>>(x, weight, bias);  // (..., Out)
  const op::GeluLinear op{x.shape.size() / In, In, Out};
  run(op, y, x, weight, bias, static_cast<const T*>(nullptr));
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot,
                        [op, y, x, weight, bias] { run_backward(op, y, sink(x), sink<T>(weight), sink<T>(bias), y.grad(), x, weight); });
  return y;
}

// The same plus a residual of y's shape.
template <Value X, int Out, int In, Value R>
requires LastAxisIs<shape_of<X>, In> && SameShape<shape_of<R>, replace_last_axis<shape_of<X>, Out>>
constexpr auto gelu_linear(const X& x, const Parameter<Shape<Out, In>>& weight, const Parameter<Shape<Out>>& bias, const R& residual) {
  using T = scalar_of<X>;
  auto y = fresh<replace_last_axis<shape_of<X>, Out>>(x, weight, bias, residual);  // (..., Out)
  const op::GeluLinear op{x.shape.size() / In, In, Out};
  run(op, y, x, weight, bias, residual);
  if constexpr (Tracked<X> || Tracked<R>)
    y.tape->on_backward(y.slot, [op, y, x, weight, bias, residual] {
      run_backward(op, y, sink(x), sink<T>(weight), sink<T>(bias), y.grad(), x, weight);
      detail::pass_gradient(residual, y, true);
    });
  return y;
}

}  // namespace vitrail
