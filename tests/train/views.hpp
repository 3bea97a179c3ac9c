// Pictures of noise and their views, for the tests of augmentation.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "vitrail/train/augment/augment.hpp"

namespace views {

using namespace vitrail;

using Floats = std::vector<float>;

inline Image noise_image(int width, int height, int channels, std::uint64_t seed = 1) {
  Image image(width, height, channels);
  Random random(seed);
  for (auto& sample : image.pixels) sample = static_cast<std::uint8_t>(random.below(256));
  return image;
}

inline Floats noise_planes(int count, std::uint64_t seed = 1) {
  Floats planes(static_cast<std::size_t>(count));
  Random random(seed);
  for (auto& sample : planes) sample = static_cast<float>(random.uniform());
  return planes;
}

inline double distance(const Floats& a, const Floats& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, static_cast<double>(std::abs(a[i] - b[i])));
  return largest;
}

// Nothing but the resize, in [0, 1]: no normalisation, whole image, no flip.
inline AugmentConfig plain() {
  AugmentConfig config = augment_none();
  config.crop_ratio = 1;
  config.statistics = {{0, 0, 0}, {1, 1, 1}};
  return config;
}

inline Floats view_of(const Image& image, const AugmentConfig& config, int size, int channels, std::uint64_t seed = 1) {
  Floats out(static_cast<std::size_t>(channels * size * size));
  Random random(seed);
  augment(image, config, random, size, channels, out.data());
  return out;
}

}  // namespace views
