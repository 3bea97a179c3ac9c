// SplitMask (El-Nouby et al. 2021, section 4): split an image's patches into two sets, encode each alone, inpaint what a set
// does not see with a shallow decoder, and match the two descriptors of the image.
#pragma once
#include "../masking/split.hpp"
#include "../ops/linear_cross_entropy.hpp"
#include "../ops/info_nce.hpp"
#include "../tokenizers/tokenizer.hpp"
#include "../vit/vit.hpp"
#include "objective.hpp"

namespace vitrail {

struct SplitMaskConfig {
  int decoder_depth = 2;               // paper, section 5.5; blocks as wide as the encoder's
  bool own_decoder_positions = false;  // false: missing patches get the encoder's positions (paper, 4.2: "carries the
                                       // position"); true: a table of the decoder's own, added to all patches
  bool match_class_token = false;      // false: the descriptor is the mean of all decoded patches (paper, 4.3)
  bool both_branches = false;          // negatives of the matching loss: see InfoNceConfig
  bool unit_length = true;             // descriptors of length one
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
struct SplitMask {
  static_assert(Split::tokens == Encoder::tokens, "SplitMask: the split policy must be made for the encoder's grid");
  static_assert(TokenizerFits<Tokenizer, Encoder>::holds);
  static constexpr int N = Encoder::tokens, D = Encoder::dim, L = Encoder::lead;
  static constexpr int V = Split::visible, M = Split::masked, K = Tokenizer::vocabulary;
  static constexpr BlockConfig decoder_block{Encoder::config.block().dim, Encoder::config.block().heads, Encoder::config.block().hidden};
  static constexpr SplitMaskConfig config = C;
  using encoder_type = Encoder;
  using images_shape = typename Encoder::images_shape;

  Encoder encoder{};
  Parameter<Shape<1, 1, D>> mask_token{.decay = false};
  Parameter<Shape<1, L + N, D>> decoder_pos_embed{.decay = false};  // this and the next only with own_decoder_positions
  Parameter<Shape<N, D>> nowhere{.init = Init::zero, .decay = false, .trained = false};
  Transformer<decoder_block, C.decoder_depth> decoder{};
  Linear<D, K> head{};
  Tokenizer tokenizer{};
  double match_weight = 1;   // the paper does not give it
  double temperature = 0.2;  // paper, section 5.5

  struct Draw {
    Indices<2 * V> visible;  // of branch A, then of branch B
    Indices<2 * M> masked;   // what each must predict
  };

  constexpr Draw draw(Sampler& sampler, int batch) const {
    const Draw part{sampler.template indices<2 * V>(batch), sampler.template indices<2 * M>(batch)};
    if (!sampler.blank())
      for (int b = 0; b < batch; ++b) {
        Random random = sampler.random().stream(static_cast<std::uint64_t>(b));
        int* const seen = part.visible.row(b);
        Split::draw(random, seen, seen + V);
        masked_of<Split>(seen, part.masked.row(b));
        masked_of<Split>(seen + V, part.masked.row(b) + M);
      }
    return part;
  }

  constexpr auto operator()(const Tracked auto& images, const Draw& part) const {
    const auto words = gather(tokenizer(detach(images)), part.masked);              // (B, 2M) integers
    const auto decoded = reconstruct(images, part);                                 // (2B, L + N, D)
    const auto hidden = gather<L>(decoded, unfold<2>(part.masked));                 // (2B, M, D)
    const auto inpaint = linear_cross_entropy(hidden, head.weight, head.bias, unfold<2>(words));  // ()
    const auto matched = info_nce(descriptor(decoded), InfoNceConfig{temperature, C.unit_length, C.both_branches});
    const auto weighted = match_weight * matched.loss;                              // ()
    const auto loss = inpaint + weighted;                                           // ()
    return SplitMaskLoss<decltype(loss), decltype(matched.accuracy)>{loss, detach(inpaint), detach(matched.loss), matched.accuracy};
  }

  // The decoded sequences of both branches, images (B, C, I, I) -> (2B, L + N, D); rows 2i and 2i + 1 belong to image i.
  // With a Tensor this is evaluation, for looking at predictions.
  constexpr auto reconstruct(const Value auto& images, const Draw& part) const {
    const auto seen = unfold<2>(part.visible);                                      // (2B, V)
    const auto tokens = encoder.embed(images);                                      // (B, N, D)
    const auto encoded = encoder.encode(unfold<2>(gather(tokens, part.visible)));   // (2B, L + V, D)
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
    f("decoder", decoder), f("head", head), f("tokenizer", tokenizer);
  }

 private:
  // One vector per branch. (2B, L + N, D) -> (2B, D)
  constexpr auto descriptor(const Value auto& decoded) const {
    if constexpr (C.match_class_token) return pool_class_token<Encoder>(decoded);
    else return mean_tokens<L>(decoded);
  }
};

}  // namespace vitrail
