// DINO without anything to compare with.
// expect: DINO needs at least one local crop and one prototype
#include "vitrail/objectives/dino.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;

#ifdef BAD
constexpr DinoConfig config{.local = 16, .prototypes = 0};
#else
constexpr DinoConfig config{.local = 16, .prototypes = 1024};
#endif
Dino<ViT<vit_tiny_patch4_32>, config> objective;
