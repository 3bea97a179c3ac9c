// A split of 14 x 14 patches for images of 8 x 8.
// expect: the split policy must be made for the encoder's grid
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;
constexpr ViTConfig vit = vit_nano_patch4_32;

#ifdef BAD
SplitMask<ViT<vit>, BlockSplit<14>, RandomProjection<vit, 256>> pretext;
#else
SplitMask<ViT<vit>, BlockSplit<vit.grid()>, RandomProjection<vit, 256>> pretext;
#endif
