// y = exp(x) / sum exp(x) over the last axis.
#pragma once
#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"

namespace vitrail {

template <Value X> constexpr auto softmax(const X& x) {
  auto y = fresh<shape_of<X>>(x);
  constexpr int K = last_extent<shape_of<X>>;
  const op::Softmax op{x.shape.size() / K, K};
  run(op, y, x);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x] { run_backward(op, y, sink(x), y.grad(), y); });
  return y;
}

}  // namespace vitrail
