// Bodies of cpu.hpp.
#pragma once
#include <algorithm>
#include <thread>

#include "../cpu.hpp"

namespace vitrail {

namespace cpu::inline VITRAIL_ABI {
inline int chosen_threads(int threads) {
  if (threads < 0) throw ConfigError("Cpu: the number of threads must be 0 (all) or more, found " + std::to_string(threads));
  if (threads > 0) return threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}
}  // namespace cpu::inline VITRAIL_ABI

inline namespace VITRAIL_ABI {

VITRAIL_FUNCTION Cpu::Cpu(const CpuConfig& config)
    : isa_(cpu::granted(config.isa)),
      precision_(config.precision),
      products_(config.products),
      pool_(std::make_unique<cpu::ThreadPool>(cpu::chosen_threads(config.threads), config.bind)) {}

}  // namespace VITRAIL_ABI
}  // namespace vitrail
