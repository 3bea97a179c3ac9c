// What is to be done with a picture to make one view of it, with all that is random drawn: plain data, which a device can follow.
#pragma once
#include <cstdint>

#include "resample_filter.hpp"

namespace vitrail {

// One transform of colour or sharpness.
struct ViewStep {
  enum class Kind : int { brightness, contrast, saturation, hue, grey, blur, solarise };
  Kind kind;
  double amount;  // a factor; of a hue, turns; of a blur, the deviation in pixels; of solarise, the threshold
};

struct ViewPlan {
  static constexpr int most_steps = 7;    // each kind once
  static constexpr int most_radius = 63;  // of a blur, in pixels

  std::int64_t at = 0;               // where the part of the picture that is read begins among all pictures' bytes
  int left = 0, top = 0, width = 0;  // of that part: its corner in the picture, and its row's length, in pixels
  int channels = 3;                  // of the picture, interleaved, 8 bits each
  ResampleAxis across{}, down{};     // in pixels of the picture
  ResampleFilter filter{};
  bool flip = false;
  int count = 0;
  ViewStep steps[most_steps] = {};
  float mean[3] = {}, deviation[3] = {};  // of the view's channels

  VITRAIL_HD constexpr std::int64_t offset(int x, int y) const {  // of a picture's pixel behind `at`
    return (std::int64_t{y - top} * width + (x - left)) * channels;
  }
};

// A Gaussian's right half, 0 .. radius, such that the whole sums to one.
VITRAIL_HD inline int gaussian_radius(double sigma) { return static_cast<int>(std::ceil(3 * sigma)); }
VITRAIL_HD inline double gaussian_weight(double sigma, int i) { return std::exp(-0.5 * i * i / (sigma * sigma)); }
VITRAIL_HD inline double gaussian_sum(double sigma) {
  const int radius = gaussian_radius(sigma);
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) sum += gaussian_weight(sigma, i);
  return sum;
}

}  // namespace vitrail
