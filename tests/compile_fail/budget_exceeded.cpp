// A step that needs more memory than the program may use.
// expect: a step of 64 images must fit into the budget
// expect: FitsInto
// expect: 1048576
// expect: [1-9][0-9]{7,}
#include "vitrail/core/shape_rules.hpp"
#include "vitrail/objectives/cost.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;
using Pretext = SplitMask<ViT<vit_nano_patch4_32>, BlockSplit<8>, RandomProjection<vit_nano_patch4_32, 256>>;

#ifdef BAD
static_assert(FitsInto<cost<Pretext>(64).peak_bytes, 1_MiB>, "a step of 64 images must fit into the budget");
#else
static_assert(FitsInto<cost<Pretext>(64).peak_bytes, 4_GiB>, "a step of 64 images must fit into the budget");
#endif
