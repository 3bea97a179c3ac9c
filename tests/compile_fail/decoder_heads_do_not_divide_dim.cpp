// A decoder of five heads and 64 channels.
// expect: dim must be a multiple of heads
// expect: HeadsDivideDim<64, 5>
#include "vitrail/objectives/mae.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;
constexpr ViTConfig vit = vit_nano_patch4_32;

#ifdef BAD
constexpr DecoderConfig shallow{.dim = 64, .depth = 1, .heads = 5};
#else
constexpr DecoderConfig shallow{.dim = 64, .depth = 1, .heads = 4};
#endif
Mae<ViT<vit>, RandomMask<64, 75>, shallow> pretext;
