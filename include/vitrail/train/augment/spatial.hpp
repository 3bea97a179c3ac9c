// Transforms of a view that move samples: mirror image and Gaussian blur. In place, on planes (channels, size, size).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace vitrail {

// Left becomes right. `rows`: height times channels.
inline void flip_horizontally(float* planes, int rows, int width) {
  for (int row = 0; row < rows; ++row) std::reverse(planes + row * width, planes + (row + 1) * width);
}

// Memory that `gaussian_blur` reuses.
struct BlurScratch {
  std::vector<float> kernel, lines;
};

namespace detail {
// The right half of a Gaussian, 0 .. radius = ceil(3 sigma), such that the whole sums to one. Returns the radius.
inline int gaussian_kernel(double sigma, std::vector<float>& kernel) {
  const int radius = static_cast<int>(std::ceil(3 * sigma));
  kernel.resize(static_cast<std::size_t>(radius) + 1);
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) sum += std::exp(-0.5 * i * i / (sigma * sigma));
  for (int i = 0; i <= radius; ++i)
    kernel[static_cast<std::size_t>(i)] = static_cast<float>(std::exp(-0.5 * i * i / (sigma * sigma)) / sum);
  return radius;
}

// Convolves `count` lines of `length` samples; sample i of line j lies at data[j * line + i * step]. Beyond its ends a
// line goes on with its last sample.
inline void blur_lines(float* data, int count, int line, int length, int step, const std::vector<float>& kernel,
                       std::vector<float>& padded) {
  const int radius = static_cast<int>(kernel.size()) - 1;
  padded.resize(static_cast<std::size_t>(length + 2 * radius));
  for (int j = 0; j < count; ++j) {
    float* const at = data + j * line;
    for (int i = -radius; i < length + radius; ++i)
      padded[static_cast<std::size_t>(i + radius)] = at[std::clamp(i, 0, length - 1) * step];
    const float* const centre = padded.data() + radius;
    for (int i = 0; i < length; ++i) {
      float sum = kernel[0] * centre[i];
      for (int k = 1; k <= radius; ++k) sum += kernel[static_cast<std::size_t>(k)] * (centre[i - k] + centre[i + k]);
      at[i * step] = sum;
    }
  }
}
}  // namespace detail

// Convolution with a Gaussian of `sigma` > 0 pixels, edges extended. `planes`: (channels, size, size).
inline void gaussian_blur(float* planes, int channels, int size, double sigma, BlurScratch& scratch) {
  detail::gaussian_kernel(sigma, scratch.kernel);
  detail::blur_lines(planes, channels * size, size, size, 1, scratch.kernel, scratch.lines);
  for (int c = 0; c < channels; ++c)
    detail::blur_lines(planes + c * size * size, size, 1, size, size, scratch.kernel, scratch.lines);
}

}  // namespace vitrail
