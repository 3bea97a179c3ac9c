// Five heads of 192 channels.
// expect: dim must be a multiple of heads
// expect: HeadsDivideDim<192, 5>
#include "vitrail/vit/vit.hpp"

#ifdef BAD
using Encoder = vitrail::ViT<vitrail::ViTConfig{.image = 96, .patch = 8, .dim = 192, .depth = 12, .heads = 5}>;
#else
using Encoder = vitrail::ViT<vitrail::ViTConfig{.image = 96, .patch = 8, .dim = 192, .depth = 12, .heads = 3}>;
#endif
Encoder encoder;
