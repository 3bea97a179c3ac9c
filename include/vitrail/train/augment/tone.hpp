// Curves of tone and sharpness of a view, in place, on planes (channels, count) of samples in [0, 1], which stay there. Definitions as
// in Pillow's ImageOps and ImageEnhance, whose whole numbers 0 .. 255 are here the nearest of 255 steps.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "colour.hpp"

namespace vitrail {

namespace detail {
// The number 0 .. 255 that a file would hold.
inline int level_of(float sample) { return static_cast<int>(sample * 255 + 0.5f); }
}  // namespace detail

inline void invert(const Planes& view) {
  for (std::size_t i = 0; i < view.size(); ++i) view.data[i] = 1 - view.data[i];
}

// Each channel stretched to the whole range; one of a single value stays.
inline void auto_contrast(const Planes& view) {
  for (int c = 0; c < view.channels; ++c) {
    float* const plane = view.plane(c);
    const auto [low, high] = std::minmax_element(plane, plane + view.count);
    const float from = *low, range = *high - from;
    if (detail::level_of(*high) > detail::level_of(from))
      for (std::size_t i = 0; i < view.count; ++i) plane[i] = (plane[i] - from) / range;
  }
}

// Each channel's levels moved so that all come about equally often.
inline void equalise(const Planes& view) {
  for (int c = 0; c < view.channels; ++c) {
    float* const plane = view.plane(c);
    std::size_t counts[256] = {}, last = 0;
    for (std::size_t i = 0; i < view.count; ++i) ++counts[detail::level_of(plane[i])];
    for (const std::size_t count : counts)
      if (count > 0) last = count;
    const std::size_t step = (view.count - last) / 255;
    if (step == 0) continue;  // a single level, or fewer pixels than levels
    float curve[256];
    std::size_t below = step / 2;
    for (int level = 0; level < 256; below += counts[level++])
      curve[level] = static_cast<float>(std::min<std::size_t>(255, below / step)) / 255;
    for (std::size_t i = 0; i < view.count; ++i) plane[i] = curve[detail::level_of(plane[i])];
  }
}

// Keeps the highest `bits` of the eight of each sample: 8 keeps all, 0 nothing.
inline void posterise(const Planes& view, int bits) {
  const int mask = 0xFF & ~((1 << (8 - bits)) - 1);
  for (std::size_t i = 0; i < view.size(); ++i) view.data[i] = static_cast<float>(detail::level_of(view.data[i]) & mask) / 255;
}

// Adds to what is darker than the middle grey.
inline void solarise_add(const Planes& view, float add) {
  for (std::size_t i = 0; i < view.size(); ++i) {
    const float sample = view.data[i], more = std::min(1.0f, sample + add);
    view.data[i] = sample < 127.5f / 255 ? more : sample;
  }
}

// Away from a smoothed copy (factor above 1) or towards it (below); the outermost pixels stay. Planes (channels, size, size).
inline void adjust_sharpness(const Planes& view, int size, float factor, std::vector<float>& scratch) {
  scratch.assign(view.data, view.data + view.size());
  for (int c = 0; c < view.channels; ++c) {
    const float* const from = scratch.data() + static_cast<std::size_t>(c) * view.count;
    float* const to = view.plane(c);
    for (int y = 1; y + 1 < size; ++y)
      for (int x = 1; x + 1 < size; ++x) {
        const float* const at = from + y * size + x;
        float smooth = 4 * at[0];  // weights 1 around 5
        for (int v = -1; v <= 1; ++v) smooth += at[v * size - 1] + at[v * size] + at[v * size + 1];
        smooth /= 13;
        to[y * size + x] = std::clamp(smooth + factor * (at[0] - smooth), 0.0f, 1.0f);
      }
  }
}

}  // namespace vitrail
