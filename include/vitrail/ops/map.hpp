// y = f(a, b, ...), elementwise, for any formula f. Its derivatives come from dual numbers: nothing is written twice.
#pragma once
#include <tuple>

#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"
#include "../core/shape_rules.hpp"

namespace vitrail {

// f is a lambda without captures, or a small functor, of numbers or duals: map([](auto x) { return x * x; }, x).
// For Cuda a functor, whose call operator is VITRAIL_HD. One to four inputs of one shape; the result has that shape.
template <class F, Value X, Value... Xs>
  requires(SameShape<shape_of<X>, shape_of<Xs>> && ...)
constexpr auto map(F f, const X& x, const Xs&... xs) {
  static_assert(sizeof...(Xs) < 4, "map takes at most four inputs");
  auto y = fresh<shape_of<X>>(x, xs...);
  const op::Map<F, 1 + static_cast<int>(sizeof...(Xs))> op{y.shape.size(), f};
  run(op, y, x, xs...);
  if constexpr ((Tracked<X> || ... || Tracked<Xs>))
    y.tape->on_backward(y.slot, [op, y, x, xs...] {
      const auto dy = y.grad();
      const std::tuple sinks{sink_in_place(x, y), sink(xs)...};  // in braces: from left to right on every compiler
      std::apply([&](auto... each) { run_backward(op, y, each..., dy, x, xs...); }, sinks);
    });
  return y;
}

}  // namespace vitrail
