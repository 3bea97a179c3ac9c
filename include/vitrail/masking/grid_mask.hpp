// A regular lattice of visible patches (the "grid" sampling that He et al., CVPR 2022, compare with random masking).
#pragma once
#include "mask_policy.hpp"

namespace vitrail {

template <int Grid, int Step>
struct StepFitsGrid {
  static constexpr bool holds = Step >= 2 && Step <= Grid;
  static_assert(holds, "mask: the lattice step must be at least 2 and at most the patches per side");
};

// Of Grid x Grid patches, keeps every Step-th in both directions: (Grid / Step)^2 patches, one in four for step 2. The
// lattice's position is drawn anew for every image among all that keep it whole; where Step divides Grid, every patch
// is therefore seen equally often.
template <int Grid, int Step>
  requires(StepFitsGrid<Grid, Step>::holds)
struct GridMask {
  static constexpr int per_side = Grid / Step;
  static constexpr int tokens = Grid * Grid, visible = per_side * per_side, masked = tokens - visible;

  static constexpr void draw(Random& random, int* visible_out, int* masked_out) {
    constexpr int positions = Grid - (per_side - 1) * Step;
    const int top = random.below(positions), left = random.below(positions);
    for (int row = 0, i = 0; row < per_side; ++row)
      for (int column = 0; column < per_side; ++column)
        visible_out[i++] = (top + row * Step) * Grid + left + column * Step;
    complement<tokens, visible>(visible_out, masked_out);
  }
};

}  // namespace vitrail
