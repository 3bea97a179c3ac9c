// y = (x - mean) / sqrt(variance + eps) * gain + bias over the last axis (Ba, Kiros, Hinton 2016).
#pragma once
#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"
#include "../core/shape_rules.hpp"

namespace vitrail {

// x (..., D), gain (D), bias (D) -> (..., D). eps 1e-6 as in ViT; PyTorch's default is 1e-5.
template <Value X, int D>
  requires LastAxisIs<shape_of<X>, D>
constexpr auto layer_norm(const X& x, const Parameter<Shape<D>>& gain, const Parameter<Shape<D>>& bias,
                          double eps = 1e-6) {
  using T = scalar_of<X>;
  auto y = fresh<shape_of<X>>(x, gain, bias);            // (..., D)
  auto mean = saved<drop_last_axis<shape_of<X>>>(x);     // (...)
  auto rstd = saved<drop_last_axis<shape_of<X>>>(x);     // (...)
  const op::LayerNorm op{x.shape.size() / D, D, eps};
  run(op, y, mean, rstd, x, gain, bias);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, mean, rstd, gain, bias] {
      run_backward(op, y, sink(x), sink<T>(gain), sink<T>(bias), y.grad(), x, mean, rstd, gain);
    });
  return y;
}

}  // namespace vitrail
