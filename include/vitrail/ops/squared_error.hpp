// Mean of (a - b)^2 over all elements.
#pragma once
#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"
#include "../core/shape_rules.hpp"

namespace vitrail {

template <Value A, Value B> constexpr auto squared_error(const A& a, const B& b) {
  static_assert(SameShape<shape_of<A>, shape_of<B>>,
                "squared_error: both must have the same shape; view() gives a fixed batch a run-time one");
  if constexpr (SameShape<shape_of<A>, shape_of<B>>) {
    auto y = fresh_wide<Shape<>>(a, b);  // ()
    const op::SquaredError op{a.shape.size()};
    run(op, y, a, b);
    if constexpr (Tracked<A> || Tracked<B>)
      y.tape->on_backward(y.slot, [op, y, a, b] {
        const auto da = sink(a);
        run_backward(op, y, da, sink(b), y.grad(), a, b);
      });
    return y;
  }
}

}  // namespace vitrail
