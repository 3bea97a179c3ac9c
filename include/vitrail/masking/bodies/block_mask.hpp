// Bodies of block_mask.hpp.
#pragma once
#include "../block_mask.hpp"

namespace vitrail {

namespace detail {
VITRAIL_FUNCTION bool propose_block(const BlockRules& rules, int cap, Random& random, PatchBlock& block) {
  const double log_aspect = std::log(1 / 0.3);
  const double area = random.uniform(rules.min_block, cap);
  const double aspect = std::exp(random.uniform(-log_aspect, log_aspect));
  block.height = static_cast<int>(std::lround(std::sqrt(area * aspect)));
  block.width = static_cast<int>(std::lround(std::sqrt(area / aspect)));
  if (block.height >= rules.grid || block.width >= rules.grid) return false;
  block.top = random.below(rules.grid - block.height + 1);
  block.left = random.below(rules.grid - block.width + 1);
  return true;
}
}  // namespace detail

}  // namespace vitrail
