// Antialiased resizing: separable filters whose support grows when the picture shrinks, as Pillow defines them (its
// src/libImaging/Resample.c), so that figures compare with those of training pipelines built on it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace vitrail {

enum class Interpolation { bilinear, bicubic, lanczos };

// A filter's shape. `cubic_a` is the slope of the bicubic (Keys, "Cubic convolution interpolation for digital image
// processing", 1981): -0.5 in Pillow, -0.75 in others.
struct ResampleFilter {
  Interpolation kind = Interpolation::bicubic;
  double cubic_a = -0.5;

  // The filter is zero beyond this distance, in pixels of the coarser picture.
  double support() const { return kind == Interpolation::bilinear ? 1 : kind == Interpolation::bicubic ? 2 : 3; }

  double operator()(double x) const {
    x = std::abs(x);
    if (x >= support()) return 0;
    if (kind == Interpolation::bilinear) return 1 - x;
    if (kind == Interpolation::lanczos) return sinc(x) * sinc(x / 3);
    if (x < 1) return ((cubic_a + 2) * x - (cubic_a + 3)) * x * x + 1;
    return (((x - 5) * x + 8) * x - 4) * cubic_a;
  }

 private:
  static double sinc(double x) {
    const double turn = 3.141592653589793 * x;
    return x == 0 ? 1 : std::sin(turn) / turn;
  }
};

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
      weigh(of(i), from, to, centre, widen, filter);
    }
  }
  float* of(int i) { return weights.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(stride); }

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
  std::vector<float> row;
};

namespace detail {
// row[i] = the weighted sum of `count` source rows, `length` numbers each, `pitch` apart.
template <class Sample>
void blend_rows(const Sample* source, std::size_t pitch, const float* weights, int count, float* row, int length) {
  std::fill(row, row + length, 0.0f);
  for (int tap = 0; tap < count; ++tap, source += pitch) {
    const float weight = weights[tap];
    for (int i = 0; i < length; ++i) row[i] += weight * static_cast<float>(source[i]);
  }
}

// One output row per channel from one row of interleaved samples; channel c goes to out + c * plane. `origin`: the
// source pixel that row[0] belongs to.
template <int Channels>
void shrink_row(const float* row, int origin, ResampleTaps& across, int size, float* out, std::size_t plane) {
  for (int i = 0; i < size; ++i) {
    const std::size_t at = static_cast<std::size_t>(i);
    const float* pixel = row + static_cast<std::ptrdiff_t>(across.first[at] - origin) * Channels;
    const float* weights = across.of(i);
    float sum[Channels] = {};
    for (int tap = 0; tap < across.count[at]; ++tap, pixel += Channels)
      for (int c = 0; c < Channels; ++c) sum[c] += weights[tap] * pixel[c];
    for (int c = 0; c < Channels; ++c) out[static_cast<std::size_t>(c) * plane + at] = sum[c];
  }
}
}  // namespace detail

// Resizes interleaved samples (rows of `width` pixels, Channels each) to planes (Channels, down.size, across.size), in
// the samples' own units, not clamped: bicubic and lanczos overshoot at edges. The axes must read inside the picture.
template <int Channels, class Sample>
void resample(const Sample* pixels, int width, const ResampleAxis& across, const ResampleAxis& down,
              const ResampleFilter& filter, float* planes, ResampleScratch& scratch) {
  scratch.across.prepare(across, filter);
  scratch.down.prepare(down, filter);
  const int begin = scratch.across.first.front();
  const int length = (scratch.across.first.back() + scratch.across.count.back() - begin) * Channels;
  scratch.row.resize(static_cast<std::size_t>(length));
  const std::size_t pitch = static_cast<std::size_t>(width) * Channels;
  const std::size_t plane = static_cast<std::size_t>(across.size) * static_cast<std::size_t>(down.size);
  for (int y = 0; y < down.size; ++y) {  // downwards first: whole rows vectorise, and one row of scratch is enough
    const std::size_t at = static_cast<std::size_t>(y);
    const Sample* top = pixels + static_cast<std::size_t>(scratch.down.first[at]) * pitch + begin * Channels;
    detail::blend_rows(top, pitch, scratch.down.of(y), scratch.down.count[at], scratch.row.data(), length);
    detail::shrink_row<Channels>(scratch.row.data(), begin, scratch.across, across.size,
                                 planes + at * static_cast<std::size_t>(across.size), plane);
  }
}

}  // namespace vitrail
