// Operations on feature pyramids: planes from tokens, levels added up, and regions cut out. Boxes are tensors (B, R, 4), corners in pixels
// of the view, and have no gradient.
#pragma once
#include "../backends/detection_catalog.hpp"
#include "arithmetic.hpp"

namespace vitrail {

namespace detail {
template <class Y, Value X> constexpr auto transpose(const X& x, const op::Transpose& op) {
  auto y = fresh<Y>(x);
  run(op, y, x);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x] { run_backward(op, y, sink(x), y.grad()); });
  return y;
}
}  // namespace detail

// Tokens First .. First + H W - 1 as planes: x (B, N, C) -> (B, C, H, W), token by token row by row.
template <int H, int W, int First = 0, Value X>
  requires RankIs<shape_of<X>, 3> && TokensInRange<shape_of<X>, First, H * W>
constexpr auto planes_of_tokens(const X& x) {
  constexpr int N = shape_of<X>::template extent<1>(), C = last_extent<shape_of<X>>;
  return detail::transpose<Shape<first_extent<shape_of<X>>, C, H, W>>(x, {x.shape.leading(), N, First, H * W, C});
}
// x (B, C, H, W) -> (B, H W, C)
template <Value X>
  requires RankIs<shape_of<X>, 4>
constexpr auto tokens_of_planes(const X& x) {
  using S = shape_of<X>;
  constexpr int C = S::template extent<1>(), N = S::template extent<2>() * S::template extent<3>();
  return detail::transpose<Shape<first_extent<S>, N, C>>(x, {x.shape.leading(), C, 0, C, N});
}

template <int Height, int Width, int SmallHeight, int SmallWidth>
concept TwiceAsLarge = (Height == 2 * SmallHeight && Width == 2 * SmallWidth);

// x and, of planes half as wide and high, every pixel twice in both directions. x (B, C, 2 H, 2 W), small (B, C, H, W) -> (B, C, 2 H, 2 W)
template <Value X, Value Y>
  requires RankIs<shape_of<X>, 4> && RankIs<shape_of<Y>, 4> && SameFirstAxis<shape_of<X>, shape_of<Y>> &&
           TwiceAsLarge<shape_of<X>::template extent<2>(), shape_of<X>::template extent<3>(), shape_of<Y>::template extent<2>(),
                        shape_of<Y>::template extent<3>()>
constexpr auto add_upsampled(const X& x, const Y& small) {
  using S = shape_of<X>;
  static_assert(S::template extent<1>() == shape_of<Y>::template extent<1>(), "add_upsampled: both must have the same channels");
  auto y = fresh<S>(x, small);  // (B, C, 2 H, 2 W)
  const op::AddUpsampled op{std::int64_t{x.shape.leading()} * S::template extent<1>(), S::template extent<2>(), S::template extent<3>()};
  run(op, y, x, small);
  if constexpr (Tracked<X> || Tracked<Y>)
    y.tape->on_backward(y.slot, [op, y, x, small] {
      run_backward(op, y, sink(small), y.grad());
      detail::pass_gradient(x, y, true);
    });
  return y;
}

// What lies under each box, cut into Size x Size cells, from that of four levels which fits the box's size: RoIAlign. A pixel of the first
// level is `Step` pixels of the view, and twice as many in each next one.
// levels (B, C, S, S), (B, C, S / 2, S / 2), ..., boxes (B, R, 4) -> (B R, C, Size, Size)
template <int Size, int Step, Value X0, Value X1, Value X2, Value X3, int R, class D>
constexpr auto roi_align(const X0& x0, const X1& x1, const X2& x2, const X3& x3,
                         const Tensor<Shape<dyn, R, 4>, D, wide<scalar_of<X0>>>& boxes) {
  using S = shape_of<X0>;
  constexpr int C = S::template extent<1>();
  const int batch = common_batch(x0, x1, x2, x3, boxes);
  auto y = fresh_as(Shape<dyn, C, Size, Size>(batch * R), x0, x1, x2, x3);  // (B R, C, Size, Size)
  op::RoiAlign op{batch, C, R, Size, {}};
  constexpr int sides[] = {last_extent<S>, last_extent<shape_of<X1>>, last_extent<shape_of<X2>>, last_extent<shape_of<X3>>};
  for (int l = 0; l < RoiLevels::count; ++l) op.levels.side[l] = sides[l], op.levels.step[l] = Step << l;
  // As pointers from here on: regions are not the images' batch.
  const wide<scalar_of<X0>>* const at = boxes.at;
  run(op, y, x0.data(), x1.data(), x2.data(), x3.data(), at);
  if constexpr (Tracked<X0>)
    y.tape->on_backward(y.slot, [op, y, x0, x1, x2, x3, at] {
      const auto d0 = sink(x0), d1 = sink(x1), d2 = sink(x2);
      run_backward(op, y, d0, d1, d2, sink(x3), y.grad(), at);
    });
  return y;
}

}  // namespace vitrail
