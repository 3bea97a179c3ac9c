// Operations on sequences of tokens (B, N, D): choose, place, join, cut, average. What masking is made of.
#pragma once
#include "arithmetic.hpp"

namespace vitrail {

// Row-indexed choice: y[b, j] = x[b, Lead + index[b, j]].  x (B, N, D), index (B, To) -> (B, To, D). With a class token
// in front, Lead = 1 lets indices count patches.
template <int Lead = 0, Value X, int To>
  requires RankIs<shape_of<X>, 3> && SameFirstAxis<shape_of<X>, Shape<dyn, To>>
constexpr auto gather(const X& x, const Indices<To>& index) {
  constexpr int N = shape_of<X>::template extent<1>(), D = last_extent<shape_of<X>>;
  auto y = fresh<Shape<first_extent<shape_of<X>>, To, D>>(x, index);  // (B, To, D)
  const op::Gather op{x.shape.leading(), N, To, D, Lead};
  run(op, y, x, index);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, index] { run_backward(op, y, sink(x), y.grad(), index); });
  return y;
}

// Each token's row of a table of places: y[b, j] = x[b, j] + table[index[b, j]].
// x (B, To, D), table (N, D), index (B, To) -> (B, To, D).
template <Value X, int N, int D, int To>
  requires RankIs<shape_of<X>, 3> && LastAxisIs<shape_of<X>, D> && SameFirstAxis<shape_of<X>, Shape<dyn, To>>
constexpr auto add_places(const X& x, const Parameter<Shape<N, D>>& table, const Indices<To>& index) {
  static_assert(shape_of<X>::template extent<1>() == To, "add_places: one index per token");
  auto y = fresh<shape_of<X>>(x, table, index);  // (B, To, D)
  const op::AddPlaces op{x.shape.leading(), To, N, D};
  run(op, y, x, table, index);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, table, index] {
      run_backward(op, y, sink<scalar_of<X>>(table), y.grad(), index);
      detail::pass_gradient(x, y, true);
    });
  return y;
}

// The same by indices that lie where x does: what another op has found.
template <Value X, class D, int To>
  requires RankIs<shape_of<X>, 3> && SameFirstAxis<shape_of<X>, Shape<dyn, To>>
constexpr auto gather(const X& x, const Tensor<Shape<dyn, To>, D, int>& index) {
  constexpr int N = shape_of<X>::template extent<1>(), C = last_extent<shape_of<X>>;
  auto y = fresh<Shape<first_extent<shape_of<X>>, To, C>>(x, index);  // (B, To, C)
  const op::Gather op{x.shape.leading(), N, To, C, 0};
  run(op, y, x, index);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, index] { run_backward(op, y, sink(x), y.grad(), index); });
  return y;
}

// Choice among integers: ids (B, N), index (B, To) -> (B, To).
template <class D, int N, int To>
constexpr auto gather(const Tensor<Shape<dyn, N>, D, int>& ids, const Indices<To>& index) {
  auto y = fresh<Shape<dyn, To>>(ids, index);  // (B, To)
  // As a pointer: these integers are values, and only those of `index` are places that a checking device compares.
  run(op::GatherIds{ids.shape.leading(), N, To}, y, static_cast<const int*>(ids.at), index);
  return y;
}

// Gather's adjoint: y[b, index[b, j]] += x[b, j] in a sequence of N zero tokens.  x (B, V, D) -> (B, N, D).
template <int N, Value X, int From>
  requires RankIs<shape_of<X>, 3> && SameFirstAxis<shape_of<X>, Shape<dyn, From>>
constexpr auto scatter(const X& x, const Indices<From>& index) {
  static_assert(shape_of<X>::template extent<1>() == From, "scatter: one index per token");
  constexpr int D = last_extent<shape_of<X>>;
  auto y = fresh<Shape<first_extent<shape_of<X>>, N, D>>(x, index);  // (B, N, D)
  const op::Scatter op{x.shape.leading(), From, N, D};
  run(op, y, x, index);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, index] { run_backward(op, y, sink(x), y.grad(), index); });
  return y;
}

// a (B, Na, D), b (B, Nb, D) -> (B, Na + Nb, D).
template <Value A, Value B>
  requires RankIs<shape_of<A>, 3> && RankIs<shape_of<B>, 3> && SameFirstAxis<shape_of<A>, shape_of<B>>
constexpr auto concat(const A& a, const B& b) {
  static_assert(SameLastAxis<shape_of<A>, shape_of<B>>, "concat joins tokens: a and b have the same dim");
  if constexpr (SameLastAxis<shape_of<A>, shape_of<B>>) {
    constexpr int Na = shape_of<A>::template extent<1>(), Nb = shape_of<B>::template extent<1>();
    constexpr int D = last_extent<shape_of<A>>;
    auto y = fresh<Shape<first_extent<shape_of<A>>, Na + Nb, D>>(a, b);  // (B, Na + Nb, D)
    const op::Concat op{y.shape.leading(), Na, Nb, D};
    run(op, y, a, b);
    if constexpr (Tracked<A> || Tracked<B>)
      y.tape->on_backward(y.slot, [op, y, a, b] {
        const auto da = sink(a);
        run_backward(op, y, da, sink(b), y.grad());
      });
    return y;
  }
}

