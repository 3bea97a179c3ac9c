// Bodies of augment.hpp.
#pragma once
#include "../augment.hpp"

namespace vitrail {

VITRAIL_FUNCTION AugmentConfig augment_small_data() {
  AugmentConfig config;
  config.jitter = 0.8, config.grey = 0.2, config.blur = 0.5, config.solarise = 0.2;
  return config;
}

VITRAIL_FUNCTION AugmentConfig augment_none() {
  AugmentConfig config;
  config.crop = Crop::centre, config.flip = 0;
  return config;
}

VITRAIL_FUNCTION void check(const AugmentConfig& config) {
  const auto refuse = [](const char* what) { throw ConfigError(std::string("augment: ") + what); };
  for (const double p : {config.flip, config.jitter, config.grey, config.blur, config.solarise, config.erase})
    if (!(p >= 0 && p <= 1)) refuse("a probability must lie in 0 .. 1");
  const CropRange& range = config.range;
  if (!(range.scale_min > 0 && range.scale_min <= range.scale_max && range.scale_max <= 1))
    refuse("crop scales must satisfy 0 < scale_min <= scale_max <= 1");
  if (!(range.ratio_min > 0 && range.ratio_min <= range.ratio_max)) refuse("crop ratios must satisfy 0 < ratio_min <= ratio_max");
  if (!(config.crop_ratio > 0 && config.crop_ratio <= 1)) refuse("crop_ratio must lie in 0 (exclusive) .. 1");
  if (!(config.sigma_min > 0 && config.sigma_min <= config.sigma_max) || config.sigma_size < 1)
    refuse("blur needs 0 < sigma_min <= sigma_max and sigma_size >= 1");
  const JitterStrength& jitter = config.jitter_strength;
  for (const double x : {jitter.brightness, jitter.contrast, jitter.saturation})
    if (!(x >= 0)) refuse("a jitter strength must not be negative");
  if (!(jitter.hue >= 0 && jitter.hue <= 0.5)) refuse("the hue strength must lie in 0 .. 0.5 turns");
  check(config.rand);
  const EraseRange& erase = config.erase_range;
  if (!(erase.area_min > 0 && erase.area_min <= erase.area_max && erase.area_max < 1 && erase.ratio_min > 0 &&
        erase.ratio_min <= erase.ratio_max))
    refuse("erasing needs 0 < area_min <= area_max < 1 and 0 < ratio_min <= ratio_max");
  for (const float deviation : config.statistics.deviation)
    if (!(deviation > 0)) refuse("a standard deviation of the pixels must be positive");
}

VITRAIL_FUNCTION void check_plannable(const AugmentConfig& config, int size) {
  const auto refuse = [](const std::string& found) {
    throw ConfigError("augment: a plan for a device holds crops, flips, jitter, greyscale, blur and solarise, found " + found +
                      "; leave it away, or set Rendering::by_loader");
  };
  if (config.rand.operations > 0) refuse("RandAugment");
  if (config.erase > 0) refuse("random erasing");
  const int radius = gaussian_radius(config.sigma_max * size / config.sigma_size);
  if (config.blur > 0 && radius > ViewPlan::most_radius)
    refuse("a blur over " + std::to_string(radius) + " pixels, of at most " + std::to_string(ViewPlan::most_radius));
}

VITRAIL_FUNCTION void render_view(const ViewPlan& plan, const std::uint8_t* pixels, int channels, float* out, AugmentScratch& scratch) {
  const Planes view = detail::cut_view(plan, pixels, channels, out, scratch);
  detail::follow_steps(plan, view, scratch);
  detail::normalise_view(plan, view, channels);
}

VITRAIL_FUNCTION void augment(const Image& image, const AugmentConfig& config, Random& random, int size, int channels, float* out,
                              AugmentScratch& scratch) {
  detail::check_view(image, config, size, channels);
  ViewPlan plan = detail::plan_cut(image, config, random, size, channels);
  const Planes view = detail::cut_view(plan, image.pixels.data(), channels, out, scratch);
  if (config.rand.operations > 0) {
    float fill[3];
    for (int c = 0; c < view.channels; ++c) fill[c] = detail::channel_of(config.statistics.mean, view.channels, c);
    rand_augment(view, size, config.rand, config.filter.kind, fill, random, scratch.before);
  }
  detail::plan_steps(config, random, size, plan);
  detail::follow_steps(plan, view, scratch);
  detail::normalise_view(plan, view, channels);
  if (random.chance(config.erase)) random_erase({out, channels, view.count}, size, config.erase_range, random);
}

VITRAIL_FUNCTION ViewPlan plan_view(const Image& image, const AugmentConfig& config, Random& random, int size, int channels) {
  detail::check_view(image, config, size, channels);
  check_plannable(config, size);
  ViewPlan plan = detail::plan_cut(image, config, random, size, channels);
  detail::plan_steps(config, random, size, plan);
  return plan;
}

VITRAIL_FUNCTION void augment(const Image& image, const AugmentConfig& config, Random& random, int size, int channels, float* out) {
  thread_local AugmentScratch scratch;
  augment(image, config, random, size, channels, out, scratch);
}

}  // namespace vitrail
