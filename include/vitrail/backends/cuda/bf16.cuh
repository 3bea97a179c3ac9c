// Pairs of bfloat16, as tensor cores take them.
#pragma once
#include <cstdint>

#include "../../core/bfloat16.hpp"

namespace vitrail::cuda {

using bf16 = bfloat16;

// Two of them in one register, the first one in the lower half: how products take neighbours in k.
VITRAIL_HD inline std::uint32_t bf16_pair(float first, float second) {
#if defined(__CUDA_ARCH__)
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
#else
  return std::uint32_t{bf16(second).bits} << 16 | bf16(first).bits;
#endif
}
// Neighbours in memory as one word; the first of them lies on 4 bytes.
VITRAIL_HD inline std::uint32_t load_pair(const bf16* at) {
#if defined(__CUDA_ARCH__)
  return *reinterpret_cast<const std::uint32_t*>(at);
#else
  return std::uint32_t{at[1].bits} << 16 | at[0].bits;
#endif
}
VITRAIL_HD inline void store_pair(bf16* at, std::uint32_t pair) {
#if defined(__CUDA_ARCH__)
  *reinterpret_cast<std::uint32_t*>(at) = pair;
#else
  at[0].bits = static_cast<std::uint16_t>(pair), at[1].bits = static_cast<std::uint16_t>(pair >> 16);
#endif
}

}  // namespace vitrail::cuda
