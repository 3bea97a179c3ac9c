// A feature pyramid (Lin et al., "Feature pyramid networks", 2017) on a plain ViT, as XCiT has it for detection (El-Nouby et al. 2021,
// section 4.3): maps after a third, a half, two thirds and all of the blocks become maps of a quarter, half, one and two patches a pixel,
// and what coarse maps know is added to fine ones.
#pragma once
#include "../nn/batch_norm.hpp"
#include "../nn/conv.hpp"
#include "../ops/detection.hpp"
#include "../ops/gelu.hpp"
#include "vit.hpp"

namespace vitrail {

template <int Grid, int Patch> struct PyramidFitsGrid {
  static constexpr bool holds = Grid % 2 == 0 && Patch % 4 == 0;
  static_assert(holds, "a feature pyramid halves the grid and quarters a patch: image / patch must be even, and patch a multiple of 4");
};

// Five maps of one width, each half as fine as the one before: (B, Width, S, S) with S = 4 G, 2 G, G, G / 2 and half of that, rounded up.
template <class X0, class X1, class X2, class X3, class X4> struct PyramidLevels {
  X0 l0;
  X1 l1;
  X2 l2;
  X3 l3;
  X4 l4;
};

template <class Encoder, int Width>
  requires(PyramidFitsGrid<Encoder::config.grid(), Encoder::config.patch>::holds)
struct FeaturePyramid {
  static constexpr int dim = Encoder::dim, grid = Encoder::config.grid(), depth = Encoder::config.depth;
  static constexpr int sides[5] = {4 * grid, 2 * grid, grid, grid / 2, (grid / 2 + 1) / 2};
  static constexpr int step = Encoder::config.patch / 4;  // pixels of the picture in one of the first level

  DoublingConv<dim, dim> up0{}, up0_again{}, up1{};
  BatchNorm<dim> norm{};
  Conv<dim, Width, 1> lateral0{}, lateral1{}, lateral2{}, lateral3{};
  Conv<Width, Width, 3> output0{}, output1{}, output2{}, output3{};

  // images (B, C, I, I) -> PyramidLevels. The encoder's last normalisation is not used.
  constexpr auto operator()(const Encoder& encoder, const Value auto& images) const {
    const auto tokens = encoder.with_class_token(encoder.embed(images));  // (B, lead + N, D)
    const auto plane = [&](const auto& x) { return planes_of_tokens<grid, grid, Encoder::lead>(x); };
    using Map = decltype(plane(tokens));
    Map maps[4] = {};
    const auto keep = [&](int block, const auto& x) {
      for (int i = 0; i < 4; ++i)
        if (block + 1 == block_of(i)) maps[i] = plane(x);
    };
    if constexpr (Encoder::relative) encoder.transformer.run_blocks(tokens, keep, encoder.rel_pos_bias(tokens));
    else encoder.transformer.run_blocks(tokens, keep);
    return levels(maps[0], maps[1], maps[2], maps[3]);
  }
  void follow() { norm.follow(); }
  constexpr void visit(auto&& f) {
    f("up0", up0), f("norm", norm), f("up0_again", up0_again), f("up1", up1);
    f("lateral0", lateral0), f("lateral1", lateral1), f("lateral2", lateral2), f("lateral3", lateral3);
    f("output0", output0), f("output1", output1), f("output2", output2), f("output3", output3);
  }

 private:
  // After how many blocks map i is taken: 4, 6, 8 and 12 of 12.
  static constexpr int block_of(int i) {
    constexpr int twelfths[] = {4, 6, 8, 12};
    const int blocks = depth * twelfths[i] / 12;
    return blocks < 1 ? 1 : blocks;
  }
  // Every map (B, D, G, G).
  template <Value X> constexpr auto levels(const X& m0, const X& m1, const X& m2, const X& m3) const {
    const auto top = lateral3(max_pool2d<2>(m3));                                // (B, W, G / 2, G / 2)
    const auto third = add_upsampled(lateral2(m2), top);                         // (B, W, G, G)
    const auto second = add_upsampled(lateral1(up1(m1)), third);                 // (B, W, 2 G, 2 G)
    const auto first = add_upsampled(lateral0(up0_again(normed(up0(m0)))), second);  // (B, W, 4 G, 4 G)
    const auto o0 = output0(first);
    const auto o1 = output1(second);
    const auto o2 = output2(third);
    const auto o3 = output3(top);
    const auto o4 = max_pool2d<1, 2>(o3);
    return join(o0, o1, o2, o3, o4);
  }
  template <Value X0, Value X1, Value X2, Value X3, Value X4>
  static constexpr PyramidLevels<X0, X1, X2, X3, X4> join(const X0& l0, const X1& l1, const X2& l2, const X3& l3, const X4& l4) {
    return {l0, l1, l2, l3, l4};
  }
  // Normalised over the batch's pixels, and GELU of it. (B, D, S, S) -> (B, D, S, S)
  constexpr auto normed(const Value auto& x) const {
    constexpr int S = last_extent<std::remove_cvref_t<decltype(x.shape)>>;
    const auto rows = tokens_of_planes(x);  // (B, S S, D)
    const auto flat = view(rows, Shape<dyn, dim>(rows.shape.leading() * S * S));
    return planes_of_tokens<S, S>(gelu(view(norm(flat), rows.shape)));
  }
};

}  // namespace vitrail
