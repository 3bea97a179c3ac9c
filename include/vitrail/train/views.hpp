// Several views of each image: how they are made, and the recipes of DINO and MoCo v3.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "../core/config.hpp"
#include "augment/augment.hpp"

namespace vitrail {

// Views of each image that are made alike.
struct ViewConfig {
  int size = 0;  // pixels; 0: as large as the model's images
  AugmentConfig augment{};
  int count = 1;
};

// How many views of each image have this size.
struct ViewGroup {
  int size, count;
  friend bool operator==(const ViewGroup&, const ViewGroup&) = default;
};

// The views, size by size, where the model sees images of `size` pixels; without any: one of that size. Throws ConfigError if they
// make no sense.
VITRAIL_FUNCTION std::vector<ViewGroup> view_groups(int size, const std::vector<ViewConfig>& views);
VITRAIL_FUNCTION std::string text(const std::vector<ViewGroup>& groups);

// DINO's two large views and `locals` small ones of `local` pixels (Caron et al. 2021, appendix, and its published code): jitter and
// greyscale for all; blur always, seldom and half of the time; the second solarised at times. `base`: filter and statistics. A small
// view is blurred by as many pixels as a large one.
inline std::vector<ViewConfig> dino_views(const AugmentConfig& base, int size, int local, int locals) {
  AugmentConfig first = base;
  first.crop = Crop::random, first.range = {.scale_min = 0.4, .scale_max = 1};
  first.flip = 0.5, first.jitter = 0.8, first.grey = 0.2, first.blur = 1, first.solarise = 0;
  AugmentConfig second = first, small = first;
  second.blur = 0.1, second.solarise = 0.2;
  small.blur = 0.5, small.range = {.scale_min = 0.05, .scale_max = 0.4};
  small.sigma_size = std::max(1, static_cast<int>(std::lround(static_cast<double>(first.sigma_size) * local / size)));
  return {{.augment = first}, {.augment = second}, {.size = local, .augment = small, .count = locals}};
}

// MoCo v3's two views of one size (Chen et al. 2021, appendix, and its published code): the first always blurred, the second seldom, and
// solarised at times.
inline std::vector<ViewConfig> moco_v3_views(const AugmentConfig& base) {
  AugmentConfig first = base;
  first.crop = Crop::random, first.range = {.scale_min = 0.08, .scale_max = 1};
  first.flip = 0.5, first.jitter = 0.8, first.grey = 0.2, first.blur = 1, first.solarise = 0;
  AugmentConfig second = first;
  second.blur = 0.1, second.solarise = 0.2;
  return {{.augment = first}, {.augment = second}};
}

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/views.hpp"
#endif
