// Mixing of a batch's images: mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019), one or the other for the whole batch, as DeiT
// trains. Image b is mixed with the image at the same place from the end.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "../../core/error.hpp"
#include "../../core/random.hpp"

namespace vitrail {

struct MixConfig {
  double mixup = 0, cutmix = 0;  // alphas of the shares' distributions, Beta(alpha, alpha): 0.8 and 1 in DeiT; 0: off
  double probability = 1;        // that a batch is mixed at all
  double switching = 0.5;        // that it is cut, where both are on

  constexpr bool on() const { return (mixup > 0 || cutmix > 0) && probability > 0; }
};

// Throws ConfigError where a setting has no meaning.
inline void check(const MixConfig& config) {
  for (const double alpha : {config.mixup, config.cutmix})
    if (!(alpha >= 0 && alpha <= 1000))
      throw ConfigError("mixing: mixup and cutmix must lie in 0 .. 1000, found " + std::to_string(alpha) +
                        "; 0 turns it off, DeiT takes 0.8 and 1");
  for (const double p : {config.probability, config.switching})
    if (!(p >= 0 && p <= 1))
      throw ConfigError("mixing: probability and switching must lie in 0 .. 1, found " + std::to_string(p) + "; DeiT takes 1 and 0.5");
}

namespace detail {
// Gamma(shape, 1): Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; below 1 by a power of a uniform one.
inline double gamma_variate(double shape, Random& random) {
  if (shape < 1) {
    const double larger = gamma_variate(shape + 1, random);
    return larger * std::pow(1 - random.uniform(), 1 / shape);
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = random.normal(), v = (1 + c * x) * (1 + c * x) * (1 + c * x);
    if (v > 0 && std::log(1 - random.uniform()) < 0.5 * x * x + d * (1 - v + std::log(v))) return d * v;
  }
}
inline double beta_variate(double alpha, Random& random) {
  const double a = gamma_variate(alpha, random), b = gamma_variate(alpha, random);
  return a + b > 0 ? a / (a + b) : 0.5;
}

// Pixels left <= x < right, top <= y < bottom.
struct CutBox {
  int left, top, right, bottom;
};
// A box of (1 - share) of the picture around a uniform centre, as far as it lies inside. CutMix's own procedure.
inline CutBox cut_box(double share, int size, Random& random) {
  const int side = static_cast<int>(size * std::sqrt(1 - share)), half = side / 2;
  const int y = random.below(size), x = random.below(size);
  return {std::max(0, x - half), std::max(0, y - half), std::min(size, x + half), std::min(size, y + half)};
}
}  // namespace detail

// images (batch, channels, size, size), batch even, in place. Returns the share of its own image that each one keeps.
inline double mix_batch(float* images, int batch, int channels, int size, const MixConfig& config, Random& random) {
  if (!random.chance(config.probability)) return 1;
  const bool cut = config.cutmix > 0 && (config.mixup <= 0 || random.chance(config.switching));
  double share = detail::beta_variate(cut ? config.cutmix : config.mixup, random);
  const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(size) * size, values = channels * plane;
  const auto each_pair = [&](auto f) {
    for (int b = 0; b < batch / 2; ++b) f(images + b * values, images + (batch - 1 - b) * values);
  };
  if (!cut) {
    const float own = static_cast<float>(share), rest = static_cast<float>(1 - share);
    each_pair([&](float* first, float* second) {
      for (std::ptrdiff_t i = 0; i < values; ++i) {
        const float a = first[i], b = second[i];
        first[i] = own * a + rest * b, second[i] = own * b + rest * a;
      }
    });
    return share;
  }
  const detail::CutBox box = detail::cut_box(share, size, random);
  each_pair([&](float* first, float* second) {
    for (int c = 0; c < channels; ++c)
      for (int y = box.top; y < box.bottom; ++y) {
        const std::ptrdiff_t row = c * plane + static_cast<std::ptrdiff_t>(y) * size;
        if (box.left < box.right) std::swap_ranges(first + row + box.left, first + row + box.right, second + row + box.left);
      }
  });
  const double taken = static_cast<double>(std::max(0, box.right - box.left)) * std::max(0, box.bottom - box.top);
  return 1 - taken / static_cast<double>(plane);
}

}  // namespace vitrail
