// Which part of an image becomes the view: the random resized crop of training and the central crop of evaluation.
#pragma once
#include <algorithm>
#include <cmath>

#include "../../core/random.hpp"
#include "resample.hpp"

namespace vitrail {

// A rectangle of whole pixels.
struct CropBox {
  int x, y, width, height;
};

// Shares of the image's area, and width over height.
struct CropRange {
  double scale_min = 0.08, scale_max = 1, ratio_min = 3.0 / 4, ratio_max = 4.0 / 3;
};

// What remains when ten random boxes did not fit: the largest central box whose ratio lies in the range.
inline CropBox central_fallback(int width, int height, const CropRange& range) {
  const double ratio = static_cast<double>(width) / height;
  int w = width, h = height;
  if (ratio < range.ratio_min) h = static_cast<int>(std::lround(w / range.ratio_min));
  if (ratio > range.ratio_max) w = static_cast<int>(std::lround(h * range.ratio_max));
  w = std::clamp(w, 1, width), h = std::clamp(h, 1, height);
  return {(width - w) / 2, (height - h) / 2, w, h};
}

// Inception's crop (Szegedy et al., "Going deeper with convolutions", CVPR 2015, section 6) as torchvision's
// RandomResizedCrop draws it: area uniform, aspect log-uniform, ten tries, then the central box.
inline CropBox random_crop(int width, int height, const CropRange& range, Random& random) {
  const double area = static_cast<double>(width) * height;
  for (int tries = 0; tries < 10; ++tries) {
    const double target = area * random.uniform(range.scale_min, range.scale_max);
    const double ratio = std::exp(random.uniform(std::log(range.ratio_min), std::log(range.ratio_max)));
    const long w = std::lround(std::sqrt(target * ratio)), h = std::lround(std::sqrt(target / ratio));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    const int box_width = static_cast<int>(w), box_height = static_cast<int>(h);
    const int y = random.below(height - box_height + 1), x = random.below(width - box_width + 1);
    return {x, y, box_width, box_height};
  }
  return central_fallback(width, height, range);
}

// The axes of "resize the shorter side to size / crop_ratio, then cut the central size x size pixels": the filter sees
// the pixels around the cut, as it does when the whole image is resized first.
struct CentralView {
  ResampleAxis across, down;
};
inline CentralView central_view(int width, int height, int size, double crop_ratio) {
  const int shorter = std::min(width, height);
  const int resized = std::max(size, static_cast<int>(std::lround(size / crop_ratio)));
  const auto axis = [&](int length) {
    const int scaled = static_cast<int>(static_cast<long long>(resized) * length / shorter);
    const double step = static_cast<double>(length) / scaled;
    return ResampleAxis{0, length, std::nearbyint((scaled - size) / 2.0) * step, step, size};
  };
  return {axis(width), axis(height)};
}

}  // namespace vitrail
