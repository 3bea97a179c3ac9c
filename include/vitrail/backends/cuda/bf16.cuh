// bfloat16, the upper half of a float, as kernels keep it in shared memory.
#pragma once
#include <cstdint>
#include <cstring>

#include "../../core/config.hpp"

namespace vitrail::cuda {

struct bf16 {
  std::uint16_t bits;

  VITRAIL_HD operator float() const {
    const std::uint32_t word = std::uint32_t{bits} << 16;
    float x;
    std::memcpy(&x, &word, sizeof x);
    return x;
  }
};

// The nearest bfloat16, of equals the even one; what is not a number stays none.
VITRAIL_HD inline bf16 to_bf16(float x) {
  std::uint32_t word;
  std::memcpy(&word, &x, sizeof word);
  if (x != x) return {static_cast<std::uint16_t>(word >> 16 | 0x40u)};
  return {static_cast<std::uint16_t>((word + 0x7FFFu + (word >> 16 & 1u)) >> 16)};
}
// Two of them in one register, the first one in the lower half: how products take neighbours in k.
VITRAIL_HD inline std::uint32_t bf16_pair(float first, float second) {
#if defined(__CUDA_ARCH__)
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
#else
  return std::uint32_t{to_bf16(second).bits} << 16 | to_bf16(first).bits;
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
