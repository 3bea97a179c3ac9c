// BEiT's 75 of 14 x 14 patches for images of 8 x 8.
// expect: BEiT: the mask policy must be made for the encoder's grid
#include "vitrail/objectives/beit.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;
constexpr ViTConfig vit = vit_nano_patch4_32;

#ifdef BAD
Beit<ViT<vit>, BeitMask<14>, RandomProjection<vit, 256>> pretext;
#else
Beit<ViT<vit>, BeitMask<vit.grid()>, RandomProjection<vit, 256>> pretext;
#endif
