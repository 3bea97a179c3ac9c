// Splits of one image into two disjoint visible sets of equal size, A and B, for SplitMask (El-Nouby et al., 2021,
// sections 4.1 and 5.5). Each branch sees its own set and predicts the tokens that it does not see.
#pragma once
#include "block_mask.hpp"

namespace vitrail {

// A policy names `branches` = 2, `tokens`, `visible` (tokens per branch), `masked` = tokens - visible, and `draw(random, a, b)`, which
// writes two disjoint sets of `visible` ascending indices for ONE image. Swapping A and B must not change their
// distribution.
template <class S>
concept SplitPolicy = requires(Random& random, int* out) {
  requires S::branches == 2;
  requires S::tokens == S::visible + S::masked;
  requires S::visible > 0 && 2 * S::visible <= S::tokens;
  S::draw(random, out, out);
};

// Writes the S::masked tokens that a branch with these S::visible tokens must predict, ascending.
template <SplitPolicy S>
constexpr void masked_of(const int* visible, int* out) {
  complement<S::tokens, S::visible>(visible, out);
}

template <int Tokens, int Percent>
struct BranchesAreDisjoint {
  static constexpr bool holds = 2 * (Tokens - share(Tokens, Percent)) <= Tokens;
  static_assert(holds, "split: each branch must lose at least half of the tokens, or the two overlap");
};

// Uniformly random sets; `Percent` is the share removed from each branch. 50: two halves. 75: two quarters, the rest
// seen by neither and predicted by both. (The other reading of the paper's 75 %, A a quarter and B the three quarters
// left, gives branches of unequal length, of which B is hardly masked: left out.)
template <int Tokens, int Percent>
  requires(SomethingVisible<Tokens, Percent>::holds && BranchesAreDisjoint<Tokens, Percent>::holds)
struct RandomSplit {
  static constexpr int branches = 2, tokens = Tokens, masked = share(Tokens, Percent), visible = tokens - masked;

  static constexpr void draw(Random& random, int* a, int* b) {
    // Selection sampling, as in change_random, into three sets at once, and without a branch: no processor guesses a coin. Every token is
    // written to both sets, and stays in the one that grows.
    std::array<int, std::size_t{visible} + 1> sets[2] = {};
    std::size_t in_a = 0, in_b = 0;
    for (int token = 0; token < tokens; ++token) {
      const std::size_t drawn = static_cast<std::size_t>(random.below(tokens - token)), either = 2 * std::size_t{visible} - in_a - in_b;
      const bool joins_a = drawn < visible - in_a, joins_b = drawn < either;
      sets[0][in_a] = sets[1][in_b] = token;
      in_a += joins_a, in_b += joins_b & !joins_a;
    }
    std::copy_n(sets[0].begin(), visible, a), std::copy_n(sets[1].begin(), visible, b);
  }
};

template <int Grid, int Percent>
struct BlockAndComplementAreEqual {
  static constexpr bool holds = Percent == 50;
  static_assert(holds, "split: a block mask and its complement are equally large at 50 % only");
};

// A block mask (see BlockMask) is one set and its complement the other; a coin decides which is A. On a grid with an
// odd number of patches one random patch is seen by neither branch and predicted by both.
template <int Grid, int Percent = 50, int MinBlock = scaled_block(16, Grid), int MaxBlock = scaled_block(75, Grid)>
  requires(SomethingVisible<Grid * Grid, Percent>::holds && BlockAndComplementAreEqual<Grid, Percent>::holds &&
           BlockAreasAreOrdered<MinBlock, MaxBlock>::holds)
struct BlockSplit {
  static constexpr int branches = 2, tokens = Grid * Grid, masked = share(tokens, Percent), visible = tokens - masked;
  static constexpr BlockRules rules{Grid, visible, MinBlock, MaxBlock};

  static void draw(Random& random, int* a, int* b) {
    TokenFlags<tokens> block{};
    const int count = draw_blocks(rules, random, block.data());
    change_random(random, block, false, visible - count);
    const int unseen = masked > visible ? pick_unseen(random, block) : -1;
    int* const sides[2] = {a, b};
    const int coin = random.below(2);
    int* inside = sides[coin];
    int* outside = sides[1 - coin];
    for (int token = 0; token < tokens; ++token)
      if (token != unseen) *(block[static_cast<std::size_t>(token)] ? inside : outside)++ = token;
  }

 private:
  // A random token outside the block.
  static int pick_unseen(Random& random, const TokenFlags<tokens>& block) {
    int nth = random.below(masked), token = 0;
    while (block[static_cast<std::size_t>(token)] || nth-- > 0) ++token;
    return token;
  }
};

}  // namespace vitrail
