// From which pixels of a feature map the cells of a region are averaged (RoIAlign; He et al., "Mask R-CNN", 2017, section 3), and which
// level of a pyramid a region is cut from (Lin et al., "Feature pyramid networks", 2017, equation 1).
#pragma once
#include <cmath>
#include <cstdint>

#include "box.hpp"

namespace vitrail {

// An axis of a region that is cut into `cells`: of each cell `samples` points are read, evenly spaced, each from its two neighbours among
// `pixels`. A product of two such axes is what torchvision's and mmcv's roi_align with aligned = true and sampling_ratio = 0 compute.
template <class T> struct RoiTaps {
  T start, cell;  // in pixels of the map, whose first pixel's middle is 0
  int pixels, samples;

  VITRAIL_HD RoiTaps(T from, T to, T step, int cells, int pixel_count)
      : start(from / step - T(0.5)), cell((to - from) / step / T(cells)), pixels(pixel_count),
        samples(cell > 0 ? static_cast<int>(std::ceil(cell)) : 0) {}

  struct Pair {
    int first, second;
    T by_first, by_second;
  };
  // Sample s of a cell; both factors 0 where it lies beyond the map.
  VITRAIL_HD Pair pair(int index, int s) const {
    const T at = start + cell * T(index) + cell * (T(s) + T(0.5)) / T(samples);
    if (at < T(-1) || at > T(pixels)) return {0, 0, T(0), T(0)};
    const T inside = at < 0 ? T(0) : at;
    const int low = static_cast<int>(inside);
    if (low >= pixels - 1) return {pixels - 1, pixels - 1, T(1), T(0)};
    const T beyond = inside - T(low);
    return {low, low + 1, T(1) - beyond, beyond};
  }
};

// Four levels with square maps, each half as fine as the one before.
struct RoiLevels {
  static constexpr int count = 4;
  int side[count] = {};  // pixels of a map's side
  int step[count] = {};  // pixels of the picture in one of the map

  // The level whose cells fit a box: 14 of the first one's steps and fewer along a side lie in the first; twice as many in the next.
  template <class T> VITRAIL_HD int level_of(const BoxOf<T>& box) const {
    const T area = box.area();
    T limit = T(28) * static_cast<T>(step[0]);
    int level = 0;
    for (; level < count - 1 && area >= limit * limit; ++level) limit *= 2;
    return level;
  }
};

}  // namespace vitrail
