// Multi-head self-attention, fused: softmax(Q K^T / sqrt(Dh)) V per head (Vaswani et al. 2017). No N x N matrix stays. And the
// same with a bias for every pair of tokens, which relative positions give (BEiT: Bao et al., ICLR 2022, and its published code).
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

// The same with softmax(Q K^T / sqrt(Dh) + bias).  bias (H, N, N), for all sequences -> (B, N, D).
template <int H, Value X, Value Bias>
  requires RankIs<shape_of<X>, 3> && AxisDividesBy<shape_of<X>, -1, 3 * H> &&
           SameShape<shape_of<Bias>, Shape<H, shape_of<X>::template extent<1>(), shape_of<X>::template extent<1>()>>
constexpr auto attention(const X& qkv, const Bias& bias) {
  constexpr int N = shape_of<X>::template extent<1>(), D = last_extent<shape_of<X>> / 3;
  auto y = fresh<replace_last_axis<shape_of<X>, D>>(qkv, bias);   // (B, N, D)
  auto lse = saved<Shape<first_extent<shape_of<X>>, H, N>>(qkv);  // (B, H, N)
  const op::BiasedAttention op{qkv.shape.leading(), N, H, D / H};
  run(op, y, lse, qkv, bias);
  if constexpr (Tracked<X> || Tracked<Bias>)
    y.tape->on_backward(y.slot, [op, y, qkv, bias, lse] {
      const auto dqkv = sink(qkv);
      run_backward(op, y, dqkv, sink(bias), y.grad(), y, qkv, lse, bias);
    });
  return y;
}

// A table of biases spread over all pairs of an image's tokens: one row per difference of places on a Grid x Grid lattice, and with a
// class token in front (Lead = 1) three more, see op::RelativeBias. `like` only says where the result lives.
// table ((2 Grid - 1)^2 + 3 Lead, H) -> (H, S, S) with S = Lead + Grid^2.
template <int Grid, int Lead, Value X, int Rows, int H>
constexpr auto relative_bias(const X& like, const Parameter<Shape<Rows, H>>& table) {
  using T = scalar_of<X>;
  constexpr op::RelativeBias op{H, Grid, Lead};
  static_assert(Rows == op.rows(), "relative_bias: the table must have (2 grid - 1)^2 rows, and 3 more for a class token");
  auto y = fresh_as(Shape<H, op.tokens(), op.tokens()>(), like, table);  // (H, S, S)
  run(op, y, table);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, table] { run_backward(op, y, sink<T>(table), y.grad()); });
  return y;
}

// The bias of a projection to q, k, v in which k has none: [q | 0 | v]. `like` only says where the result lives.
// q, v (D) -> (3 D).
template <Value X, int D> constexpr auto query_value_bias(const X& like, const Parameter<Shape<D>>& q, const Parameter<Shape<D>>& v) {
  using T = scalar_of<X>;
  auto y = fresh_as(Shape<3 * D>(), like, q, v);  // (3 D)
  const op::QueryValueBias op{D};
  run(op, y, q, v);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, q, v] { run_backward(op, y, sink<T>(q), sink<T>(v), y.grad()); });
  return y;
}

}  // namespace vitrail
