// A light decoder for masked modelling: from the tokens that were seen to guesses where none was (He et al., "Masked
// autoencoders are scalable vision learners", CVPR 2022, section 3).
#pragma once
#include "../nn/transformer.hpp"
#include "../ops/tokens.hpp"
#include "../vit/config.hpp"

namespace vitrail {

struct DecoderConfig {
  int dim, depth, heads;
  int mlp_ratio = 4;
  Positions positions = Positions::learned;  // sincos: a fixed table, as in MAE
};

template <Positions P> struct DecoderHasATable {
  static constexpr bool holds = P != Positions::relative;
  static_assert(holds, "a decoder's positions are learned or sincos: it has no relative ones");
};

// A linear map to the decoder's width; the mask token wherever nothing was seen; positions of its own, added to all; blocks
// and a normalisation. Encoder: a ViT, for its width and its number of tokens. What is predicted is the caller's: put a
// Linear<C.dim, ...> behind it.
template <class Encoder, DecoderConfig C>
  requires(HeadsDivideDim<C.dim, C.heads>::holds && DecoderHasATable<C.positions>::holds && PositionsFitDim<C.dim, C.positions>::holds)
struct Decoder {
  static constexpr int N = Encoder::tokens, L = Encoder::lead, dim = C.dim;
  static constexpr DecoderConfig config = C;
  static constexpr BlockConfig block{.dim = C.dim, .heads = C.heads, .hidden = C.dim * C.mlp_ratio, .recompute = Encoder::config.recompute};

  Linear<Encoder::dim, C.dim> embed{};
  Parameter<Shape<1, 1, C.dim>> mask_token{.decay = false};
  Parameter<Shape<1, L + N, C.dim>> pos_embed{.init = C.positions == Positions::learned ? Init::normal : Init::positions_2d,
                                              .decay = false,
                                              .trained = C.positions == Positions::learned};
  Parameter<Shape<N, C.dim>> nowhere{.init = Init::zero, .decay = false, .trained = false};  // pos_embed adds all places
  Transformer<block, C.depth> transformer{};

  // context (B, L + V, D) of the visible patches, as encode() gives it; part: a MaskDraw, or anything with `visible` (B, V)
  // and `masked` (B, M) -> guesses at the masked places (B, M, dim).
  constexpr auto operator()(const Value auto& context, const auto& part) const {
    return gather<L>(decode(context, part.visible), part.masked);
  }
  // The whole decoded sequence. context (B, L + V, D), seen (B, V) -> (B, L + N, dim).
  template <int V> constexpr auto decode(const Value auto& context, const Indices<V>& seen) const {
    const auto narrow = embed(context);                                               // (B, L + V, dim)
    const auto whole = complete<L>(narrow, view<Shape<C.dim>>(mask_token), nowhere, seen);  // (B, L + N, dim)
    return transformer(add_table(whole, view<Shape<L + N, C.dim>>(pos_embed)));
  }
  constexpr void visit(auto&& f) {
    f("embed", embed), f("mask_token", mask_token), f("pos_embed", pos_embed), f("nowhere", nowhere);
    f("blocks", transformer.blocks), f("norm", transformer.norm);
  }
};

}  // namespace vitrail
