// A mask that hides everything.
// expect: this share of the tokens leaves nothing visible
// expect: SomethingVisible<16, 100>
#include "vitrail/masking/random_mask.hpp"

#ifdef BAD
using Mask = vitrail::RandomMask<16, 100>;
#else
using Mask = vitrail::RandomMask<16, 75>;
#endif
static_assert(Mask::visible == 4);
