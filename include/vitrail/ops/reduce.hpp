// Sums and means: of everything to one number, or over the last axis.
#pragma once
#include "arithmetic.hpp"

namespace vitrail {

namespace detail {
template <Value X> constexpr auto sum_all(const X& x, double by) {
  auto y = fresh_wide<Shape<>>(x);  // ()
  const op::SumAll op{x.shape.size(), by};
  run(op, y, x);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x] { run_backward(op, y, sink(x), y.grad()); });
  return y;
}
template <Value X> constexpr auto sum_rows(const X& x, double by) {
  constexpr int D = last_extent<shape_of<X>>;
  auto y = fresh<drop_last_axis<shape_of<X>>>(x);  // (...)
  const op::SumRows op{x.shape.size() / D, D, by};
  run(op, y, x);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x] { run_backward(op, y, sink(x), y.grad()); });
  return y;
}
}  // namespace detail

template <Value X> constexpr auto sum(const X& x) { return detail::sum_all(x, 1); }  // -> ()
template <Value X> constexpr auto mean(const X& x) {                                 // -> (); 0 for an empty batch
  return detail::sum_all(x, x.shape.size() == 0 ? 0 : 1.0 / static_cast<double>(x.shape.size()));
}
template <Value X> constexpr auto sum_last(const X& x) { return detail::sum_rows(x, 1); }  // (..., D) -> (...)
template <Value X> constexpr auto mean_last(const X& x) { return detail::sum_rows(x, 1.0 / last_extent<shape_of<X>>); }

}  // namespace vitrail
