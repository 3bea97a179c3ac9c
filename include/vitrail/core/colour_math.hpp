// Formulas of one pixel's colour, samples in [0, 1], written once for host and device. Both arms of a choice are computed first: only then
// do compilers vectorise loops over them.
#pragma once
#include <cmath>

#include "config.hpp"

namespace vitrail {

// The brightness of a colour (ITU-R BT.601, as JPEG and Pillow's "L").
VITRAIL_HD constexpr float luma(float red, float green, float blue) { return 0.299f * red + 0.587f * green + 0.114f * blue; }

VITRAIL_HD constexpr float into_unit_range(float x) {
  const float high = x > 1.0f ? 1.0f : x;
  return high < 0.0f ? 0.0f : high;
}
// The negative at or above the threshold.
VITRAIL_HD constexpr float solarised(float sample, float threshold) {
  const float negative = 1 - sample;
  return sample >= threshold ? negative : sample;
}

struct Colour {
  float red, green, blue;
};

namespace detail {
VITRAIL_HD constexpr float smaller(float a, float b) { return b < a ? b : a; }
VITRAIL_HD constexpr float larger(float a, float b) { return a < b ? b : a; }
// An angle in sixths of a turn that may be up to one turn too large.
VITRAIL_HD constexpr float wrapped(float sixths) {
  const float less = sixths - 6;
  return sixths >= 6 ? less : sixths;
}
// One channel of the colour with this hue (in sixths of a turn), largest sample and spread between the largest and the
// smallest. `shift`: 5 for red, 3 for green, 1 for blue.
VITRAIL_HD constexpr float hue_channel(float shift, float sixths, float largest, float spread) {
  const float k = wrapped(shift + sixths);
  return largest - spread * into_unit_range(smaller(k, 4 - k));
}
}  // namespace detail

// The hue of the HSV colour model turned by so many sixths of a turn, 0 .. 6.
VITRAIL_HD constexpr Colour hue_turned(Colour c, float sixths) {
  const float largest = detail::larger(detail::larger(c.red, c.green), c.blue);
  const float spread = largest - detail::smaller(detail::smaller(c.red, c.green), c.blue);
  const float divisor = spread > 0 ? spread : 1.0f;  // grey has no hue, and keeps its samples whatever is taken for one
  const float of_red = (c.green - c.blue) / divisor, of_green = 2 + (c.blue - c.red) / divisor, of_blue = 4 + (c.red - c.green) / divisor;
  const float hue = largest == c.red ? of_red : largest == c.green ? of_green : of_blue;
  const float turned = detail::wrapped(hue + (sixths + (hue < 0 ? 6.0f : 0.0f)));
  return {detail::hue_channel(5, turned, largest, spread), detail::hue_channel(3, turned, largest, spread),
          detail::hue_channel(1, turned, largest, spread)};
}

}  // namespace vitrail
