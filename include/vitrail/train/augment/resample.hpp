// Antialiased resizing: separable filters whose support grows when the picture shrinks, as Pillow defines them (its
// src/libImaging/Resample.c), so that figures compare with those of training pipelines built on it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "../../core/resample_filter.hpp"

namespace vitrail {

// For every output pixel of an axis, the first source pixel that it reads and the weights from there, which sum to one.
struct ResampleTaps {
  std::vector<int> first, count;
  std::vector<float> weights;  // (size, stride)
  int stride = 0;

  void prepare(const ResampleAxis& axis, const ResampleFilter& filter) {
    stride = axis.most_taps(filter);
    const std::size_t size = static_cast<std::size_t>(axis.size);
    first.resize(size), count.resize(size), weights.resize(size * static_cast<std::size_t>(stride));
    for (int i = 0; i < axis.size; ++i) {
      const ResampleWindow window(axis, filter, i);
      first[static_cast<std::size_t>(i)] = window.from;
      count[static_cast<std::size_t>(i)] = window.to - window.from;
      const double sum = window.sum(filter);
      float* const out = of(static_cast<std::size_t>(i));
      for (int x = window.from; x < window.to; ++x) out[x - window.from] = static_cast<float>(window.weight(filter, x) / sum);
    }
  }
  float* of(std::size_t i) { return weights.data() + i * static_cast<std::size_t>(stride); }
};

// Memory that `resample` reuses from call to call; nothing is allocated once it has grown.
struct ResampleScratch {
  ResampleTaps across, down;
  std::vector<float> rows, columns;
};

namespace detail {
// row[i] = the weighted sum of `count` source rows, `length` numbers each, `pitch` apart; added in their order.
template <class Sample, class Sum>
void blend_rows(const Sample* source, std::size_t pitch, const Sum* weights, int count, Sum* row, std::size_t length) {
  std::fill(row, row + length, Sum{0});
  for (int tap = 0; tap < count; ++tap, source += pitch) {
    const Sum weight = weights[tap];
    for (std::size_t i = 0; i < length; ++i) row[i] += weight * static_cast<Sum>(source[i]);
  }
}

// to (columns, rows) from (rows, columns). Eight rows at a time: their cache lines stay at hand, whatever the distance between them.
inline void transpose(const float* from, std::size_t rows, std::size_t columns, float* to) {
  std::size_t done = 0;
  for (; done + 8 <= rows; done += 8)
    for (std::size_t x = 0; x < columns; ++x)
      for (std::size_t y = done; y < done + 8; ++y) to[x * rows + y] = from[y * columns + x];
  for (std::size_t x = 0; x < columns; ++x)
    for (std::size_t y = done; y < rows; ++y) to[x * rows + y] = from[y * columns + x];
}
}  // namespace detail

// Interleaved samples of a picture, or of a part of it whose corner is the picture's pixel (left, top).
template <class Sample>
struct PicturePart {
  const Sample* pixels;
  int width;  // of a row in memory, in pixels
  int left = 0, top = 0;
};
template <class Sample>
PicturePart(const Sample*, int) -> PicturePart<Sample>;  // which clang 14 does not find itself

// Resizes interleaved samples, Channels each, to planes (Channels, down.size, across.size), in the samples' own units, not clamped:
// bicubic and lanczos overshoot at edges. The axes are the picture's and must read inside the part.
// Both directions blend whole rows, which vectorises; for the second one, columns become rows.
template <int Channels, class Sample>
void resample(const PicturePart<Sample>& part, const ResampleAxis& across, const ResampleAxis& down, const ResampleFilter& filter,
              float* planes, ResampleScratch& scratch) {
  scratch.across.prepare(across, filter);
  scratch.down.prepare(down, filter);
  const int begin = scratch.across.first.front();
  const std::size_t length = static_cast<std::size_t>(scratch.across.first.back() + scratch.across.count.back() - begin) * Channels;
  const std::size_t high = static_cast<std::size_t>(down.size), wide = static_cast<std::size_t>(across.size), tall = Channels * high;
  scratch.rows.resize(std::max(high * length, wide * tall));
  scratch.columns.resize(length * high);
  const std::size_t pitch = static_cast<std::size_t>(part.width) * Channels, left = static_cast<std::size_t>(begin - part.left) * Channels;
  for (std::size_t y = 0; y < high; ++y) {
    const Sample* top = part.pixels + static_cast<std::size_t>(scratch.down.first[y] - part.top) * pitch + left;
    detail::blend_rows(top, pitch, scratch.down.of(y), scratch.down.count[y], scratch.rows.data() + y * length, length);
  }
  detail::transpose(scratch.rows.data(), high, length, scratch.columns.data());  // (length, high): a pixel's channels follow it
  for (std::size_t x = 0; x < wide; ++x) {
    const float* first = scratch.columns.data() + static_cast<std::size_t>(scratch.across.first[x] - begin) * tall;
    detail::blend_rows(first, tall, scratch.across.of(x), scratch.across.count[x], scratch.rows.data() + x * tall, tall);
  }
  detail::transpose(scratch.rows.data(), wide, tall, planes);
}

}  // namespace vitrail
