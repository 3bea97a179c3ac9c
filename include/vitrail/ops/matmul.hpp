// Products of matrices, one per leading index.
#pragma once
#include "arithmetic.hpp"

namespace vitrail {

template <class A, class B> concept InnerExtentsAgree = (A::template extent<-1>() == B::template extent<-2>());

namespace detail {
// a (B, N, K) times b (B, K, M), or times the transposed of b (B, M, K) -> (B, N, M).
template <int M, Value A, Value B> constexpr auto multiply(const A& a, const B& b, bool transpose_b) {
  constexpr int N = shape_of<A>::template extent<1>(), K = last_extent<shape_of<A>>;
  auto y = fresh<Shape<first_extent<shape_of<A>>, N, M>>(a, b);  // (B, N, M)
  const op::MatMul op{y.shape.leading(), N, K, M, transpose_b};
  run(op, y, a, b);
  if constexpr (Tracked<A> || Tracked<B>)
    y.tape->on_backward(y.slot, [op, y, a, b] {
      const auto da = sink(a);
      run_backward(op, y, da, sink(b), y.grad(), a, b);
    });
  return y;
}
}  // namespace detail

// a (B, N, K), b (B, K, M) -> (B, N, M).
template <Value A, Value B>
  requires RankIs<shape_of<A>, 3> && RankIs<shape_of<B>, 3> && SameFirstAxis<shape_of<A>, shape_of<B>>
constexpr auto matmul(const A& a, const B& b) {
  static_assert(InnerExtentsAgree<shape_of<A>, shape_of<B>>, "matmul: a has as many columns as b has rows");
  if constexpr (InnerExtentsAgree<shape_of<A>, shape_of<B>>) return detail::multiply<last_extent<shape_of<B>>>(a, b, false);
}

// a (B, N, K), b (B, M, K) -> a b^T (B, N, M): scores of queries against keys.
template <Value A, Value B>
  requires RankIs<shape_of<A>, 3> && RankIs<shape_of<B>, 3> && SameFirstAxis<shape_of<A>, shape_of<B>>
constexpr auto matmul_transposed(const A& a, const B& b) {
  static_assert(SameLastAxis<shape_of<A>, shape_of<B>>, "matmul_transposed: a and b have as many columns as each other");
  if constexpr (SameLastAxis<shape_of<A>, shape_of<B>>)
    return detail::multiply<shape_of<B>::template extent<1>()>(a, b, true);
}

}  // namespace vitrail
