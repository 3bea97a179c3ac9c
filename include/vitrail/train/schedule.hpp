// Quantities that change over training, as functions of the step.
#pragma once
#include <cmath>
#include <cstdint>

namespace vitrail {

// Linear warm-up, then half a cosine down to `minimum`. Steps count from 0; the first step already moves, at peak / warmup.
struct CosineSchedule {
  double peak = 1.5e-3;
  double minimum = 1e-5;
  std::int64_t warmup = 0;
  std::int64_t steps = 1;

  double operator()(std::int64_t step) const {
    if (step < warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
    if (step >= steps) return minimum;
    const double done = static_cast<double>(step - warmup) / static_cast<double>(steps - warmup);
    return minimum + 0.5 * (peak - minimum) * (1 + std::cos(3.14159265358979323846 * done));
  }
};

}  // namespace vitrail
