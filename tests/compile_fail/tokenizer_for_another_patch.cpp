// Words of 8 x 8 pixels for an encoder of 4 x 4.
// expect: the tokenizer must give one word for each of the encoder's patches: make it for the same image and patch
#include "vitrail/objectives/beit.hpp"
#include "vitrail/objectives/cost.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;
constexpr ViTConfig vit = vit_nano_patch4_32;

#ifdef BAD
constexpr ViTConfig words = vit_tiny_patch8_96;
#else
constexpr ViTConfig words = vit;
#endif
constexpr Cost plan = cost<Beit<ViT<vit>, BeitMask<8>, RandomProjection<words, 256>>>(2);
