// An image of 30 pixels and patches of 4.
// expect: image must be a multiple of patch
// expect: PatchDividesImage<30, 4>
#include "vitrail/vit/vit.hpp"

#ifdef BAD
using Encoder = vitrail::ViT<vitrail::ViTConfig{.image = 30, .patch = 4}>;
#else
using Encoder = vitrail::ViT<vitrail::ViTConfig{.image = 32, .patch = 4}>;
#endif
Encoder encoder;
