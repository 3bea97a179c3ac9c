// Bodies of fit.hpp.
#pragma once
#include "../fit.hpp"

namespace vitrail::detail {

VITRAIL_FUNCTION void check_views_of(const LoaderConfig& config, const std::vector<ViewGroup>& wanted, int channels) {
  const std::vector<ViewGroup> found = view_groups(config.size, config.views);
  if (found != wanted || config.channels != channels)
    throw ConfigError("fit: the objective takes views of each image, " + text(wanted) + " with " + std::to_string(channels) +
                      " channels; the loader makes " + text(found) + " with " + std::to_string(config.channels) +
                      "; set the loader's size, channels and views to the objective's");
}

VITRAIL_FUNCTION void check_finite(const StepReport& report, std::int64_t step) {
  if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm))
    throw NumericError("fit: at step " + std::to_string(step + 1) + " the loss is " + std::to_string(report.loss) +
                       " and the gradient's norm " + std::to_string(report.gradient_norm) + "; the model is as step " +
                       std::to_string(step) + " left it: lower the learning rate, or warm up longer");
}

VITRAIL_FUNCTION void check_rate(double rate, std::int64_t step) {
  if (!std::isfinite(rate))
    throw NumericError("fit: at step " + std::to_string(step + 1) + " the schedule's rate is " + std::to_string(rate) +
                       "; the model is as step " + std::to_string(step) + " left it: expected a finite number");
}

VITRAIL_FUNCTION void check_run(const FitConfig& config, std::int64_t taken, const BatchLoader& loader) {
  if (config.accumulate < 1)
    throw ConfigError("fit: accumulate must be at least 1 batch per step, found " + std::to_string(config.accumulate));
  if (config.steps < taken)
    throw ConfigError("fit: steps are those in all, expected at least the " + std::to_string(taken) +
                      " that the optimiser has taken, found " + std::to_string(config.steps));
  const std::int64_t due = taken * config.accumulate;
  if (taken < config.steps && loader.position() != due)
    throw ConfigError("fit: after " + std::to_string(taken) + " steps training goes on with batch " + std::to_string(due) +
                      ", the loader with batch " + std::to_string(loader.position()) + "; make it as BatchLoader(set, config, " +
                      (config.accumulate == 1 ? "optimizer.steps())" : "optimizer.steps() * " + std::to_string(config.accumulate) + ")"));
}

VITRAIL_FUNCTION double momentum_at(const FitConfig& config, std::int64_t step) {
  const double progress = static_cast<double>(step) / static_cast<double>(config.steps);
  const double start_share = 0.5 * (1 + std::cos(3.14159265358979323846 * progress));
  return config.momentum_to - (config.momentum_to - config.momentum_from) * start_share;
}

VITRAIL_FUNCTION void finish_report(StepReport& report, const FitConfig& config, const BatchLoader& loader, double seconds,
                                    double& smoothed) {
  const double images = static_cast<double>(loader.config().batch) * config.accumulate;
  report.epoch = static_cast<double>(report.step) * images / loader.set().size();
  report.seconds = seconds;
  smoothed = smoothed == 0 ? report.seconds : 0.95 * smoothed + 0.05 * report.seconds;
  report.images_per_second = images / smoothed;
  report.seconds_left = smoothed * static_cast<double>(config.steps - report.step);
  report.unreadable = loader.unreadable();
}

}  // namespace vitrail::detail
