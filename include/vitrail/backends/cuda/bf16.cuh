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
  return std::uint32_t{to_bf16(second).bits} << 16 | to_bf16(first).bits;
}

}  // namespace vitrail::cuda
