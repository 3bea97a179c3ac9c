// Bodies of readout.hpp.
#pragma once
#include "../readout.hpp"

namespace vitrail {

VITRAIL_FUNCTION TokenPool::TokenPool(Pooling pooling, int lead, int grid, int dim)
    : pooling_(pooling), lead_(lead), grid_(grid), dim_(dim) {
  const bool wants_token = pooling.readout == Readout::class_token || pooling.readout == Readout::class_token_and_mean;
  if (wants_token && lead < 1)
    throw ConfigError("pooling: this encoder has no class token; choose mean or grid, or an encoder with class_token");
  if (pooling.readout == Readout::grid && (pooling.cells < 1 || pooling.cells > grid))
    throw ConfigError("pooling: cells must lie in 1 .. " + std::to_string(grid) + " (the patches of a side), found " +
                      std::to_string(pooling.cells));
}

}  // namespace vitrail
