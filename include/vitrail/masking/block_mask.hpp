// Block-wise masking: BEiT's generator (Bao et al., "BEiT: BERT pre-training of image transformers", ICLR 2022,
// algorithm 1, and its published code), then topped up to an exact count.
#pragma once
#include <algorithm>
#include <cmath>

#include "../core/config.hpp"
#include "mask_policy.hpp"

namespace vitrail {

// A rectangle of patches.
struct PatchBlock {
  int top, left, height, width;
};

// What the generator obeys. Areas are in patches.
struct BlockRules {
  int grid;       // patches per side
  int target;     // never more are masked
  int min_block;  // smallest proposed block area (the last block may be smaller: at most what is missing)
  int max_block;  // largest number of patches that one block adds
};

namespace detail {
// A rectangle of random area in [min_block, cap] (bounds in either order), of log-uniform aspect 0.3 .. 1/0.3,
// somewhere in the grid. False if it would span the grid from edge to edge.
VITRAIL_FUNCTION bool propose_block(const BlockRules& rules, int cap, Random& random, PatchBlock& block);

// Calls f(flag) for every patch of the block.
template <class F>
void each_patch(const BlockRules& rules, const PatchBlock& block, bool* flags, F&& f) {
  for (int row = block.top; row < block.top + block.height; ++row)
    for (int column = block.left; column < block.left + block.width; ++column) f(flags[row * rules.grid + column]);
}

struct IgnoreBlock {
  void operator()(const PatchBlock&) const {}
};
}  // namespace detail

// BEiT's generator. `masked`: grid * grid flags, all false at the start. Blocks may overlap; ten unsuitable proposals
// in a row end it. Returns how many flags it raised: at most rules.target, often fewer. `placed(block)` sees every
// block it keeps.
template <class Placed = detail::IgnoreBlock>
int draw_blocks(const BlockRules& rules, Random& random, bool* masked, Placed&& placed = {}) {
  int count = 0;
  for (int tries = 0; count < rules.target && tries < 10; ++tries) {
    const int cap = std::min(rules.target - count, rules.max_block);
    PatchBlock block;
    if (!detail::propose_block(rules, cap, random, block)) continue;
    int added = 0;
    detail::each_patch(rules, block, masked, [&](bool& flag) { added += !flag; });
    if (added == 0 || added > cap) continue;
    detail::each_patch(rules, block, masked, [](bool& flag) { flag = true; });
    placed(block);
    count += added;
    tries = -1;  // the next block has ten tries of its own
  }
  return count;
}

// BEiT's block areas are meant for 14 x 14 patches; on other grids a block keeps its share of the picture: 16 of 196
// patches become 5 of 64.
constexpr int scaled_block(int patches_of_196, int grid) {
  return std::max(1, (2 * patches_of_196 * grid * grid + 196) / (2 * 196));
}

template <int MinBlock, int MaxBlock>
struct BlockAreasAreOrdered {
  static constexpr bool holds = 1 <= MinBlock && MinBlock <= MaxBlock;
  static_assert(holds, "mask: the smallest block must have at least one patch and no more than the largest");
};

namespace detail {
// Hides exactly Count of Grid x Grid patches in blocks: what the generator leaves missing is filled with uniformly random patches.
template <int Grid, int Count, int MinBlock, int MaxBlock> struct ExactBlocks {
  static constexpr int tokens = Grid * Grid, masked = Count, visible = tokens - masked;
  static constexpr BlockRules rules{Grid, masked, MinBlock, MaxBlock};

  static void draw(Random& random, int* visible_out, int* masked_out) {
    TokenFlags<tokens> hidden{};
    const int count = draw_blocks(rules, random, hidden.data());
    change_random(random, hidden, false, masked - count);
    write_indices(hidden, masked_out, visible_out);
  }
};
}  // namespace detail

// Hides `Percent` of Grid x Grid patches in blocks: at least 16 and at most 75 patches each, on 14 x 14 (El-Nouby et
// al., "Are large-scale datasets necessary for self-supervised pre-training?", 2021, section 5.5). The count is exact.
template <int Grid, int Percent, int MinBlock = scaled_block(16, Grid), int MaxBlock = scaled_block(75, Grid)>
  requires(SomethingVisible<Grid * Grid, Percent>::holds && SomethingMasked<Grid * Grid, Percent>::holds &&
           BlockAreasAreOrdered<MinBlock, MaxBlock>::holds)
struct BlockMask : detail::ExactBlocks<Grid, share(Grid * Grid, Percent), MinBlock, MaxBlock> {};

template <int Tokens, int Masked>
struct SomeButNotAllMasked {
  static constexpr bool holds = 0 < Masked && Masked < Tokens;
  static_assert(holds, "mask: at least one patch must be masked, and at least one must stay visible");
};

// BEiT's own setting: 75 of 14 x 14 patches, in blocks of 16 patches or more. Its code masks at most 75 of an image and often a few
// less; here the count is exact, so that every image of a batch predicts as many words and shapes are static.
template <int Grid, int Masked = scaled_block(75, Grid)>
  requires(SomeButNotAllMasked<Grid * Grid, Masked>::holds)
struct BeitMask : detail::ExactBlocks<Grid, Masked, scaled_block(16, Grid), Masked> {};

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/block_mask.hpp"
#endif
