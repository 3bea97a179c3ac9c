// Pixels where BEiT needs words.
// expect: BEiT predicts words: its third argument must be a tokenizer, which names its vocabulary
#include "vitrail/objectives/beit.hpp"
#include "vitrail/objectives/mae.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;
constexpr ViTConfig vit = vit_nano_patch4_32;

#ifdef BAD
Beit<ViT<vit>, BeitMask<8>, NormalisedPixels> pretext;
#else
Beit<ViT<vit>, BeitMask<8>, RandomProjection<vit, 256>> pretext;
#endif
