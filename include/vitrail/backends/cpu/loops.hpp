// Sums and extremes in lanes, and over rows in chunks: always the same way for the same sizes.
#pragma once
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "ranges.hpp"
#include "tile.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

// What joins two lanes, or four pairs of them.
struct Plus {
  auto operator()(auto a, auto b) const { return a + b; }
};
struct Larger {
  template <class T>
  T operator()(T a, T b) const {
    return a > b ? a : b;
  }
#if VITRAIL_X86
  __m128 operator()(__m128 a, __m128 b) const { return _mm_max_ps(a, b); }
#endif
};
// 16 lanes to one, by halves. For float in the registers that every x86-64 has: compilers go through memory, which costs more than
// a short row.
template <class T, class F>
inline T fold_lanes(T (&lane)[16], F f) {
#if VITRAIL_X86
  if constexpr (std::is_same_v<T, float>) {
    const __m128 four = f(f(_mm_loadu_ps(lane), _mm_loadu_ps(lane + 8)), f(_mm_loadu_ps(lane + 4), _mm_loadu_ps(lane + 12)));
    const __m128 two = f(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(f(two, _mm_shuffle_ps(two, two, 1)));
  }
#endif
  for (int half = 8; half > 0; half /= 2)
    for (int l = 0; l < half; ++l) lane[l] = f(lane[l], lane[l + half]);
  return lane[0];
}

// Sum of f(0) .. f(n - 1) in 16 independent lanes: vector code without -ffast-math, and one order on every machine.
template <class T, class F>
inline T lane_sum(std::int64_t n, F f) {
  T lane[16] = {};
  const int rest = static_cast<int>(n % 16);
  for (std::int64_t i = 0; i < n - rest; i += 16)
    for (int l = 0; l < 16; ++l) lane[l] += f(i + l);
  for (int l = 0; l < rest; ++l) lane[l] += f(n - rest + l);
  return fold_lanes(lane, Plus{});
}
template <class T>
inline T lane_max(std::int64_t n, const T* x) {
  T lane[16];
  std::fill(lane, lane + 16, x[0]);
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int l = 0; l < 16; ++l) lane[l] = lane[l] > x[i + l] ? lane[l] : x[i + l];
  for (; i < n; ++i) lane[0] = lane[0] > x[i] ? lane[0] : x[i];
  return fold_lanes(lane, Larger{});
}

// Adds what every row contributes to a parameter's gradient of `width` numbers. rows are cut into fixed chunks; each sums
// into a partial of its own by f(begin, end, partial), or f(begin, end, partial, worker), and the partials are added in order.
template <class T, class Device, class F>
void reduce_rows(Device& device, std::int64_t rows, std::int64_t chunk, std::int64_t width, const Sink<T>* sinks, int sink_count, F f) {
  const int chunks = static_cast<int>((rows + chunk - 1) / chunk);  // 0 for an empty batch: it contributes nothing
  const std::int64_t all = width * sink_count;
  T* partial = device.template scratch<T>(chunks * all);
  device.parallel(chunks, [&](int c, int worker) {
    T* mine = partial + c * all;
    std::fill(mine, mine + all, T(0));
    const std::int64_t end = std::min(rows, (c + std::int64_t{1}) * chunk);
    if constexpr (std::is_invocable_v<F&, std::int64_t, std::int64_t, T*, int>) f(c * chunk, end, mine, worker);
    else f(c * chunk, end, mine);
  });
  for (int s = 0; s < sink_count; ++s) {
    if (sinks[s].skipped()) continue;
    T* to = sinks[s].to;
    if (sinks[s].mode == Write::assign) std::fill(to, to + width, T(0));
    for (int c = 0; c < chunks; ++c) {
      const T* from = partial + c * all + s * width;
      for (std::int64_t i = 0; i < width; ++i) to[i] += from[i];
    }
  }
}

}  // namespace vitrail::cpu::inline VITRAIL_ABI
