// Images cut into patches, and the nearest code of a patch. Neither has a gradient: images want none, codes are
// targets.
#pragma once
#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"
#include "../core/shape_rules.hpp"

namespace vitrail {

namespace detail {
// index: of the patches that are taken, or null.
template <int Patch, int Shrink, int To, Value X> constexpr auto patchify(const X& images, const auto& index) {
  static_assert(Patch % Shrink == 0, "patchify: the patch must be a multiple of the shrink factor");
  using S = shape_of<X>;
  constexpr int C = S::template extent<1>(), I = last_extent<S>, P = Patch / Shrink;
  static_assert(S::template extent<2>() == I, "patchify: images are square");
  const auto pixels = detach(images);
  auto y = fresh<Shape<first_extent<S>, To, C * P * P>>(pixels, index);  // (B, To, C P P)
  run(op::Patchify{images.shape.leading(), C, I, Patch, Shrink, To}, y, pixels, index);
  if constexpr (Tracked<X>) return images.tape->input(y);
  else return y;
}
}  // namespace detail

// images (B, C, I, I) -> (B, N, C P P) with N = (I / Patch)^2 and P = Patch / Shrink. Pixels of a patch come in the
// order (c, row, column), as in a convolution's weight. Shrink averages Shrink x Shrink pixels first.
template <int Patch, int Shrink = 1, Value X>
  requires RankIs<shape_of<X>, 4> && AxisDividesBy<shape_of<X>, -1, Patch>
constexpr auto patchify(const X& images) {
  constexpr int grid = last_extent<shape_of<X>> / Patch;
  return detail::patchify<Patch, Shrink, grid * grid>(images, static_cast<const int*>(nullptr));
}

// Those patches of each image alone that index names, in its order. images (B, C, I, I), index (B, To) -> (B, To, C P P).
template <int Patch, int Shrink = 1, Value X, int To>
  requires RankIs<shape_of<X>, 4> && AxisDividesBy<shape_of<X>, -1, Patch> && SameFirstAxis<shape_of<X>, Shape<dyn, To>>
constexpr auto patchify(const X& images, const Indices<To>& index) {
  return detail::patchify<Patch, Shrink, To>(images, index);
}

// x (B, N, P), codes (K, P) -> (B, N) integers: the row of codes with the largest inner product. Centred: after
// removing the mean of each x, which makes a patch's brightness irrelevant.
template <Value X, int K, int P>
  requires RankIs<shape_of<X>, 3> && LastAxisIs<shape_of<X>, P>
constexpr auto nearest_code(const X& x, const Parameter<Shape<K, P>>& codes, bool centred = false) {
  using S = shape_of<X>;
  const auto plain = detach(x);
  using Ids = Shape<first_extent<S>, S::template extent<1>()>;
  auto ids = make_tensor<Ids, int>(*plain.arena, Ids(x.shape.leading()));  // (B, N)
  run(op::NearestCode{x.shape.size() / P, P, K, centred}, ids, plain, exact_weights<scalar_of<X>>(codes));
  return ids;
}

}  // namespace vitrail
