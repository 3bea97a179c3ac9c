// A mask that hides all 64 patches.
// expect: at least one patch must be masked, and at least one must stay visible
// expect: SomeButNotAllMasked<64, 64>
#include "vitrail/masking/block_mask.hpp"

#ifdef BAD
using Mask = vitrail::BeitMask<8, 64>;
#else
using Mask = vitrail::BeitMask<8, 63>;
#endif
static_assert(Mask::visible == 1);
