// Words for patches of 8 pixels, and an encoder of patches of 4.
// expect: the tokenizer must be made for the encoder's patch size
// expect: TokenizerIsForPatch<8, 4>
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;
constexpr ViTConfig vit = vit_nano_patch4_32;

#ifdef BAD
using Tokenizer = Codebook<TokenizerConfig{3, 8, 256}>;
#else
using Tokenizer = Codebook<TokenizerConfig{3, 4, 256}>;
#endif
SplitMask<ViT<vit>, BlockSplit<vit.grid()>, Tokenizer> pretext;
