// The cross-entropy of a linear head: what cross_entropy(linear(x, weight, bias), target) gives, without ever holding the scores of
// the batch.
#pragma once
#include "cross_entropy.hpp"

namespace vitrail {

// x (B, M, In) with target (B, M), or x (B, In) with target (B, 1); weight (Classes, In), bias (Classes). -> ()
// What is kept: the gradient of x and one of the weights.
template <Value X, int Classes, int In, class I>
  requires LastAxisIs<shape_of<X>, In>
constexpr auto linear_cross_entropy(const X& x, const Parameter<Shape<Classes, In>>& weight, const Parameter<Shape<Classes>>& bias,
                                    const I& target) {
  static_assert(IntegerTargets<I>, "linear_cross_entropy: targets are class numbers (Indices, or a Tensor of int)");
  using T = scalar_of<X>;
  using Rows = drop_last_axis<shape_of<X>>;
  using OnePerRow = std::conditional_t<shape_of<X>::rank == 2, append_axis<Rows, 1>, Rows>;
  static_assert(SameShape<shape_of<I>, OnePerRow>, "linear_cross_entropy: one target per row");
  auto loss = fresh_wide<Shape<>>(x, weight, bias, target);  // ()
  op::LinearCrossEntropy op{x.shape.size() / In, In, Classes, false};
  if constexpr (Tracked<X>) {
    if (loss.slot != nullptr) {
      op.gradients = true;
      auto dx = saved_as<shape_of<X>, T>(x);        // (B, M, In)
      auto dweight = saved<Shape<Classes, In>>(x);  // (Classes, In)
      auto dbias = saved<Shape<Classes>>(x);        // (Classes)
      run(op, loss, dx, dweight, dbias, x, weight, bias, target);
      loss.tape->on_backward(loss.slot, [op, loss, x, weight, bias, dx, dweight, dbias] {
        run_backward(op, loss, sink(x), sink<T>(weight), sink<T>(bias), loss.grad(), dx, dweight, dbias);
      });
      return loss;
    }
  }
  wide<T>* const none = nullptr;
  run(op, loss, static_cast<T*>(nullptr), none, none, x, weight, bias, target);
  return loss;
}

}  // namespace vitrail
