// Values in their wide scalar: what is compared with numbers that are not rounded, or must not be rounded again, is computed in that.
#pragma once
#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"

namespace vitrail {

// x (...) -> (...), in float if x is in bfloat16; its gradient is rounded on the way back. Values of other scalars are x itself.
template <Value X>
constexpr auto widen(const X& x) {
  if constexpr (std::is_same_v<scalar_of<X>, wide<scalar_of<X>>>) {
    return x;
  } else {
    auto y = fresh_wide<shape_of<X>>(x);  // (...)
    const op::Widen op{x.shape.size()};
    run(op, y, x);
    if constexpr (Tracked<X>) y.tape->on_backward(y.slot, [op, y, x] { run_backward(op, y, sink(x), y.grad()); });
    return y;
  }
}

}  // namespace vitrail
