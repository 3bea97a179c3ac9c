// Operations on the planes of images (B, C, H, W): resizing, and what turns an image's channels into words.
#pragma once
#include <array>

#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"
#include "../core/shape_rules.hpp"

namespace vitrail {

// x (B, C, H, W) -> (B, C, Height, Width), antialiased as Pillow does in float, and as PyTorch with antialias=True and
// align_corners=False; nothing is clipped.
template <int Height, int Width, Value X>
  requires RankIs<shape_of<X>, 4>
constexpr auto resize(const X& x, const ResampleFilter& filter = {}) {
  static_assert(Height > 0 && Width > 0, "resize: the result must have pixels");
  using S = shape_of<X>;
  constexpr int C = S::template extent<1>(), H = S::template extent<2>(), W = S::template extent<3>();
  auto y = fresh<Shape<first_extent<S>, C, Height, Width>>(x);  // (B, C, Height, Width)
  const op::Resize op{std::int64_t{x.shape.leading()} * C, H, W, Height, Width, filter};
  run(op, y, x);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x] { run_backward(op, y, sink(x), y.grad()); });
  return y;
}

// y[b, c] = by[c] x[b, c] + plus[c], cut off at `low` and `high`; for images that want no gradient, of at most 4 channels.
template <Untracked X, std::size_t C>
  requires RankIs<shape_of<X>, 4>
constexpr auto affine_planes(const X& x, const std::array<double, C>& by, const std::array<double, C>& plus, double low, double high) {
  using S = shape_of<X>;
  static_assert(S::template extent<1>() == C && C <= 4, "affine_planes: one factor and one summand for each of at most 4 channels");
  auto y = fresh<S>(x);  // (B, C, H, W)
  op::AffinePlanes op{x.shape.leading(), static_cast<int>(C), S::template extent<2>() * S::template extent<3>(), {}, {}, low, high};
  for (std::size_t c = 0; c < C; ++c) op.by[c] = by[c], op.plus[c] = plus[c];
  run(op, y, x);
  return y;
}

// x (B, C, H, W) -> (B, H W) integers: which channel is the largest at each pixel, of equals the first.
template <Value X>
  requires RankIs<shape_of<X>, 4>
constexpr auto largest_plane(const X& x) {
  using S = shape_of<X>;
  constexpr int C = S::template extent<1>(), pixels = S::template extent<2>() * S::template extent<3>();
  const auto plain = detach(x);
  using Ids = Shape<first_extent<S>, pixels>;
  auto ids = make_tensor<Ids, int>(*plain.arena, Ids(plain.shape.leading()));  // (B, H W)
  run(op::LargestPlane{plain.shape.leading(), C, pixels}, ids, plain);
  return ids;
}

}  // namespace vitrail
