// y = x Phi(x), elementwise, and its tanh form (Hendrycks and Gimpel 2016).
#pragma once
#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"

namespace vitrail {

namespace detail {
template <Value X> constexpr auto gelu(const X& x, bool tanh_form) {
  auto y = fresh<shape_of<X>>(x);
  const op::Gelu op{x.shape.size(), tanh_form};
  run(op, y, x);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x] {
      const auto dy = y.grad();
      run_backward(op, y, sink_in_place(x, y), dy, x);
    });
  return y;
}
}  // namespace detail

template <Value X> constexpr auto gelu(const X& x) { return detail::gelu(x, false); }
template <Value X> constexpr auto gelu_tanh(const X& x) { return detail::gelu(x, true); }

}  // namespace vitrail
