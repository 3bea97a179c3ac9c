// Antialiased resizing: separable filters whose support grows when the picture shrinks, as Pillow defines them (its
// src/libImaging/Resample.c), so that figures compare with those of training pipelines built on it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "../../core/resample_filter.hpp"

namespace vitrail {

// How one axis of the source maps to the output: the centre of output pixel i lies at `origin` + (i + 0.5) * `step`, in
// source pixels; only source pixels `begin` <= x < `end` are read, as if nothing lay beyond.
struct ResampleAxis {
  int begin, end;
  double origin, step;
  int size;  // pixels of the output

  // Source pixels begin .. begin + length - 1, stretched over `size` output pixels.
  static ResampleAxis stretch(int begin, int length, int size) {
    return {begin, begin + length, static_cast<double>(begin), static_cast<double>(length) / size, size};
  }
};

// For every output pixel of an axis, the first source pixel that it reads and the weights from there, which sum to one.
struct ResampleTaps {
  std::vector<int> first, count;
  std::vector<float> weights;  // (size, stride)
  int stride = 0;

  void prepare(const ResampleAxis& axis, const ResampleFilter& filter) {
    const double widen = std::max(axis.step, 1.0), reach = filter.support() * widen;
    stride = static_cast<int>(std::ceil(reach)) * 2 + 1;
    const std::size_t size = static_cast<std::size_t>(axis.size);
    first.resize(size), count.resize(size), weights.resize(size * static_cast<std::size_t>(stride));
    for (int i = 0; i < axis.size; ++i) {
      const double centre = axis.origin + (i + 0.5) * axis.step;
      const int from = std::max(axis.begin, static_cast<int>(std::floor(centre - reach + 0.5)));
      const int to = std::min({axis.end, static_cast<int>(std::floor(centre + reach + 0.5)), from + stride});
      first[static_cast<std::size_t>(i)] = from;
      count[static_cast<std::size_t>(i)] = to - from;
      weigh(of(static_cast<std::size_t>(i)), from, to, centre, widen, filter);
    }
  }
  float* of(std::size_t i) { return weights.data() + i * static_cast<std::size_t>(stride); }

 private:
  static void weigh(float* out, int from, int to, double centre, double widen, const ResampleFilter& filter) {
    double sum = 0;
    for (int x = from; x < to; ++x) sum += filter((x + 0.5 - centre) / widen);
    for (int x = from; x < to; ++x) out[x - from] = static_cast<float>(filter((x + 0.5 - centre) / widen) / sum);
  }
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

// Resizes interleaved samples (rows of `width` pixels, Channels each) to planes (Channels, down.size, across.size), in
// the samples' own units, not clamped: bicubic and lanczos overshoot at edges. The axes must read inside the picture.
// Both directions blend whole rows, which vectorises; for the second one, columns become rows.
template <int Channels, class Sample>
void resample(const Sample* pixels, int width, const ResampleAxis& across, const ResampleAxis& down,
              const ResampleFilter& filter, float* planes, ResampleScratch& scratch) {
  scratch.across.prepare(across, filter);
  scratch.down.prepare(down, filter);
  const int begin = scratch.across.first.front();
  const std::size_t length = static_cast<std::size_t>(scratch.across.first.back() + scratch.across.count.back() - begin) * Channels;
  const std::size_t high = static_cast<std::size_t>(down.size), wide = static_cast<std::size_t>(across.size), tall = Channels * high;
  scratch.rows.resize(std::max(high * length, wide * tall));
  scratch.columns.resize(length * high);
  const std::size_t pitch = static_cast<std::size_t>(width) * Channels, left = static_cast<std::size_t>(begin) * Channels;
  for (std::size_t y = 0; y < high; ++y) {
    const Sample* top = pixels + static_cast<std::size_t>(scratch.down.first[y]) * pitch + left;
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
