// Sums over rows and log sum exp of a row: what the kernels of losses share.
#pragma once
#include <cmath>

#include "../../core/scalar_math.hpp"
#include "loops.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

// The sum of f(row) over all rows, added in chunks of rows whose number depends on the rows alone.
template <class T, class Device, class F> T sum_of_rows(Device& device, std::int64_t rows, F f) {
  constexpr std::int64_t chunk = 32;
  const std::int64_t chunks = (rows + chunk - 1) / chunk;
  T* partial = device.template scratch<T>(chunks);
  over_ranges(device, rows, chunk, [&](std::int64_t begin, std::int64_t end) {
    T sum = 0;
    for (std::int64_t r = begin; r < end; ++r) sum += f(r);
    partial[begin / chunk] = sum;
  });
  T sum = 0;
  for (std::int64_t c = 0; c < chunks; ++c) sum += partial[c];
  return sum;
}
// log sum exp of a row = top + rest. A loss adds its terms to the small `rest`: for large logits `top` would swallow it.
template <class T> struct LogSumExp {
  T top, rest;
};
template <class T> LogSumExp<T> log_sum_exp(std::int64_t n, const T* row) {
  const T top = lane_max(n, row);
  return {top, std::log(lane_sum<T>(n, [&](std::int64_t k) { return math::exp(row[k] - top); }))};
}
// Means over no rows are 0, not 0 / 0: an empty batch has no loss.
template <class T> T over(T sum, std::int64_t rows) { return rows == 0 ? T(0) : sum / static_cast<T>(rows); }

}  // namespace vitrail::cpu::inline VITRAIL_ABI
