// Rows scaled to length one: what cosines are made of.
#pragma once
#include <cmath>

#include "loops.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

// Rows (rows, d) scaled to length one, and what their lengths were (but not less than 1e-12).
template <class T, class Device> void unit_rows(Device& device, std::int64_t rows, std::int64_t d, const T* x, T* unit, T* norm) {
  over_rows(device, rows, d, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const T* const row = x + r * d;
      norm[r] = std::max(std::sqrt(lane_sum<T>(d, [&](std::int64_t i) { return row[i] * row[i]; })), T(1e-12));
      for (std::int64_t i = 0; i < d; ++i) unit[r * d + i] = row[i] / norm[r];
    }
  });
}

}  // namespace vitrail::cpu::inline VITRAIL_ABI
