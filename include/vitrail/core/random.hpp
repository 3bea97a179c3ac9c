// Counter-based random numbers (Philox 4x32-10; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// A number depends on (seed, stream, position) only: never on a thread, and on the order of calls only within a stream.
#pragma once
#include <cmath>
#include <cstdint>
#include <utility>

#include "config.hpp"

namespace vitrail {

namespace detail {
struct Philox {
  std::uint32_t word[4];
};
// Ten rounds: the four counter words, scrambled under a 64-bit key.
VITRAIL_HD constexpr Philox philox(std::uint64_t key, std::uint64_t high, std::uint64_t low) {
  std::uint32_t c0 = static_cast<std::uint32_t>(low), c1 = static_cast<std::uint32_t>(low >> 32);
  std::uint32_t c2 = static_cast<std::uint32_t>(high), c3 = static_cast<std::uint32_t>(high >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0, p1 = std::uint64_t{0xCD9E8D57u} * c2;
    const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    const std::uint32_t n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c0 = n0, c1 = static_cast<std::uint32_t>(p1), c2 = n2, c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}
VITRAIL_HD constexpr std::uint64_t mix(std::uint64_t z) {  // the finaliser of SplitMix64 (Steele, Lea, Flood 2014)
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}
}  // namespace detail

// A small value: copy it freely; a copy continues from the same position on its own.
class Random {
 public:
  VITRAIL_HD constexpr explicit Random(std::uint64_t seed = 0) : key_(seed) {}

  // An independent generator named by this one's seed and stream and a number of the caller's (a sample, an epoch, a
  // step). It does not depend on how many numbers this one has given.
  VITRAIL_HD constexpr Random stream(std::uint64_t id) const {
    Random other(key_);
    other.stream_ = detail::mix(stream_ + 0x9E3779B97F4A7C15ull * (id + 1));
    return other;
  }
  constexpr Random stream(std::uint64_t id, std::uint64_t second) const { return stream(id).stream(second); }

  VITRAIL_HD constexpr std::uint32_t bits() {
    if (position_ % 4 == 0) block_ = detail::philox(key_, stream_, position_ / 4);
    return block_.word[position_++ % 4];
  }
  // Uniform in [0, 1), 53 bits.
  VITRAIL_HD constexpr double uniform() {
    const std::uint64_t high = bits() >> 5, low = bits() >> 6;
    return static_cast<double>((high << 26) | low) * 0x1.0p-53;
  }
  constexpr double uniform(double from, double to) { return from + (to - from) * uniform(); }
  VITRAIL_HD constexpr bool chance(double probability) { return uniform() < probability; }
  // Uniform in {0, ..., n - 1}, without bias; n must be positive.
  constexpr int below(int n) {
    const std::uint32_t range = static_cast<std::uint32_t>(n), floor = (0u - range) % range;
    while (true) {
      const std::uint64_t product = std::uint64_t{bits()} * range;
      if (static_cast<std::uint32_t>(product) >= floor) return static_cast<int>(product >> 32);
    }
  }
  // Normal with mean 0 and variance 1 (Box and Muller; the second number is not kept, so that the position stays simple).
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(6.283185307179586 * uniform());
  }
  // Fisher and Yates. `at` points to n values.
  template <class T> constexpr void shuffle(T* at, int n) {
    for (int i = n - 1; i > 0; --i) {
      const int j = below(i + 1);
      T kept = std::move(at[i]);
      at[i] = std::move(at[j]);
      at[j] = std::move(kept);
    }
  }

 private:
  std::uint64_t key_ = 0, stream_ = 0, position_ = 0;
  detail::Philox block_{};
};

}  // namespace vitrail
