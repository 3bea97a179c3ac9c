// Bodies of schedule.hpp.
#pragma once
#include "../../core/error.hpp"
#include "../schedule.hpp"

namespace vitrail {

VITRAIL_FUNCTION double CosineSchedule::operator()(std::int64_t step) const {
  if (steps < 1) throw ConfigError("schedule: expected .steps of at least 1, those of the run, found " + std::to_string(steps));
  if (step < warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
  if (step >= steps) return minimum;
  const double done = static_cast<double>(step - warmup) / static_cast<double>(steps - warmup);
  return minimum + 0.5 * (peak - minimum) * (1 + std::cos(3.14159265358979323846 * done));
}

VITRAIL_FUNCTION double StepSchedule::operator()(std::int64_t step) const {
  double rate = peak;
  if (step < warmup) rate *= warmup_from + (1 - warmup_from) * static_cast<double>(step) / static_cast<double>(warmup);
  for (const std::int64_t drop : drops)
    if (step >= drop) rate *= 0.1;
  return rate;
}

}  // namespace vitrail
