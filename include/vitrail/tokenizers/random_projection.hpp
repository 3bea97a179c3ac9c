// The paper's default tokenizer: a codebook of random directions, drawn once. It needs no images and no training.
#pragma once
#include "codebook.hpp"

namespace vitrail {

template <ViTConfig C, int Vocabulary, bool Centred = false>
using RandomProjection = Codebook<TokenizerConfig{C.channels, C.patch, Vocabulary, Centred}>;

}  // namespace vitrail
