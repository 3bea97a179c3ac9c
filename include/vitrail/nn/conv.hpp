// A convolution as a layer.
#pragma once
#include "../ops/conv2d.hpp"

namespace vitrail {

// Keeps the size of its images; the kernel is odd. (B, In, H, W) -> (B, Out, H, W)
template <int In, int Out, int Kernel> struct Conv {
  static_assert(Kernel % 2 == 1, "Conv keeps the size of its images: its kernel must be odd");
  Parameter<Shape<Out, In, Kernel, Kernel>> weight{.init = Init::xavier};
  Parameter<Shape<Out>> bias{};

  constexpr auto operator()(const Value auto& x) const { return conv2d<1, Kernel / 2>(x, weight, bias); }
  constexpr void visit(auto&& f) { f("weight", weight), f("bias", bias); }
};

// Makes a square of four pixels of each. (B, In, H, W) -> (B, Out, 2 H, 2 W)
template <int In, int Out> struct DoublingConv {
  Parameter<Shape<In, Out, 2, 2>> weight{.init = Init::xavier};
  Parameter<Shape<Out>> bias{};

  constexpr auto operator()(const Value auto& x) const { return conv_transpose2d<2>(x, weight, bias); }
  constexpr void visit(auto&& f) { f("weight", weight), f("bias", bias); }
};

}  // namespace vitrail
