// DINO's small crops are larger than the images that the model sees.
// expect: DINO's local crop must be smaller than the image, and a multiple of patch
// expect: LocalCropFits<64, 32, 4>
#include "vitrail/objectives/dino.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;

#ifdef BAD
constexpr DinoConfig config{.local = 64};
#else
constexpr DinoConfig config{.local = 16};
#endif
Dino<ViT<vit_tiny_patch4_32>, config> objective;
