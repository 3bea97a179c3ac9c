// Masked autoencoders (He, Chen, Xie, Li, Dollar and Girshick, "Masked autoencoders are scalable vision learners", CVPR 2022): encode the
// few visible patches, decode the pixels of the others.
#pragma once
#include "../masking/random_mask.hpp"
#include "../masking/sample.hpp"
#include "../ops/normalize.hpp"
#include "../ops/squared_error.hpp"
#include "../vit/vit.hpp"
#include "decoder.hpp"
#include "objective.hpp"

namespace vitrail {

// What MAE predicts of a patch, from its pixels (B, M, P) to as many numbers, in the order (channel, row, column).
struct PatchPixels {  // the pixels themselves
  constexpr auto operator()(const Untracked auto& pixels) const { return pixels; }
};
struct NormalisedPixels {  // less the patch's mean, over its deviation (section 3 of the paper: better features); variance of a sample
  double eps = 1e-6;
  constexpr auto operator()(const Untracked auto& pixels) const { return standardize(pixels, eps); }
};

// The paper's decoder. (Weights start as everywhere here, normal with deviation 0.02; MAE's code draws them after Glorot.)
inline constexpr DecoderConfig mae_decoder{.dim = 512, .depth = 8, .heads = 16, .positions = Positions::sincos};

// The encoder sees only what Mask leaves visible; the decoder guesses all numbers of all masked patches. The loss is the mean of the
// squared errors over the B M masked patches and their P numbers. Encoder: a ViT; the paper's has Positions::sincos. Target: what is
// predicted of a patch.
template <class Encoder, MaskPolicy Mask = RandomMask<Encoder::tokens, 75>, DecoderConfig C = mae_decoder, class Target = NormalisedPixels>
struct Mae {
  static_assert(Mask::tokens == Encoder::tokens, "MAE: the mask policy must be made for the encoder's grid");
  static_assert(!Encoder::relative,
                "an encoder with relative positions sees whole images: choose other positions to encode some patches only");
  static constexpr int N = Encoder::tokens, V = Mask::visible, M = Mask::masked, P = Encoder::config.patch_values();
  using encoder_type = Encoder;
  using images_shape = typename Encoder::images_shape;

  Encoder encoder{};
  Decoder<Encoder, C> decoder{};
  Linear<C.dim, P> head{};
  Target target{};

  constexpr MaskDraw<Mask> draw(Sampler& sampler, int batch) const { return sample<Mask>(sampler, batch); }

  constexpr auto operator()(const Tracked auto& images, const MaskDraw<Mask>& part) const {
    const auto hidden = patchify<Encoder::config.patch>(detach(images), part.masked);  // (B, M, P)
    const auto wanted = target(hidden);                                            // (B, M, P)
    const auto guess = predict(images, part);                                      // (B, M, P)
    static_assert(SameShape<shape_of<decltype(wanted)>, shape_of<decltype(guess)>>,
                  "MAE: the target must give as many numbers for a patch as it has pixels and channels");
    return squared_error(guess, wanted);                                           // ()
  }

  // What the model guesses of the masked patches. (B, C, I, I) -> (B, M, P). With a Tensor: evaluation.
  constexpr auto predict(const Value auto& images, const MaskDraw<Mask>& part) const {
    const auto context = encoder.encode(encoder.embed(images, part.visible));  // (B, L + V, D)
    return head(decoder(context, part));
  }

  constexpr void visit(auto&& f) { f("encoder", encoder), f("decoder", decoder), f("head", head); }
};

}  // namespace vitrail
