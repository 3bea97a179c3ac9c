// Bodies of token_entropy.hpp.
#pragma once
#include "../token_entropy.hpp"

namespace vitrail {

namespace detail {
VITRAIL_FUNCTION void summarise(TokenUsage& usage) {
  for (const std::int64_t count : usage.counts) usage.patches += count;
  for (const std::int64_t count : usage.counts) {
    if (count == 0) continue;
    const double share = static_cast<double>(count) / static_cast<double>(usage.patches);
    usage.entropy -= share * std::log(share);
    ++usage.used;
  }
}
}  // namespace detail

}  // namespace vitrail
