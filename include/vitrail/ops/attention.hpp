// Multi-head self-attention, fused: softmax(Q K^T / sqrt(Dh)) V per head (Vaswani et al. 2017). No N x N matrix stays.
#pragma once
#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"
#include "../core/shape_rules.hpp"

namespace vitrail {

// qkv (B, N, 3 D), the output of one projection, laid out (3, H, Dh) as timm does -> (B, N, D).
template <int H, Value X>
  requires RankIs<shape_of<X>, 3> && AxisDividesBy<shape_of<X>, -1, 3 * H>
constexpr auto attention(const X& qkv) {
  constexpr int N = shape_of<X>::template extent<1>(), D = last_extent<shape_of<X>> / 3;
  auto y = fresh<replace_last_axis<shape_of<X>, D>>(qkv);       // (B, N, D)
  auto lse = saved<Shape<first_extent<shape_of<X>>, H, N>>(qkv);  // (B, H, N)
  const op::Attention op{qkv.shape.leading(), N, H, D / H};
  run(op, y, lse, qkv);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, qkv, lse] { run_backward(op, y, sink(qkv), y.grad(), y, qkv, lse); });
  return y;
}

}  // namespace vitrail
