// Convolutions (LeCun et al. 1989; cross-correlations, as everywhere in deep learning) and max pooling of images (B, C, H, W), with
// the meaning and the weights' layout of PyTorch.
#pragma once
#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"
#include "../core/shape_rules.hpp"

namespace vitrail {

template <int Channels, int Wanted>
struct ChannelsAgree {
  static constexpr bool holds = Channels == Wanted;
  static_assert(holds, "the images must have as many channels as the weight of the convolution takes");
};
template <int Kernel, int PaddedImage>
struct KernelFitsImage {
  static constexpr bool holds = Kernel > 0 && Kernel <= PaddedImage;
  static_assert(holds, "the kernel must not be larger than the image with its padding");
};
template <int Padding, int Kernel>
struct PaddingFitsKernel {
  static constexpr bool holds = Padding >= 0 && 2 * Padding <= Kernel;
  static_assert(holds, "max_pool2d: at most half of a window may be padding");
};

namespace detail {
template <int Kernel, int Stride, int Padding, int Image>
inline constexpr int windows = (Image + 2 * Padding - Kernel) / Stride + 1;
}  // namespace detail

// x (B, C, H, W), weight (Out, C, Kh, Kw), bias (Out) -> (B, Out, (H + 2 Padding - Kh) / Stride + 1, (W + ...) / Stride + 1); the
// padding is zeros.
template <int Stride = 1, int Padding = 0, Value X, int Out, int C, int Kh, int Kw>
  requires RankIs<shape_of<X>, 4> && (ChannelsAgree<shape_of<X>::template extent<1>(), C>::holds) &&
           (KernelFitsImage<Kh, shape_of<X>::template extent<2>() + 2 * Padding>::holds) &&
           (KernelFitsImage<Kw, shape_of<X>::template extent<3>() + 2 * Padding>::holds)
constexpr auto conv2d(const X& x, const Parameter<Shape<Out, C, Kh, Kw>>& weight, const Parameter<Shape<Out>>& bias) {
  using S = shape_of<X>;
  using T = scalar_of<X>;
  static_assert(Stride > 0 && Padding >= 0, "conv2d: the stride must be at least 1, and the padding at least 0");
  constexpr int H = S::template extent<2>(), W = S::template extent<3>();
  using Y = Shape<first_extent<S>, Out, detail::windows<Kh, Stride, Padding, H>, detail::windows<Kw, Stride, Padding, W>>;
  auto y = fresh<Y>(x, weight, bias);  // (B, Out, H', W')
  const op::Conv2d op{x.shape.leading(), C, H, W, Out, Kh, Kw, Stride, Padding};
  run(op, y, x, weight, bias);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, weight, bias] {
      run_backward(op, y, sink(x), sink<T>(weight), sink<T>(bias), y.grad(), x, weight);
    });
  return y;
}

// The adjoint of a convolution: x (B, C, H, W), weight (C, Out, Kh, Kw), bias (Out) -> (B, Out, (H - 1) Stride - 2 Padding + Kh,
// likewise for W). With Stride = Kh = Kw every pixel becomes a square of its own.
template <int Stride = 1, int Padding = 0, Value X, int C, int Out, int Kh, int Kw>
  requires RankIs<shape_of<X>, 4> && (ChannelsAgree<shape_of<X>::template extent<1>(), C>::holds)
constexpr auto conv_transpose2d(const X& x, const Parameter<Shape<C, Out, Kh, Kw>>& weight, const Parameter<Shape<Out>>& bias) {
  using S = shape_of<X>;
  using T = scalar_of<X>;
  constexpr int H = (S::template extent<2>() - 1) * Stride - 2 * Padding + Kh;
  constexpr int W = (S::template extent<3>() - 1) * Stride - 2 * Padding + Kw;
  static_assert(Stride > 0 && Padding >= 0 && H > 0 && W > 0, "conv_transpose2d: with this padding no pixel is left");
  auto y = fresh<Shape<first_extent<S>, Out, H, W>>(x, weight, bias);  // (B, Out, H', W')
  const op::ConvTranspose2d op{{x.shape.leading(), Out, H, W, C, Kh, Kw, Stride, Padding}};
  run(op, y, x, weight, bias);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, weight, bias] {
      run_backward(op, y, sink(x), sink<T>(weight), sink<T>(bias), y.grad(), x, weight);
    });
  return y;
}

// The largest of each Kernel x Kernel window. x (B, C, H, W) -> (B, C, (H + 2 Padding - Kernel) / Stride + 1, likewise for W). The
// padding never is the largest; at most half of a window may be padding.
template <int Kernel, int Stride = Kernel, int Padding = 0, Value X>
  requires RankIs<shape_of<X>, 4> && (PaddingFitsKernel<Padding, Kernel>::holds) &&
           (KernelFitsImage<Kernel, shape_of<X>::template extent<2>() + 2 * Padding>::holds) &&
           (KernelFitsImage<Kernel, shape_of<X>::template extent<3>() + 2 * Padding>::holds)
constexpr auto max_pool2d(const X& x) {
  using S = shape_of<X>;
  constexpr int C = S::template extent<1>(), H = S::template extent<2>(), W = S::template extent<3>();
  auto y = fresh<Shape<first_extent<S>, C, detail::windows<Kernel, Stride, Padding, H>, detail::windows<Kernel, Stride, Padding, W>>>(x);
  const op::MaxPool2d op{std::int64_t{x.shape.leading()} * C, H, W, Kernel, Stride, Padding};
  run(op, y, x);  // (B, C, H', W')
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x] { run_backward(op, y, sink(x), y.grad(), x); });
  return y;
}

}  // namespace vitrail
