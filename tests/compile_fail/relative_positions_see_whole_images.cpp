// An autoencoder that shows some patches to an encoder whose attention knows places of whole images only.
// expect: an encoder with relative positions sees whole images: choose other positions to encode some patches only
#include "vitrail/objectives/cost.hpp"
#include "vitrail/objectives/mae.hpp"

using namespace vitrail;

#ifdef BAD
constexpr Positions positions = Positions::relative;
#else
constexpr Positions positions = Positions::sincos;
#endif
constexpr ViTConfig vit{.image = 32, .patch = 4, .dim = 24, .depth = 2, .heads = 3, .positions = positions};
constexpr Cost plan = cost<Mae<ViT<vit>, RandomMask<64, 75>, DecoderConfig{.dim = 16, .depth = 1, .heads = 2}>>(2);
