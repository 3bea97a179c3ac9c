// What a tokenizer is: images to words, one per patch. It has `vocabulary` and a `config` that says of which `patch` it is made and,
// if it takes images of one size only, of which `image`; and operator()(images) -> (B, N) integers in 0 .. vocabulary - 1.
#pragma once

namespace vitrail {

template <int TokenizerPatch, int EncoderPatch>
struct TokenizerIsForPatch {
  static constexpr bool holds = TokenizerPatch == EncoderPatch;
  static_assert(holds, "the tokenizer must be made for the encoder's patch size: it gives one word per patch");
};
template <int TokenizerImage, int EncoderImage>
struct TokenizerIsForImage {
  static constexpr bool holds = TokenizerImage == EncoderImage;
  static_assert(holds, "the tokenizer must be made for the encoder's image size");
};

// An objective's tokenizer gives words for the patches of its encoder.
template <class Tokenizer, class Encoder>
struct TokenizerFits {
  static constexpr int image() {
    if constexpr (requires { Tokenizer::config.image; }) return Tokenizer::config.image;
    else return Encoder::config.image;
  }
  static constexpr bool holds = TokenizerIsForPatch<Tokenizer::config.patch, Encoder::config.patch>::holds &&
                                TokenizerIsForImage<image(), Encoder::config.image>::holds;
};

}  // namespace vitrail
