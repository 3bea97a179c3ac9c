// bfloat16: the upper half of a float. Something to keep numbers in, not to compute with: whoever reads one has a float, and whoever
// writes one says that it is rounded.
#pragma once
#include <cstdint>
#include <cstring>

#include "config.hpp"

namespace vitrail {

struct bfloat16 {
  std::uint16_t bits;

  bfloat16() = default;
  // The nearest one, of equals the even one; what is not a number stays none.
  VITRAIL_HD explicit bfloat16(float x) : bits(nearest(x)) {}
  VITRAIL_HD static bfloat16 of_bits(std::uint16_t bits) {
    bfloat16 x;
    x.bits = bits;
    return x;
  }
  VITRAIL_HD operator float() const {
    const std::uint32_t word = std::uint32_t{bits} << 16;
    float x;
    std::memcpy(&x, &word, sizeof x);
    return x;
  }

 private:
  VITRAIL_HD static std::uint16_t nearest(float x) {
    std::uint32_t word;
    std::memcpy(&word, &x, sizeof word);
    if (x != x) return static_cast<std::uint16_t>(word >> 16 | 0x40u);
    return static_cast<std::uint16_t>((word + 0x7FFFu + (word >> 16 & 1u)) >> 16);
  }
};
static_assert(sizeof(bfloat16) == 2);

namespace detail {
template <class T>
struct Wide {
  using type = T;
};
template <>
struct Wide<bfloat16> {
  using type = float;
};
}  // namespace detail

// The scalar beside T in which nothing is rounded that must last or be summed: parameters and their gradients, statistics, losses. T
// itself, but for bfloat16.
template <class T>
using wide = typename detail::Wide<T>::type;

}  // namespace vitrail
