// Steps of 24 and 48 blocks, planned inside the compiler within its default limits. This file need only compile.
#include "vitrail/core/shape_rules.hpp"
#include "vitrail/objectives/cost.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/objectives/supervised.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/vit/presets.hpp"

namespace vitrail {

constexpr ViTConfig deep{.image = 224, .patch = 16, .dim = 384, .depth = 24, .heads = 6};
constexpr ViTConfig deeper{.image = 224, .patch = 16, .dim = 384, .depth = 48, .heads = 6};
template <ViTConfig C>
using Deep = SplitMask<ViT<C>, BlockSplit<C.grid(), 50>, RandomProjection<C, 8192>>;

static_assert(FitsInto<cost<Deep<deep>>(64).peak_bytes, 48_GiB>);
static_assert(cost<Deep<deeper>>(64).kernels > 2 * cost<Deep<deep>>(64).kernels - 200);
static_assert(cost<Supervised<ViT<deeper>, 1000>>(64).gradient_bytes == cost<Supervised<ViT<deep>, 1000>>(64).gradient_bytes);

// The encoder of ViT-S: 4.6 GMACs for an image of 224 x 224 pixels, as timm counts them.
constexpr double multiply_adds = static_cast<double>(evaluation_cost<ViT<vit_small_patch16_224>>(1).forward_flops) / 2;
static_assert(multiply_adds > 4.60e9 && multiply_adds < 1.03 * 4.60e9);

}  // namespace vitrail
