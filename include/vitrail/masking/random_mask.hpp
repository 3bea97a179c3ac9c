// Uniformly random masking: every set of the right size is equally likely (He et al., "Masked autoencoders are scalable
// vision learners", CVPR 2022, with 75 %).
#pragma once
#include "mask_policy.hpp"

namespace vitrail {

// Hides `Percent` of `Tokens` tokens.
template <int Tokens, int Percent>
  requires(SomethingVisible<Tokens, Percent>::holds && SomethingMasked<Tokens, Percent>::holds)
struct RandomMask {
  static constexpr int tokens = Tokens, masked = share(Tokens, Percent), visible = tokens - masked;

  static constexpr void draw(Random& random, int* visible_out, int* masked_out) {
    TokenFlags<tokens> hidden{};
    change_random(random, hidden, false, masked);
    write_indices(hidden, masked_out, visible_out);
  }
};

}  // namespace vitrail
