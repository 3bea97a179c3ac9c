// What ranks that train on one batch know of each other's rows. On a device without ranks these cost nothing: x itself comes back.
#pragma once
#include "../autograd/run.hpp"
#include "../backends/communicator.hpp"
#include "../core/shape_rules.hpp"

namespace vitrail {

// x (R, ...) -> (ranks R, ...): the rows of all ranks, those of rank 0 first. What is computed of them belongs to the whole batch. The
// gradient of a rank's rows is the sum of what all ranks find; fit takes the mean of all gradients over ranks, so that a loss of the
// whole batch, which every rank computes, counts once.
template <Value X> constexpr auto all_rows(const X& x) {
  if constexpr (!HasRanks<typename X::device_type>) {
    return x;
  } else {
    using S = shape_of<X>;
    static_assert(S::dynamic, "all_rows: the leading extent must be a run-time number, dyn, because the ranks' rows come to it");
    auto y = fresh_as(S(x.shape.leading() * x.device().part().ranks), x);
    const op::AllRows op{x.shape.size(), x.device().part().ranks};
    kernel_forward(x.device(), op, y.data(), static_cast<const scalar_of<X>*>(x.data()));
    if constexpr (Tracked<X>)
      y.tape->on_backward(y.slot, [op, x, y] { run_backward(op, y, sink(x), y.grad()); });
    return y;
  }
}

// The way back. x (ranks R, ...) -> (R, ...): this rank's rows.
template <Value X> constexpr auto own_rows(const X& x) {
  if constexpr (!HasRanks<typename X::device_type>) {
    return x;
  } else {
    const Part& part = x.device().part();
    auto y = fresh_as(shape_of<X>(x.shape.leading() / part.ranks), x);
    const op::OwnRows op{y.shape.size(), part.rank, part.ranks};
    kernel_forward(x.device(), op, y.data(), static_cast<const scalar_of<X>*>(x.data()));
    if constexpr (Tracked<X>)
      y.tape->on_backward(y.slot, [op, x, y] { run_backward(op, y, sink(x), y.grad()); });
    return y;
  }
}

// The numbers of a parameter that a step writes, such as a running mean's latest, become their mean over ranks. `like`: any value of the
// step.
template <Value X, class S> constexpr void mean_over_ranks([[maybe_unused]] const X& like, [[maybe_unused]] const Parameter<S>& written) {
  if constexpr (HasRanks<typename X::device_type>)
    kernel_forward(like.device(), op::MeanOverRanks{S::inner}, wide_weights<scalar_of<X>>(written));
}

}  // namespace vitrail
