// The filters of antialiased resizing, as Pillow defines them (its src/libImaging/Resample.c).
#pragma once
#include <cmath>

#include "config.hpp"

namespace vitrail {

enum class Interpolation { bilinear, bicubic, lanczos };

// A filter's shape. `cubic_a` is the slope of the bicubic (Keys, "Cubic convolution interpolation for digital image
// processing", 1981): -0.5 in Pillow, -0.75 in others.
struct ResampleFilter {
  Interpolation kind = Interpolation::bicubic;
  double cubic_a = -0.5;

  // The filter is zero beyond this distance, in pixels of the coarser picture.
  VITRAIL_HD constexpr int support() const { return kind == Interpolation::bilinear ? 1 : kind == Interpolation::bicubic ? 2 : 3; }

  VITRAIL_HD double operator()(double x) const {
    x = std::abs(x);
    if (x >= support()) return 0;
    if (kind == Interpolation::bilinear) return 1 - x;
    if (kind == Interpolation::lanczos) return sinc(x) * sinc(x / 3);
    if (x < 1) return ((cubic_a + 2) * x - (cubic_a + 3)) * x * x + 1;
    return (((x - 5) * x + 8) * x - 4) * cubic_a;
  }

 private:
  VITRAIL_HD static double sinc(double x) {
    const double turn = 3.141592653589793 * x;
    return x == 0 ? 1 : std::sin(turn) / turn;
  }
};

// How one axis of a picture maps to a view's: the centre of output pixel i lies at `origin` + (i + 0.5) * `step`, in the picture's
// pixels; only pixels `begin` <= x < `end` are read, as if nothing lay beyond.
struct ResampleAxis {
  int begin, end;
  double origin, step;
  int size;  // pixels of the output

  // Pixels begin .. begin + length - 1, stretched over `size` output pixels.
  static ResampleAxis stretch(int begin, int length, int size) {
    return {begin, begin + length, static_cast<double>(begin), static_cast<double>(length) / size, size};
  }
  // How many pixels one of the output reads at most.
  VITRAIL_HD int most_taps(const ResampleFilter& filter) const {
    return static_cast<int>(std::ceil(filter.support() * (step > 1 ? step : 1.0))) * 2 + 1;
  }
};

// The pixels from .. to - 1 that pixel i of the output reads, and their weights before they are made to sum to one.
struct ResampleWindow {
  double centre, widen;
  int from, to;

  VITRAIL_HD ResampleWindow(const ResampleAxis& axis, const ResampleFilter& filter, int i)
      : centre(axis.origin + (i + 0.5) * axis.step), widen(axis.step > 1 ? axis.step : 1.0) {
    const double reach = filter.support() * widen;
    const int low = static_cast<int>(std::floor(centre - reach + 0.5)), high = static_cast<int>(std::floor(centre + reach + 0.5));
    from = low > axis.begin ? low : axis.begin;
    to = from + axis.most_taps(filter);
    if (high < to) to = high;
    if (axis.end < to) to = axis.end;
  }
  VITRAIL_HD double weight(const ResampleFilter& filter, int x) const { return filter((x + 0.5 - centre) / widen); }
  VITRAIL_HD double sum(const ResampleFilter& filter) const {
    double all = 0;
    for (int x = from; x < to; ++x) all += weight(filter, x);
    return all;
  }
};

// The four cells of an axis of `from` cells that cell i of another one reads, and their weights: PyTorch's bicubic (a = -0.75), without
// smoothing, edges repeated. `step`: cells of this axis from one cell of the other to the next.
struct CubicTaps {
  int cell[4];
  double weight[4];

  VITRAIL_HD CubicTaps(int i, int from, double step) {
    const ResampleFilter filter{Interpolation::bicubic, -0.75};
    const double at = (i + 0.5) * step - 0.5;
    const int first = static_cast<int>(std::floor(at)) - 1;
    for (int k = 0; k < 4; ++k) {
      const int next = first + k;
      weight[k] = filter(at - next), cell[k] = next < 0 ? 0 : next < from ? next : from - 1;
    }
  }
};

}  // namespace vitrail
