// What a tokenizer is: images to words, one per patch. It has `vocabulary`, and operator()(images) -> (B, N) integers in
// 0 .. vocabulary - 1. If it is made for one size of patches, or of images, its `config` says so: `patch`, `image`.
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
  static constexpr int patch() {
    if constexpr (requires { Tokenizer::config.patch; }) return Tokenizer::config.patch;
    else return Encoder::config.patch;
  }
  static constexpr bool holds =
      TokenizerIsForPatch<patch(), Encoder::config.patch>::holds && TokenizerIsForImage<image(), Encoder::config.image>::holds;
};

}  // namespace vitrail
