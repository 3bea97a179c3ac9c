// SplitMask (El-Nouby et al. 2021, section 4): split an image's patches into two sets, encode each alone, inpaint what a set
// does not see with a shallow decoder, and match the two descriptors of the image. And its two halves alone (their table 8).
#pragma once
#include "../masking/split.hpp"
#include "../ops/linear_cross_entropy.hpp"
#include "../ops/info_nce.hpp"
#include "../ops/ranks.hpp"
#include "../tokenizers/tokenizer.hpp"
#include "../vit/vit.hpp"
#include "objective.hpp"
#include "words.hpp"

namespace vitrail {

struct SplitMaskConfig {
  int decoder_depth = 2;               // paper, section 5.5; blocks as wide as the encoder's
  bool own_decoder_positions = false;  // false: missing patches get the encoder's positions (paper, 4.2: "carries the
                                       // position"); true: a table of the decoder's own, added to all patches
  bool match_class_token = false;      // false: the descriptor is the mean of all decoded patches (paper, 4.3)
  bool both_branches = false;          // negatives of the matching loss: see InfoNceConfig
  bool unit_length = true;             // descriptors of length one
};

// What is left of SplitMask without its losses: who sees what, and what the decoder makes of it. Encoder: a ViT; Split: which
// patches each branch sees.
template <class Encoder, SplitPolicy Split, SplitMaskConfig C> struct SplitBranches {
  static_assert(Split::tokens == Encoder::tokens, "SplitMask: the split policy must be made for the encoder's grid");
  static constexpr int N = Encoder::tokens, D = Encoder::dim, L = Encoder::lead;
  static constexpr int V = Split::visible, M = Split::masked;
  static constexpr BlockConfig decoder_block{.dim = Encoder::config.dim,
                                             .heads = Encoder::config.heads,
                                             .hidden = Encoder::config.block().hidden,
                                             .recompute = Encoder::config.recompute};
  static constexpr SplitMaskConfig config = C;
  using encoder_type = Encoder;
  using images_shape = typename Encoder::images_shape;

  Encoder encoder{};
  Parameter<Shape<1, 1, D>> mask_token{.decay = false};
  Parameter<Shape<1, L + N, D>> decoder_pos_embed{.decay = false};  // this and the next only with own_decoder_positions
  Parameter<Shape<N, D>> nowhere{.init = Init::zero, .decay = false, .trained = false};
  Transformer<decoder_block, C.decoder_depth> decoder{};

  struct Draw {
    Indices<2 * V> visible;  // of branch A, then of branch B
    Indices<2 * M> masked;   // what each must predict
  };

  constexpr Draw draw(Sampler& sampler, int batch) const {
    const Draw part{sampler.template indices<2 * V>(batch), sampler.template indices<2 * M>(batch)};
    if (!sampler.blank())
      for (int b = 0; b < batch; ++b) {
        Random random = sampler.random_of(b, batch);
        int* const seen = part.visible.row(b);
        Split::draw(random, seen, seen + V);
        detail::require_drawn<Split::tokens, V, V>(seen, seen + V);
        masked_of<Split>(seen, part.masked.row(b));
        masked_of<Split>(seen + V, part.masked.row(b) + M);
      }
    return part;
  }

  // The decoded sequences of both branches, images (B, C, I, I) -> (2B, L + N, D); rows 2i and 2i + 1 belong to image i.
  // With a Tensor this is evaluation, for looking at predictions.
  constexpr auto reconstruct(const Value auto& images, const Draw& part) const {
    const auto seen = unfold<2>(part.visible);                                      // (2B, V)
    const auto tokens = encoder.embed(images, part.visible);                        // (B, 2V, D)
    const auto encoded = encoder.encode(unfold<2>(tokens));                         // (2B, L + V, D)
    const auto token = view<Shape<D>>(mask_token);
    if constexpr (C.own_decoder_positions) {
      const auto whole = complete<L>(encoded, token, nowhere, seen);                // (2B, L + N, D)
      return decoder(add_table(whole, view<Shape<L + N, D>>(decoder_pos_embed)));
    } else {
      return decoder(complete<L>(encoded, token, encoder.positions(), seen));
    }
  }

  constexpr void visit(auto&& f) {
    f("encoder", encoder), f("mask_token", mask_token);
    if constexpr (C.own_decoder_positions) f("decoder_pos_embed", decoder_pos_embed), f("decoder_nowhere", nowhere);
    f("decoder", decoder);
  }
};

// Predicts the words of what a branch does not see. Tokenizer: patches as words.
template <class Encoder, class Tokenizer> struct Inpainting {
  static_assert(TokenizerNamesItsVocabulary<Tokenizer>, "inpainting predicts words: it needs a tokenizer, which names its vocabulary");
  static_assert(TokenizerFits<Tokenizer, Encoder>::holds);
  static constexpr int K = Tokenizer::vocabulary;

  Linear<Encoder::dim, K> head{};
  Tokenizer tokenizer{};

  // images (B, C, I, I), masked (B, 2M) -> (B, 2M) integers.
  constexpr auto targets(const Value auto& images, const auto& masked) const {
    return masked_words<Encoder::tokens>(tokenizer, images, masked);
  }
  // decoded (2B, L + N, D), masked and words (B, 2M) -> (): mean cross-entropy, nats.
  constexpr auto inpaint(const Value auto& decoded, const auto& masked, const auto& words) const {
    const auto hidden = gather<Encoder::lead>(decoded, unfold<2>(masked));          // (2B, M, D)
    return linear_cross_entropy(hidden, head.weight, head.bias, unfold<2>(words));  // ()
  }
  constexpr void visit(auto&& f) { f("head", head), f("tokenizer", tokenizer); }
};

// Matches the descriptors of an image's two branches, among those of the batch, of all ranks if there are several. It has no parameters.
template <class Encoder, SplitMaskConfig C> struct Matching {
  double temperature = 0.2;  // paper, section 5.5

  // decoded (2B, L + N, D), rows 2i and 2i + 1 of one image -> loss () and accuracy (), see info_nce.
  constexpr auto match(const Value auto& decoded) const {
    return info_nce(all_rows(descriptor(decoded)), InfoNceConfig{temperature, C.unit_length, C.both_branches});
  }

 private:
  // One vector per branch. (2B, L + N, D) -> (2B, D)
  constexpr auto descriptor(const Value auto& decoded) const {
    if constexpr (C.match_class_token) return pool_class_token<Encoder>(decoded);
    else return mean_tokens<Encoder::lead>(decoded);
  }
};

template <class Loss, class Number> struct SplitMaskLoss {
  Loss loss;            // (): inpaint + match_weight * match
  Number inpaint;       // (): cross-entropy of the predicted words, nats
  Number match;         // (): InfoNCE, nats
  Number accuracy;      // (): share of descriptors whose nearest candidate is the image's other one

  constexpr void report(auto&& f) const { f("inpaint", inpaint), f("match", match), f("match_accuracy", accuracy); }
};

// The objective. Encoder: a ViT; Split: which patches each branch sees; Tokenizer: patches as words.
template <class Encoder, SplitPolicy Split, class Tokenizer, SplitMaskConfig C = SplitMaskConfig{}>
struct SplitMask : SplitBranches<Encoder, Split, C>, Inpainting<Encoder, Tokenizer>, Matching<Encoder, C> {
  using Branches = SplitBranches<Encoder, Split, C>;
  using Words = Inpainting<Encoder, Tokenizer>;
  double match_weight = 1;  // the paper does not give it

