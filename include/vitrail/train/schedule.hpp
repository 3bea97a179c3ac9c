// Quantities that change over training, as functions of the step.
#pragma once
#include <cmath>
#include <cstdint>

#include "../core/config.hpp"

namespace vitrail {

// Linear warm-up, then half a cosine down to `minimum`. Steps count from 0; the first step already moves, at peak / warmup. Throws
// ConfigError where `steps` was not set.
struct CosineSchedule {
  double peak = 1.5e-3;
  double minimum = 1e-5;
  std::int64_t warmup = 0;
  std::int64_t steps = 0;  // of the run

  double operator()(std::int64_t step) const;
};

// Warm-up from a share of the peak, then the peak, and a tenth of the rate before at each of two steps: how detectors are trained.
struct StepSchedule {
  double peak = 1e-4;
  double warmup_from = 0.001;  // share of the peak at step 0
  std::int64_t warmup = 500;
  std::int64_t drops[2] = {0, 0};  // steps from which the rate is ten times smaller

  double operator()(std::int64_t step) const;
  // The paper's shares of a run: drops after 27 and 33 of 36 epochs (El-Nouby et al. 2021, section 5.2.1: the 3x schedule).
  static StepSchedule of(double peak, std::int64_t warmup, std::int64_t steps) {
    return {.peak = peak, .warmup = warmup, .drops = {steps * 27 / 36, steps * 33 / 36}};
  }
};

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/schedule.hpp"
#endif