// Tokens First .. First + Count - 1.  x (B, N, D) -> (B, Count, D).
template <int First, int Count, Value X>
  requires RankIs<shape_of<X>, 3> && TokensInRange<shape_of<X>, First, Count>
constexpr auto slice_tokens(const X& x) {
  constexpr int N = shape_of<X>::template extent<1>(), D = last_extent<shape_of<X>>;
  auto y = fresh<Shape<first_extent<shape_of<X>>, Count, D>>(x);  // (B, Count, D)
  const op::Slice op{x.shape.leading(), N, First, Count, D};
  run(op, y, x);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x] { run_backward(op, y, sink(x), y.grad()); });
  return y;
}

// A learned token, at its learned place, in front of every sequence.
// x (B, N, D), token (D), place (D) -> (B, 1 + N, D).
template <Value X, int D>
  requires RankIs<shape_of<X>, 3> && LastAxisIs<shape_of<X>, D>
constexpr auto prepend(const X& x, const Parameter<Shape<D>>& token, const Parameter<Shape<D>>& place) {
  using T = scalar_of<X>;
  constexpr int N = shape_of<X>::template extent<1>();
  auto y = fresh<Shape<first_extent<shape_of<X>>, 1 + N, D>>(x, token, place);  // (B, 1 + N, D)
  const op::Prepend op{x.shape.leading(), N, D};
  run(op, y, x, token, place);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, token, place] {
      run_backward(op, y, sink(x), sink<T>(token), sink<T>(place), y.grad());
    });
  return y;
}

// Puts the seen tokens back where they belong among N, and the mask token at its place everywhere else. The first
// `Lead` tokens of x (a class token) stay in front.
// x (B, Lead + V, D), token (D), places (N, D), seen (B, V) -> (B, Lead + N, D).
template <int Lead, Value X, int D, int N, int V>
  requires RankIs<shape_of<X>, 3> && LastAxisIs<shape_of<X>, D> && SameFirstAxis<shape_of<X>, Shape<dyn, V>>
constexpr auto complete(const X& x, const Parameter<Shape<D>>& token, const Parameter<Shape<N, D>>& places,
                        const Indices<V>& seen) {
  static_assert(shape_of<X>::template extent<1>() == Lead + V, "complete: one index per seen token");
  using T = scalar_of<X>;
  auto y = fresh<Shape<first_extent<shape_of<X>>, Lead + N, D>>(x, token, places, seen);  // (B, Lead + N, D)
  const op::Complete op{x.shape.leading(), V, N, Lead, D};
  run(op, y, x, token, places, seen);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, token, places, seen] {
      run_backward(op, y, sink(x), sink<T>(token), sink<T>(places), y.grad(), seen);
    });
  return y;
}

// The mean over tokens First, First + 1, ...  x (B, N, D) -> (B, D).
template <int First = 0, Value X>
  requires RankIs<shape_of<X>, 3> && TokensInRange<shape_of<X>, First, 1>
constexpr auto mean_tokens(const X& x) {
  constexpr int N = shape_of<X>::template extent<1>(), D = last_extent<shape_of<X>>;
  auto y = fresh<Shape<first_extent<shape_of<X>>, D>>(x);  // (B, D)
  const op::MeanTokens op{x.shape.leading(), N, First, D};
  run(op, y, x);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x] { run_backward(op, y, sink(x), y.grad()); });
  return y;
}

// (B, P V, D) -> (P B, V, D): rows P i .. P i + P - 1 are the parts of sequence i. No copy.
template <int P, Value X>
  requires RankIs<shape_of<X>, 3> && AxisDividesBy<shape_of<X>, 1, P>
constexpr auto unfold(const X& x) {
  using S = Shape<dyn, shape_of<X>::template extent<1>() / P, last_extent<shape_of<X>>>;
  return view(x, S(x.shape.leading() * P));
}
template <int P, int Count> constexpr Indices<Count / P> unfold(const Indices<Count>& index) {
  static_assert(Count % P == 0, "unfold: the number of indices must be a multiple of the number of parts");
  return {index.at, Shape<dyn, Count / P>(index.shape.leading() * P)};
}
template <int P, class D, int Count> constexpr auto unfold(const Tensor<Shape<dyn, Count>, D, int>& ids) {
  static_assert(Count % P == 0, "unfold: the number of ids must be a multiple of the number of parts");
  return view(ids, Shape<dyn, Count / P>(ids.shape.leading() * P));
}

}  // namespace vitrail
