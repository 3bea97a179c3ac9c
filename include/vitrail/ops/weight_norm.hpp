// y = x (W / |W|)^T: a linear map without bias whose rows have length one (Salimans and Kingma, "Weight normalization", 2016, with the
// gains fixed at 1). With x of length one too, y are cosines: how near x is to each of a set of prototypes.
#pragma once
#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"
#include "../core/shape_rules.hpp"

namespace vitrail {

// x (..., In), weight (Out, In) -> (..., Out). A row of zeros has no direction: its scores are no numbers.
template <Value X, int Out, int In>
  requires LastAxisIs<shape_of<X>, In>
constexpr auto weight_norm_linear(const X& x, const Parameter<Shape<Out, In>>& weight) {
  using T = scalar_of<X>;
  auto y = fresh<replace_last_axis<shape_of<X>, Out>>(x, weight);  // (..., Out)
  const auto plain = detach(x);
  auto norm = make_tensor<Shape<Out>, wide<T>>(*plain.arena);  // (Out)
  const op::WeightNormLinear op{x.shape.size() / In, In, Out};
  run(op, y, norm, x, weight);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, weight, norm] {
      const auto dx = sink(x);
      run_backward(op, y, dx, sink<T>(weight), y.grad(), x, weight, norm);
    });
  return y;
}

}  // namespace vitrail
