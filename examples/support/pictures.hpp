// Pictures of what a model does: the views, the two branches, the predicted words as patches, attention as heat.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include <vitrail/tensor/image.hpp>
#include <vitrail/train/augment/augment.hpp>

namespace pictures {

// How many pixels of a picture show one of an image, so that the picture is about 200 wide.
constexpr int zoom(int image) { return std::max(1, 192 / image); }

// One normalised image (C, size, size) back to colours, every pixel drawn `zoom` times as wide and high.
inline vitrail::Image from_tensor(const float* values, int channels, int size, int zoom, const vitrail::PixelStatistics& statistics = {}) {
  vitrail::Image image(size * zoom, size * zoom, 3);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      for (int c = 0; c < 3; ++c) {
        const int from = std::min(c, channels - 1), plane = from * size * size;
        const float mean = channels == 3 ? statistics.mean[from] : (statistics.mean[0] + statistics.mean[1] + statistics.mean[2]) / 3;
        const float deviation = channels == 3 ? statistics.deviation[from] : (statistics.deviation[0] + statistics.deviation[1] + statistics.deviation[2]) / 3;
        const float v = values[plane + y / zoom * size + x / zoom] * deviation + mean;
        image.at(x, y)[c] = static_cast<std::uint8_t>(std::clamp(v * 255, 0.0f, 255.0f) + 0.5f);
      }
  return image;
}

// Paints over one patch of a picture whose patches are `side` pixels wide.
inline void paint(vitrail::Image& image, int patch, int side, std::uint8_t r, std::uint8_t g, std::uint8_t b) {
  const int grid = image.width / side, left = patch % grid * side, top = patch / grid * side;
  for (int y = top; y < top + side; ++y)
    for (int x = left; x < left + side; ++x) image.at(x, y)[0] = r, image.at(x, y)[1] = g, image.at(x, y)[2] = b;
}

// Replaces one patch of a normalised image (C, size, size) by scale * values + shift, where values are (C, side, side) with
// side <= patch_size, drawn at the patch's size.
inline void put_patch(float* image, int channels, int size, int patch_size, int patch, const float* values, int side, float scale, float shift = 0) {
  const int grid = size / patch_size, left = patch % grid * patch_size, top = patch / grid * patch_size, shrink = patch_size / side;
  for (int c = 0; c < channels; ++c)
    for (int y = 0; y < patch_size; ++y)
      for (int x = 0; x < patch_size; ++x)
        image[(c * size + top + y) * size + left + x] = scale * values[(c * side + y / shrink) * side + x / shrink] + shift;
}

// A map of grid x grid shares laid over a picture: bright where it is large, dark where it is small.
inline vitrail::Image heat(const vitrail::Image& under, const float* map, int grid) {
  vitrail::Image image = under;
  const float top = std::max(1e-12f, *std::max_element(map, map + grid * grid));
  const auto value = [&](int x, int y) { return map[std::clamp(y, 0, grid - 1) * grid + std::clamp(x, 0, grid - 1)] / top; };
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const float u = (static_cast<float>(x) + 0.5f) * static_cast<float>(grid) / static_cast<float>(image.width) - 0.5f;
      const float v = (static_cast<float>(y) + 0.5f) * static_cast<float>(grid) / static_cast<float>(image.height) - 0.5f;
      const int i = static_cast<int>(std::floor(u)), j = static_cast<int>(std::floor(v));
      const float a = u - static_cast<float>(i), b = v - static_cast<float>(j);
      const float s = (value(i, j) * (1 - a) + value(i + 1, j) * a) * (1 - b) + (value(i, j + 1) * (1 - a) + value(i + 1, j + 1) * a) * b;
      const float colour[3] = {255 * std::min(1.0f, 2 * s), 255 * std::max(0.0f, 2 * s - 1), 40 * (1 - s)};
      for (int c = 0; c < 3; ++c) image.at(x, y)[c] = static_cast<std::uint8_t>(0.35f * static_cast<float>(image.at(x, y)[c]) + 0.65f * colour[c]);
    }
  return image;
}

}  // namespace pictures
