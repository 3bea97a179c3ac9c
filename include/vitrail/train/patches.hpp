// Patches of real images, for the tokenizers whose codebook comes from data.
#pragma once
#include "../core/config.hpp"
#include "../tokenizers/codebook.hpp"
#include "loader.hpp"

namespace vitrail {

// `count` patches as a tokenizer of this config sees them, from augmented views of the set: rows of config.values() numbers.
// Each view gives a few patches at random places, so that many images contribute.
VITRAIL_FUNCTION std::vector<float> sample_patches(const ImageSet& set, const TokenizerConfig& config, LoaderConfig views, int count,
                                                   Random random);

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/patches.hpp"
#endif
