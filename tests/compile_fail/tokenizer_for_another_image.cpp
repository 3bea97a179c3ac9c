// DALL-E's encoder for images of 64 pixels, and an encoder of images of 32.
// expect: the tokenizer must be made for the encoder's image size
// expect: TokenizerIsForImage<64, 32>
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/tokenizers/dalle.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;
constexpr ViTConfig vit = vit_nano_patch4_32;

#ifdef BAD
using Tokenizer = Dalle<DalleConfig{.image = 64, .patch = 4}>;
#else
using Tokenizer = Dalle<DalleConfig{.image = 32, .patch = 4}>;
#endif
SplitMask<ViT<vit>, BlockSplit<vit.grid()>, Tokenizer> pretext;
