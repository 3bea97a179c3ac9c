// BEiT (Bao, Dong, Piao and Wei, "BEiT: BERT pre-training of image transformers", ICLR 2022): hide patches from the encoder behind a
// learned token and predict which words a tokenizer makes of them.
#pragma once
#include "../masking/block_mask.hpp"
#include "../masking/sample.hpp"
#include "../ops/linear_cross_entropy.hpp"
#include "../vit/vit.hpp"
#include "objective.hpp"
#include "words.hpp"

namespace vitrail {

// The encoder says which BEiT this is. A plain ViT: the baseline of El-Nouby et al. 2021 (section 5.5: one backbone for all methods).
// A ViT with Positions::relative and layer scale, such as beit_base_patch16_224: the published model.
// Mask: BeitMask, or any mask policy; it hides the same number of patches M of every image. Tokenizer: patches as words.
// The loss is the mean cross-entropy of all B M hidden words, in nats (their section 2.3; El-Nouby et al. take the words from random
// projections). The whole image goes through the encoder: masked patches are the token, which is placed like any other.
template <class Encoder, MaskPolicy Mask, class Tokenizer> struct Beit {
  static_assert(Mask::tokens == Encoder::tokens, "BEiT: the mask policy must be made for the encoder's grid");
  static_assert(TokenizerNamesItsVocabulary<Tokenizer>,
                "BEiT predicts words: its third argument must be a tokenizer, which names its vocabulary");
  static_assert(TokenizerFits<Tokenizer, Encoder>::holds);
  static constexpr int N = Encoder::tokens, D = Encoder::dim, L = Encoder::lead, M = Mask::masked, K = Tokenizer::vocabulary;
  using encoder_type = Encoder;
  using images_shape = typename Encoder::images_shape;

  Encoder encoder{};
  Parameter<Shape<1, 1, D>> mask_token{.decay = false};
  Linear<D, K> head{};
  Tokenizer tokenizer{};

  constexpr MaskDraw<Mask> draw(Sampler& sampler, int batch) const { return sample<Mask>(sampler, batch); }

  constexpr auto operator()(const Tracked auto& images, const MaskDraw<Mask>& part) const {
    const auto words = masked_words<N>(tokenizer, images, part.masked);            // (B, M) integers
    const auto hidden = gather<L>(features(images, part), part.masked);            // (B, M, D)
    return linear_cross_entropy(hidden, head.weight, head.bias, words);            // ()
  }

  // What the encoder makes of an image whose masked patches are hidden. (B, C, I, I) -> (B, L + N, D). With a Tensor: evaluation.
  constexpr auto features(const Value auto& images, const MaskDraw<Mask>& part) const {
    const auto seen = encoder.embed(images, part.visible);                         // (B, V, D)
    return encoder.encode(complete<0>(seen, view<Shape<D>>(mask_token), encoder.positions(), part.visible));
  }

  constexpr void visit(auto&& f) { f("encoder", encoder), f("mask_token", mask_token), f("head", head), f("tokenizer", tokenizer); }
};

}  // namespace vitrail
