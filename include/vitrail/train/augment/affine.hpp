// Rotation, shear and translation of a view, as Pillow's Image.transform does it: interpolated without antialiasing, and a fill colour
// where the picture ends.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "colour.hpp"
#include "resample.hpp"

namespace vitrail {

// Where a pixel of the result comes from, in pixels, whose centres lie at halves: x = a u + b v + c, y = d u + e v + f.
struct AffineMap {
  double a = 1, b = 0, c = 0, d = 0, e = 1, f = 0;

  // By `degrees` against the clock, around the centre of `size` x `size` pixels.
  static AffineMap rotation(double degrees, int size) {
    const double angle = -degrees * 3.141592653589793 / 180, cosine = std::cos(angle), sine = std::sin(angle), centre = size / 2.0;
    return {cosine, sine, centre - (cosine + sine) * centre, -sine, cosine, centre - (cosine - sine) * centre};
  }
};

namespace detail {
// The samples of one axis around a place, their weights, and how many there are. Beyond the border its last sample is taken again.
struct AffineTaps {
  std::ptrdiff_t at[6];
  float weight[6];

  AffineTaps(double place, int size, std::ptrdiff_t pitch, const ResampleFilter& filter, int count) {
    const int first = static_cast<int>(std::floor(place - 0.5)) - count / 2 + 1;
    for (int i = 0; i < count; ++i) {
      at[i] = std::clamp(first + i, 0, size - 1) * pitch;
      weight[i] = static_cast<float>(filter(place - 0.5 - (first + i)));
    }
  }
};
}  // namespace detail

// In place, on planes (channels, size, size) of samples in [0, 1], which stay there. `fill`: a sample for each channel.
inline void transform_affine(const Planes& view, int size, const AffineMap& map, Interpolation kind, const float* fill,
                             std::vector<float>& scratch) {
  const ResampleFilter filter{kind, -1};  // Pillow's bicubic is sharper here than where it resizes
  scratch.assign(view.data, view.data + view.size());
  const int count = 2 * static_cast<int>(filter.support());
  for (int v = 0; v < size; ++v)
    for (int u = 0; u < size; ++u) {
      const std::size_t to = static_cast<std::size_t>(v) * static_cast<std::size_t>(size) + static_cast<std::size_t>(u);
      const double x = map.a * (u + 0.5) + map.b * (v + 0.5) + map.c, y = map.d * (u + 0.5) + map.e * (v + 0.5) + map.f;
      if (!(x >= 0 && x < size && y >= 0 && y < size)) {
        for (int c = 0; c < view.channels; ++c) view.plane(c)[to] = fill[c];
        continue;
      }
      const detail::AffineTaps across(x, size, 1, filter, count), down(y, size, size, filter, count);
      for (int c = 0; c < view.channels; ++c) {
        const float* const from = scratch.data() + static_cast<std::size_t>(c) * view.count;
        float sum = 0;
        for (int j = 0; j < count; ++j) {
          float row = 0;
          for (int i = 0; i < count; ++i) row += across.weight[i] * from[down.at[j] + across.at[i]];
          sum += down.weight[j] * row;
        }
        view.plane(c)[to] = std::clamp(sum, 0.0f, 1.0f);
      }
    }
}

}  // namespace vitrail
