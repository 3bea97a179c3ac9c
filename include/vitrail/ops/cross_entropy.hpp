// Cross-entropy of softmax(logits) with targets, averaged over rows.
#pragma once
#include <string>

#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"
#include "../core/shape_rules.hpp"

namespace vitrail {

template <class X> concept IntegerTargets = requires { typename X::shape_type; } && detail::holds_indices<X>;

// logits (B, M, K) with target (B, M), or logits (B, K) with target (B, 1): the index of the right class. -> ()
template <Value X, IntegerTargets I>
constexpr auto cross_entropy(const X& logits, const I& target) {
  using Rows = drop_last_axis<shape_of<X>>;
  using OnePerRow = std::conditional_t<shape_of<X>::rank == 2, append_axis<Rows, 1>, Rows>;
  static_assert(SameShape<shape_of<I>, OnePerRow>, "cross_entropy: one target per row of logits");
  constexpr int K = last_extent<shape_of<X>>;
  auto loss = fresh_wide<Shape<>>(logits, target);                  // ()
  auto lse = saved<drop_last_axis<shape_of<X>>>(logits);       // (B, M)
  const op::CrossEntropy op{logits.shape.size() / K, K};
  run(op, loss, lse, logits, target);
  if constexpr (Tracked<X>)
    loss.tape->on_backward(loss.slot, [op, loss, logits, lse, target] {
      run_backward(op, loss, sink(logits), loss.grad(), logits, lse, target);
    });
  return loss;
}

// Targets of any other kind: one sentence instead of a list of overloads. `auto`, so that the sentence comes before what a caller makes
// of a loss that is none.
namespace detail {
template <class Target, class Logits> constexpr bool are_targets() {
  if constexpr (IntegerTargets<Target>) return true;
  else if constexpr (Untracked<Target>) return SameShape<shape_of<Target>, shape_of<Logits>>;
  else return false;
}
}  // namespace detail
template <class Target, class Logits> concept TargetsOfLogits = (detail::are_targets<Target, Logits>());
template <Value X, class Target>
  requires(!TargetsOfLogits<Target, X>)
constexpr auto cross_entropy(const X&, const Target&) {
  static_assert(TargetsOfLogits<Target, X>,
                "cross_entropy: targets are class numbers (Indices, a Tensor of int), or probabilities of the logits' shape in a Tensor: "
                "detach() them");
}

// How targets are softened: `share` of the target and the rest of another class (mixup, cutmix), of which `smoothing` is taken and
// spread evenly over all classes (Szegedy et al. 2016, section 7).
struct TargetMix {
  double share = 1, smoothing = 0;
  int classes = 0;  // the first so many of the logits' are all that there are; 0: all of the logits'
};
namespace detail {
[[noreturn]] VITRAIL_NOINLINE inline void refuse_classes(int expected, int found) {
  throw ShapeError("cross_entropy: expected 1 to " + std::to_string(expected) + " classes, those of the logits, found " +
                   std::to_string(found));
}
}  // namespace detail

// logits (B, K) with target and other (B, 1): the classes of the two images that a mixed one shows. -> ()
template <Value X, class I>
constexpr auto cross_entropy(const X& logits, const I& target, const I& other, const TargetMix& mix) {
  static_assert(IntegerTargets<I>, "cross_entropy of mixed images: targets are class numbers (Indices, or a Tensor of int)");
  static_assert(SameShape<shape_of<I>, append_axis<drop_last_axis<shape_of<X>>, 1>>, "cross_entropy: one target per row of logits");
  constexpr int K = last_extent<shape_of<X>>;
  auto loss = fresh_wide<Shape<>>(logits, target, other);           // ()
  auto lse = saved<drop_last_axis<shape_of<X>>>(logits);       // (B)
  if (mix.classes < 0 || mix.classes > K) detail::refuse_classes(K, mix.classes);
  const op::MixedCrossEntropy op{logits.shape.size() / K, K, mix.classes == 0 ? K : mix.classes, mix.share, mix.smoothing};
  run(op, loss, lse, logits, target, other);
  if constexpr (Tracked<X>)
    loss.tape->on_backward(loss.slot, [op, loss, logits, lse, target, other] {
      run_backward(op, loss, sink(logits), loss.grad(), logits, lse, target, other);
    });
  return loss;
}

// logits (..., K) with target (..., K): probabilities, not differentiated (mixup, label smoothing, distillation). -> ()
template <Value X, Untracked P>
  requires SameShape<shape_of<X>, shape_of<P>>
constexpr auto cross_entropy(const X& logits, const P& target) {
  constexpr int K = last_extent<shape_of<X>>;
  auto loss = fresh_wide<Shape<>>(logits, target);                  // ()
  auto lse = saved<drop_last_axis<shape_of<X>>>(logits);       // (...)
  const op::SoftCrossEntropy op{logits.shape.size() / K, K};
  run(op, loss, lse, logits, target);
  if constexpr (Tracked<X>)
    loss.tape->on_backward(loss.slot, [op, loss, logits, lse, target] {
      run_backward(op, loss, sink(logits), loss.grad(), logits, lse, target);
    });
  return loss;
}

}  // namespace vitrail
