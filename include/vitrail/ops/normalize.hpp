// Rows of length one, rows of mean zero and variance one, and cosines between rows.
#pragma once
#include "reduce.hpp"

namespace vitrail {

// y = x / max(|x|, eps) over the last axis (eps as in PyTorch's normalize).
template <Value X> constexpr auto normalize(const X& x, double eps = 1e-12) {
  constexpr int D = last_extent<shape_of<X>>;
  auto y = fresh<shape_of<X>>(x);                      // (..., D)
  auto norm = saved<drop_last_axis<shape_of<X>>>(x);   // (...)
  const op::Normalize op{x.shape.size() / D, D, eps};
  run(op, y, norm, x);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, norm, x] { run_backward(op, y, sink(x), y.grad(), y, norm); });
  return y;
}

// y = (x - mean) / sqrt(variance + eps) over the last axis, with the variance of a sample: sum (x - mean)^2 / (D - 1). What MAE makes
// of a patch's pixels (He et al., CVPR 2022, and its published code).
template <Value X> constexpr auto standardize(const X& x, double eps = 1e-6) {
  constexpr int D = last_extent<shape_of<X>>;
  static_assert(D > 1, "standardize: one number has no variance");
  auto y = fresh<shape_of<X>>(x);                      // (..., D)
  auto rstd = saved<drop_last_axis<shape_of<X>>>(x);   // (...)
  const op::Standardize op{x.shape.size() / D, D, eps};
  run(op, y, rstd, x);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, rstd, x] { run_backward(op, y, sink(x), y.grad(), y, rstd); });
  return y;
}

// The cosine of the angle between corresponding rows: (..., D), (..., D) -> (...).
template <Value A, Value B> constexpr auto cosine(const A& a, const B& b) {
  static_assert(SameShape<shape_of<A>, shape_of<B>>,
                "cosine: both must have the same shape; a guess of another width needs a head, a Linear of that width");
  if constexpr (SameShape<shape_of<A>, shape_of<B>>) {
    auto unit_a = normalize(a);
    auto unit_b = normalize(b);
    return sum_last(unit_a * unit_b);
  }
}

}  // namespace vitrail
