// Random erasing (Zhong et al. 2020): a box of the normalised view becomes noise.
#pragma once
#include <cmath>

#include "colour.hpp"

namespace vitrail {

// Shares of the view's area, and height over width: timm's and DeiT's.
struct EraseRange {
  double area_min = 0.02, area_max = 1.0 / 3, ratio_min = 0.3, ratio_max = 1 / 0.3;
};

// One box, area uniform and aspect log-uniform, of normal noise for every sample ("pixel" mode); nothing where ten boxes did not fit.
// Planes (channels, size, size), normalised.
inline void random_erase(const Planes& view, int size, const EraseRange& range, Random& random) {
  for (int tries = 0; tries < 10; ++tries) {
    const double area = random.uniform(range.area_min, range.area_max) * size * size;
    const double ratio = std::exp(random.uniform(std::log(range.ratio_min), std::log(range.ratio_max)));
    const int height = static_cast<int>(std::lround(std::sqrt(area * ratio)));
    const int width = static_cast<int>(std::lround(std::sqrt(area / ratio)));
    if (height >= size || width >= size) continue;
    const int top = random.below(size - height + 1), left = random.below(size - width + 1);
    for (int c = 0; c < view.channels; ++c)
      for (int y = top; y < top + height; ++y)
        for (int x = left; x < left + width; ++x) view.plane(c)[y * size + x] = static_cast<float>(random.normal());
    return;
  }
}

}  // namespace vitrail
