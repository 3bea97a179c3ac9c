// y = gelu(layer_norm(x) W1^T + b1) W2^T + b2, with an optional residual: the second half of a pre-norm block.
#pragma once
#include "gelu_linear.hpp"
#include "norm_linear.hpp"

namespace vitrail {

// x (..., D), gain, shift and b2 (D), W1 (F, D), b1 (F), W2 (D, F), residual: none, or one of x's shape -> (..., D).
// Values in bfloat16 keep what goes into GELU and what comes out, so that products can make one from the other, and take GELU's tanh form,
// which those have: it differs by less than 5e-4, within what bfloat16 rounds away. Others make gelu_linear(norm_linear(x)), exactly.
template <Value X, int D, int F, Value... R>
requires LastAxisIs<shape_of<X>, D>
constexpr auto norm_mlp(const X& x, const Parameter<Shape<D>>& gain, const Parameter<Shape<D>>& shift, const Parameter<Shape<F, D>>& w1,
                        const Parameter<Shape<F>>& b1, const Parameter<Shape<D, F>>& w2, const Parameter<Shape<D>>& b2,
                        const R&... residual) {
  using T = scalar_of<X>;
  if constexpr (!std::is_same_v<T, bfloat16>) {
    return gelu_linear(norm_linear(x, gain, shift, w1, b1), w2, b2, residual...);
  } else {
    using Inner = replace_last_axis<shape_of<X>, F>;
    auto y = fresh<shape_of<X>>(x, gain, shift, w1, b1, w2, b2, residual...);  // (..., D)
    const auto mean = saved<drop_last_axis<shape_of<X>>>(x);                   // (...)
    const auto rstd = saved<drop_last_axis<shape_of<X>>>(x);                   // (...)
    const auto before = saved_as<Inner, T>(x);                                 // (..., F)
    const auto after = saved_as<Inner, T>(x);                                  // (..., F)
    const op::NormMlp op{x.shape.size() / D, D, F, 1e-6};
    if constexpr (sizeof...(R) == 0) run(op, y, mean, rstd, before, after, x, gain, shift, w1, b1, w2, b2, static_cast<const T*>(nullptr));
    else run(op, y, mean, rstd, before, after, x, gain, shift, w1, b1, w2, b2, residual...);
    if constexpr ((Tracked<X> || ... || Tracked<R>))
      y.tape->on_backward(y.slot, [=] {
        run_backward(op, y, sink(x), sink<T>(gain), sink<T>(shift), sink<T>(w1), sink<T>(b1), sink<T>(w2), sink<T>(b2), y.grad(), x, mean,
                     rstd, before, after, gain, shift, w1, w2);
        (detail::pass_gradient(residual, y, true), ...);
      });
    return y;
  }
}

}  // namespace vitrail
