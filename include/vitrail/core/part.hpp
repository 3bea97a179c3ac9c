// Which images of a batch are whose, where several processes (ranks) train on one batch.
#pragma once
#include "config.hpp"

namespace vitrail {

// Rank `rank` of `ranks` has as many images as every other one: neighbours in the batch, or, where images are mixed with those that stand
// opposite (`mirrored`), as many from its front as from its end, so that partners stay together.
struct Part {
  int rank = 0, ranks = 1;
  bool mirrored = false;

  // The place in the whole batch of what stands at place i of this rank's n; images, or rows of which each image has as many.
  VITRAIL_HD constexpr int place(int i, int n) const {
    if (!mirrored) return rank * n + i;
    const int half = n / 2;
    return i < half ? rank * half + i : ranks * n - (rank + 1) * (n - half) + (i - half);
  }
  friend constexpr bool operator==(const Part&, const Part&) = default;
};

}  // namespace vitrail
