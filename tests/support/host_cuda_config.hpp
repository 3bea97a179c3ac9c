// How tests set up the device that runs CUDA's kernels: on the host, or on a card, which takes of this what it can.
#pragma once
#include <cstddef>
#include <cstdint>

#include "vitrail/backends/device.hpp"

// The order in which warps, and lanes of a warp, are driven.
struct Order {
  bool reverse = false;
  std::uint64_t seed = 0;  // not 0: shuffled, anew for every block
};

struct HostCudaConfig {
  Order order{};
  vitrail::Precision precision = vitrail::Precision::full;
  std::size_t shared_limit = 232448;  // bytes, an H100's
  std::int64_t scores_at_once = std::int64_t{1} << 25;
  bool graphs = false;
  bool epilogues = false;    // products do what may be fused to them
  bool late_copies = false;  // copies ahead happen when somebody waits for them, or at once: programs may rely on neither
};
