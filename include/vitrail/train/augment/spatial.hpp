// Transforms of a view that move samples: mirror image and Gaussian blur. In place, on planes (channels, size, size).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "../../core/view_plan.hpp"

namespace vitrail {

// Left becomes right. `rows`: height times channels.
inline void flip_horizontally(float* planes, int rows, int width) {
  for (int row = 0; row < rows; ++row) std::reverse(planes + row * width, planes + (row + 1) * width);
}

// Memory that `gaussian_blur` reuses.
struct BlurScratch {
  std::vector<float> kernel, line, plane;
};

namespace detail {
// The right half of a Gaussian, 0 .. radius = ceil(3 sigma), such that the whole sums to one. Returns the radius.
inline int gaussian_kernel(double sigma, std::vector<float>& kernel) {
  const int radius = gaussian_radius(sigma);
  kernel.resize(static_cast<std::size_t>(radius) + 1);
  const double sum = gaussian_sum(sigma);
  for (int i = 0; i <= radius; ++i) kernel[static_cast<std::size_t>(i)] = static_cast<float>(gaussian_weight(sigma, i) / sum);
  return radius;
}

// out[i] = the samples at and around place i, weighted; samples(k): where those k places further along begin. Whole lines vectorise,
// in either direction of the picture.
template <class Samples>
void blur_line(float* out, int length, const std::vector<float>& kernel, const Samples& samples) {
  const float *const centre = samples(0), middle = kernel[0];
  for (int i = 0; i < length; ++i) out[i] = middle * centre[i];
  for (int k = 1; k < static_cast<int>(kernel.size()); ++k) {
    const float *const before = samples(-k), *const after = samples(k), weight = kernel[static_cast<std::size_t>(k)];
    for (int i = 0; i < length; ++i) out[i] += weight * (before[i] + after[i]);
  }
}
}  // namespace detail

// Convolution with a Gaussian of `sigma` > 0 pixels, edges extended. `planes`: (channels, size, size).
inline void gaussian_blur(float* planes, int channels, int size, double sigma, BlurScratch& scratch) {
  const int radius = detail::gaussian_kernel(sigma, scratch.kernel);
  scratch.line.resize(static_cast<std::size_t>(size + 2 * radius));
  scratch.plane.resize(static_cast<std::size_t>(size) * static_cast<std::size_t>(size));
  float* const line = scratch.line.data() + radius;
  for (int c = 0; c < channels; ++c, planes += size * size) {
    for (int y = 0; y < size; ++y) {
      const float* const row = planes + y * size;
      std::copy(row, row + size, line);
      std::fill(line - radius, line, row[0]);
      std::fill(line + size, line + size + radius, row[size - 1]);
      detail::blur_line(scratch.plane.data() + y * size, size, scratch.kernel, [&](int k) { return line + k; });
    }
    for (int y = 0; y < size; ++y)
      detail::blur_line(planes + y * size, size, scratch.kernel,
                        [&](int k) { return scratch.plane.data() + std::clamp(y + k, 0, size - 1) * size; });
  }
}

}  // namespace vitrail
