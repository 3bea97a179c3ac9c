// Colour transforms of a view in place. Every function takes planes (channels, count) of samples in [0, 1], channels 1
// or 3, and leaves samples in [0, 1]. Definitions as in torchvision's transforms.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "../../core/random.hpp"

namespace vitrail {

// The brightness of a colour (ITU-R BT.601, as JPEG and Pillow's "L").
constexpr float luma(float red, float green, float blue) { return 0.299f * red + 0.587f * green + 0.114f * blue; }

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
  for (std::size_t i = 0; i < view.size(); ++i) view.data[i] = std::clamp(view.data[i] * factor, 0.0f, 1.0f);
}

// Everything towards the mean luma of the view.
inline void adjust_contrast(const Planes& view, float factor) {
  double sum = 0;
  for (std::size_t i = 0; i < view.count; ++i) sum += view.luma_at(i);
  const float rest = (1 - factor) * static_cast<float>(sum / static_cast<double>(view.count));
  for (std::size_t i = 0; i < view.size(); ++i) view.data[i] = std::clamp(view.data[i] * factor + rest, 0.0f, 1.0f);
}

// Every pixel towards its own luma. One channel has no colour and stays.
inline void adjust_saturation(const Planes& view, float factor) {
  if (view.channels == 1) return;
  for (std::size_t i = 0; i < view.count; ++i) {
    const float rest = (1 - factor) * view.luma_at(i);
    for (int c = 0; c < 3; ++c) {
      float& sample = view.plane(c)[i];
      sample = std::clamp(sample * factor + rest, 0.0f, 1.0f);
    }
  }
}

namespace detail {
// An angle in sixths of a turn that may be up to one turn too large. Both arms of a choice are computed first, here and below: only then
// do compilers vectorise it.
inline float wrapped(float sixths) {
  const float less = sixths - 6;
  return sixths >= 6 ? less : sixths;
}
// One channel of the colour with this hue (in sixths of a turn), largest sample and spread between the largest and the
// smallest. `shift`: 5 for red, 3 for green, 1 for blue.
inline float hue_channel(float shift, float sixths, float largest, float spread) {
  const float k = wrapped(shift + sixths);
  return largest - spread * std::clamp(std::min(k, 4 - k), 0.0f, 1.0f);
}
}  // namespace detail

// Turns the hue of the HSV colour model; `turn` = 1 is once around. One channel stays.
inline void adjust_hue(const Planes& view, float turn) {
  if (view.channels == 1) return;
  const float sixths = 6 * (turn - std::floor(turn));
  float *const reds = view.plane(0), *const greens = view.plane(1), *const blues = view.plane(2);
  for (std::size_t i = 0; i < view.count; ++i) {
    const float red = reds[i], green = greens[i], blue = blues[i];
    const float largest = std::max(std::max(red, green), blue), spread = largest - std::min(std::min(red, green), blue);
    const float divisor = spread > 0 ? spread : 1.0f;  // grey has no hue, and keeps its samples whatever is taken for one
    const float red_hue = (green - blue) / divisor, green_hue = 2 + (blue - red) / divisor, blue_hue = 4 + (red - green) / divisor;
    const float hue = largest == red ? red_hue : largest == green ? green_hue : blue_hue;
    const float turned = detail::wrapped(hue + (sixths + (hue < 0 ? 6.0f : 0.0f)));
    reds[i] = detail::hue_channel(5, turned, largest, spread);
    greens[i] = detail::hue_channel(3, turned, largest, spread);
    blues[i] = detail::hue_channel(1, turned, largest, spread);
  }
}

// Half-widths of the ranges from which jitter draws its factors: 1 - x .. 1 + x (never below 0), and -hue .. hue turns.
struct JitterStrength {
  double brightness = 0.4, contrast = 0.4, saturation = 0.2, hue = 0.1;
};

// The four adjustments in random order, each by a random factor.
inline void colour_jitter(const Planes& view, const JitterStrength& strength, Random& random) {
  int order[4] = {0, 1, 2, 3};
  random.shuffle(order, 4);
  const auto factor = [&](double x) { return static_cast<float>(random.uniform(std::max(0.0, 1 - x), 1 + x)); };
  for (const int what : order) {
    if (what == 0) adjust_brightness(view, factor(strength.brightness));
    if (what == 1) adjust_contrast(view, factor(strength.contrast));
    if (what == 2) adjust_saturation(view, factor(strength.saturation));
    if (what == 3) adjust_hue(view, static_cast<float>(random.uniform(-strength.hue, strength.hue)));
  }
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
  for (std::size_t i = 0; i < view.size(); ++i) {
    const float sample = view.data[i], negative = 1 - sample;
    view.data[i] = sample >= threshold ? negative : sample;
  }
}

}  // namespace vitrail
