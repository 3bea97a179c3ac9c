// y = layer_norm(x) W^T + b in one pass: what a pre-norm block does twice. The normalised values are not kept.
#pragma once
#include "layer_norm.hpp"

namespace vitrail {

// x (..., In), gain and shift (In), weight (Out, In), bias (Out) -> (..., Out). The same as linear(layer_norm(x, ...), ...).
// The bias: a parameter, or a value that is made of some.
template <Value X, int Out, int In, class Bias>
requires LastAxisIs<shape_of<X>, In> && SameShape<shape_of<Bias>, Shape<Out>>
constexpr auto norm_linear(const X& x, const Parameter<Shape<In>>& gain, const Parameter<Shape<In>>& shift,
                           const Parameter<Shape<Out, In>>& weight, const Bias& bias, double eps = 1e-6) {
  using T = scalar_of<X>;
  auto y = fresh<replace_last_axis<shape_of<X>, Out>>(x, gain, shift, weight, bias);  // (..., Out)
  auto mean = saved<drop_last_axis<shape_of<X>>>(x);                                  // (...)
  auto rstd = saved<drop_last_axis<shape_of<X>>>(x);                                  // (...)
  const op::NormLinear op{x.shape.size() / In, In, Out, eps};
  run(op, y, mean, rstd, x, gain, shift, weight, bias);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, mean, rstd, gain, shift, weight, bias] {
      const auto dbias = sink<T>(bias);
      run_backward(op, y, sink(x), sink<T>(gain), sink<T>(shift), sink<T>(weight), dbias, y.grad(), x, mean, rstd, gain, shift, weight);
    });
  return y;
}

}  // namespace vitrail
