// Colour transforms of a view in place. Every function takes planes (channels, count) of samples in [0, 1], channels 1
// or 3, and leaves samples in [0, 1]. Definitions as in torchvision's transforms.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "../../core/colour_math.hpp"
#include "../../core/random.hpp"
#include "../../core/view_plan.hpp"

namespace vitrail {

// The planes of a view, which lie one after another.
struct Planes {
  float* data;
  int channels;
  std::size_t count;  // samples of one plane

  float* plane(int c) const { return data + static_cast<std::size_t>(c) * count; }
  std::size_t size() const { return static_cast<std::size_t>(channels) * count; }
  float luma_at(std::size_t i) const {
    return channels == 1 ? data[i] : luma(data[i], data[count + i], data[2 * count + i]);
  }
};

// Everything towards black (factor 0) or beyond (above 1).
inline void adjust_brightness(const Planes& view, float factor) {
  for (std::size_t i = 0; i < view.size(); ++i) view.data[i] = into_unit_range(view.data[i] * factor);
}

// Everything towards the mean luma of the view.
inline void adjust_contrast(const Planes& view, float factor) {
  double sum = 0;
  for (std::size_t i = 0; i < view.count; ++i) sum += view.luma_at(i);
  const float rest = (1 - factor) * static_cast<float>(sum / static_cast<double>(view.count));
  for (std::size_t i = 0; i < view.size(); ++i) view.data[i] = into_unit_range(view.data[i] * factor + rest);
}

// Every pixel towards its own luma. One channel has no colour and stays.
inline void adjust_saturation(const Planes& view, float factor) {
  if (view.channels == 1) return;
  for (std::size_t i = 0; i < view.count; ++i) {
    const float rest = (1 - factor) * view.luma_at(i);
    for (int c = 0; c < 3; ++c) {
      float& sample = view.plane(c)[i];
      sample = into_unit_range(sample * factor + rest);
    }
  }
}

// Turns the hue of the HSV colour model; `turn` = 1 is once around. One channel stays.
inline void adjust_hue(const Planes& view, float turn) {
  if (view.channels == 1) return;
  const float sixths = 6 * (turn - std::floor(turn));
  float *const reds = view.plane(0), *const greens = view.plane(1), *const blues = view.plane(2);
  for (std::size_t i = 0; i < view.count; ++i) {
    const Colour turned = hue_turned({reds[i], greens[i], blues[i]}, sixths);
    reds[i] = turned.red, greens[i] = turned.green, blues[i] = turned.blue;
  }
}

// Half-widths of the ranges from which jitter draws its factors: 1 - x .. 1 + x (never below 0), and -hue .. hue turns.
struct JitterStrength {
  double brightness = 0.4, contrast = 0.4, saturation = 0.2, hue = 0.1;
};

// The four adjustments in random order, each by a random factor. Returns how many.
inline int draw_jitter(const JitterStrength& strength, Random& random, ViewStep* to) {
  using Kind = ViewStep::Kind;
  int order[4] = {0, 1, 2, 3};
  random.shuffle(order, 4);
  const auto factor = [&](double x) { return random.uniform(std::max(0.0, 1 - x), 1 + x); };
  for (const int what : order) {
    if (what == 0) *to++ = {Kind::brightness, factor(strength.brightness)};
    if (what == 1) *to++ = {Kind::contrast, factor(strength.contrast)};
    if (what == 2) *to++ = {Kind::saturation, factor(strength.saturation)};
    if (what == 3) *to++ = {Kind::hue, random.uniform(-strength.hue, strength.hue)};
  }
  return 4;
}

// Three equal channels. One channel stays.
inline void greyscale(const Planes& view) {
  if (view.channels == 1) return;
  for (std::size_t i = 0; i < view.count; ++i) {
    const float grey = view.luma_at(i);
    for (int c = 0; c < 3; ++c) view.plane(c)[i] = grey;
  }
}

// The negative of every sample at or above the threshold.
inline void solarise(const Planes& view, float threshold) {
  for (std::size_t i = 0; i < view.size(); ++i) view.data[i] = solarised(view.data[i], threshold);
}

}  // namespace vitrail
