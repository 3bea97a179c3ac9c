// ViT: images to features (Dosovitskiy et al. 2021), with timm's parameter names and shapes.
#pragma once
#include <cmath>

#include "../nn/transformer.hpp"
#include "../ops/patchify.hpp"
#include "../ops/tokens.hpp"
#include "config.hpp"

namespace vitrail {

// The linear map of patches, stored as the convolution that timm uses.
template <ViTConfig C> struct PatchEmbed {
  static constexpr bool learned = C.patch_projection == PatchProjection::learned;
  Parameter<Shape<C.dim, C.channels, C.patch, C.patch>> weight{.trained = learned};
  Parameter<Shape<C.dim>> bias{.trained = learned};

  constexpr auto operator()(const Value auto& images) const {  // (B, C, I, I) -> (B, N, D)
    return project(patchify<C.patch>(images));
  }
  // Some patches of each. (B, C, I, I), (B, To) -> (B, To, D)
  template <int To> constexpr auto operator()(const Value auto& images, const Indices<To>& chosen) const {
    return project(patchify<C.patch>(images, chosen));
  }
  constexpr void visit(auto&& f) {
    Projection proj{*this};
    f("proj", proj);
  }

 private:
  constexpr auto project(const Value auto& patches) const {
    return linear(patches, view<Shape<C.dim, C.patch_values()>>(weight), bias);
  }
  struct Projection {  // timm's key is patch_embed.proj.weight
    PatchEmbed& owner;
    constexpr void visit(auto&& f) { f("weight", owner.weight), f("bias", owner.bias); }
  };
};

// The learned token that stands for the whole image.
template <ViTConfig C> struct ClassToken {
  Parameter<Shape<1, 1, C.dim>> token{.decay = false};
};
struct NoClassToken {};
struct NoPositionBias {};

template <ViTConfig C>
  requires(PatchDividesImage<C.image, C.patch>::holds && HeadsDivideDim<C.dim, C.heads>::holds &&
           PositionsFitDim<C.dim, C.positions>::holds)
struct ViT {
  static constexpr ViTConfig config = C;
  static constexpr int dim = C.dim, tokens = C.tokens(), lead = C.lead();
  static constexpr bool relative = C.positions == Positions::relative;
  using images_shape = Shape<dyn, C.channels, C.image, C.image>;

  constexpr ViT() {
    transformer.set_drop_path(C.drop_path_percent / 100.0);
    if constexpr (relative) shrink_residual_branches();
    if constexpr (C.layer_scale_ppm > 0)
      for (auto& block : transformer.blocks)
        block.ls1.gamma.scale = block.ls2.gamma.scale = C.layer_scale_ppm / 1e6;
  }

  PatchEmbed<C> patch_embed{};
  [[no_unique_address]] std::conditional_t<C.class_token, ClassToken<C>, NoClassToken> cls{};
  // With relative positions it is zero and stays so: tokens are placed in one way.
  Parameter<Shape<1, lead + tokens, C.dim>> pos_embed{.init = C.positions == Positions::learned  ? Init::normal
                                                              : C.positions == Positions::sincos ? Init::positions_2d
                                                                                                 : Init::zero,
                                                      .decay = false,
                                                      .trained = C.positions == Positions::learned};
  [[no_unique_address]] std::conditional_t<relative, RelativePositionBias<C.grid(), lead, C.heads>, NoPositionBias> rel_pos_bias{};
  Transformer<C.block(), C.depth> transformer{};

  // Where each patch is: the table without the class token's row. (N, D)
  constexpr auto positions() const { return table_rows<lead, tokens>(pos_embed); }

  // Patches with their positions. (B, C, I, I) -> (B, N, D).
  constexpr auto embed(const Value auto& images) const {
    if constexpr (relative) return patch_embed(images);
    else return add_table(patch_embed(images), positions());
  }
  // Some of them, the same as gather(embed(images), chosen): what is not seen is not embedded.
  // (B, C, I, I), (B, To) -> (B, To, D)
  template <int To> constexpr auto embed(const Value auto& images, const Indices<To>& chosen) const {
    if constexpr (relative) return patch_embed(images, chosen);
    else return add_places(patch_embed(images, chosen), positions(), chosen);
  }

  // The class token in front, if any; all blocks; the final normalisation. Any number of tokens: (B, V, D) -> (B, lead + V, D).
  constexpr auto encode(const Value auto& chosen) const {
    const auto x = with_class_token(chosen);
    if constexpr (relative) {
      static_assert(shape_of<decltype(x)>::template extent<1>() == lead + tokens,
                    "an encoder with relative positions sees whole images: choose other positions to encode some patches only");
      return transformer(x, rel_pos_bias(x));
    } else {
      return transformer(x);
    }
  }

  // Features of whole images. (B, C, I, I) -> (B, lead + N, D). With a Tensor this is evaluation: no tape, no drop path.
  constexpr auto operator()(const Value auto& images) const { return encode(embed(images)); }

  // The same of images of another size, whose positions are the table's resampled (bicubic, with its gradient): small crops, large
  // pictures. (B, C, J, J) -> (B, lead + N', D). `extra` patches are added to the new grid where the step between positions is
  // computed; DINO's code has 0.1 there.
  constexpr auto resized(const Value auto& images, double extra = 0) const {
    return encode(add_resampled(patch_embed(images), positions(), extra));
  }

  template <Value X> constexpr auto with_class_token(const X& x) const {
    if constexpr (C.class_token) return prepend(x, view<Shape<C.dim>>(cls.token), view<Shape<C.dim>>(table_rows<0, 1>(pos_embed)));
    else return x;
  }

  constexpr void visit(auto&& f) {
    if constexpr (C.class_token) f("cls_token", cls.token);
    f("pos_embed", pos_embed), f("patch_embed", patch_embed);
    if constexpr (relative) f("rel_pos_bias", rel_pos_bias);
    f("blocks", transformer.blocks), f("norm", transformer.norm);
  }

 private:
  // BEiT's initial weights: what block l = 1, 2, ... adds to its input starts 1 / sqrt(2 l) as large.
  constexpr void shrink_residual_branches() {
    if (std::is_constant_evaluated()) return;  // a plan has no weights
    for (std::size_t i = 0; i < transformer.blocks.size(); ++i)
      for (double* scale : {&transformer.blocks[i].attn.proj.weight.scale, &transformer.blocks[i].mlp.fc2.weight.scale})
        *scale = 1 / std::sqrt(2.0 * static_cast<double>(i + 1));
  }
};

// One vector per image: the mean of its patches, or the class token. (B, lead + N, D) -> (B, D).
template <class Encoder> constexpr auto pool_patches(const Value auto& features) { return mean_tokens<Encoder::lead>(features); }
template <class Encoder> constexpr auto pool_class_token(const Value auto& features) {
  static_assert(Encoder::lead == 1, "this encoder has no class token: use pool_patches, or set class_token in its config");
  const auto token = slice_tokens<0, 1>(features);  // (B, 1, D)
  return view(token, Shape<dyn, Encoder::dim>(token.shape.leading()));
}

}  // namespace vitrail