  constexpr auto operator()(const Tracked auto& images, const typename Branches::Draw& part) const {
    const auto words = this->targets(images, part.masked);                          // (B, 2M) integers
    const auto decoded = this->reconstruct(images, part);                           // (2B, L + N, D)
    const auto inpaint = this->inpaint(decoded, part.masked, words);                // ()
    const auto matched = this->match(decoded);
    const auto weighted = match_weight * matched.loss;                              // ()
    const auto loss = inpaint + weighted;                                           // ()
    return SplitMaskLoss<decltype(loss), decltype(matched.accuracy)>{loss, detach(inpaint), detach(matched.loss), matched.accuracy};
  }
  constexpr void visit(auto&& f) { Branches::visit(f), Words::visit(f); }
};

// The ablations of table 8. Their draws are SplitMask's: one seed splits the same images in the same way for all three.
// "split + inpaint": no descriptor is made, nothing is matched. The loss: mean cross-entropy of the predicted words, nats.
template <class Encoder, SplitPolicy Split, class Tokenizer, SplitMaskConfig C = SplitMaskConfig{}>
struct SplitInpaint : SplitBranches<Encoder, Split, C>, Inpainting<Encoder, Tokenizer> {
  using Branches = SplitBranches<Encoder, Split, C>;
  using Words = Inpainting<Encoder, Tokenizer>;

  constexpr auto operator()(const Tracked auto& images, const typename Branches::Draw& part) const {
    const auto words = this->targets(images, part.masked);            // (B, 2M) integers
    const auto decoded = this->reconstruct(images, part);             // (2B, L + N, D)
    return this->inpaint(decoded, part.masked, words);                // ()
  }
  constexpr void visit(auto&& f) { Branches::visit(f), Words::visit(f); }
};

template <class Loss, class Number> struct SplitMatchLoss {
  Loss loss;        // (): InfoNCE, nats
  Number accuracy;  // (): as SplitMaskLoss has it

  constexpr void report(auto&& f) const { f("match_accuracy", accuracy); }
};

// "split + match": no head, no tokenizer, no words.
template <class Encoder, SplitPolicy Split, SplitMaskConfig C = SplitMaskConfig{}>
struct SplitMatch : SplitBranches<Encoder, Split, C>, Matching<Encoder, C> {
  using Branches = SplitBranches<Encoder, Split, C>;

  constexpr auto operator()(const Tracked auto& images, const typename Branches::Draw& part) const {
    const auto matched = this->match(this->reconstruct(images, part));
    return SplitMatchLoss<decltype(matched.loss), decltype(matched.accuracy)>{matched.loss, matched.accuracy};
  }
};

}  // namespace vitrail
