// Boxes of things in pictures, and how detectors describe one box by another.
#pragma once
#include <cmath>

#include "config.hpp"

namespace vitrail {

// Corners in pixels; (0, 0) is the picture's corner, and pixel (x, y) covers x .. x + 1.
template <class T> struct BoxOf {
  T left = 0, top = 0, right = 0, bottom = 0;

  VITRAIL_HD constexpr T width() const { return right - left; }
  VITRAIL_HD constexpr T height() const { return bottom - top; }
  VITRAIL_HD constexpr T area() const { return width() * height(); }
  // What of it lies in a picture of these sides.
  VITRAIL_HD constexpr BoxOf clipped(T across, T down) const {
    return {within(left, across), within(top, down), within(right, across), within(bottom, down)};
  }
  friend constexpr bool operator==(const BoxOf&, const BoxOf&) = default;

 private:
  VITRAIL_HD static constexpr T within(T x, T limit) { return x < 0 ? T(0) : x > limit ? limit : x; }
};
using Box = BoxOf<float>;

// Intersection over union; 0 where both are empty. Areas of floats are whole in double: it is all one which products a compiler fuses to
// sums, so that an anchor which overlaps an object as much as the most does has the same number in every loop and on every device.
template <class T> VITRAIL_HD constexpr T overlap(const BoxOf<T>& a, const BoxOf<T>& b) {
  const auto area = [](T across, T down) { return static_cast<double>(across) * static_cast<double>(down); };
  const T left = a.left > b.left ? a.left : b.left, right = a.right < b.right ? a.right : b.right;
  const T top = a.top > b.top ? a.top : b.top, bottom = a.bottom < b.bottom ? a.bottom : b.bottom;
  const double common = right > left && bottom > top ? area(right - left, bottom - top) : 0.0;
  const double both = area(a.width(), a.height()) + area(b.width(), b.height()) - common;
  return both > 0 ? static_cast<T>(common / both) : T(0);
}

// One box described by another: how far its centre lies off, in sides of the other, and the logarithms of the ratios of their sides
// (Girshick et al., "Rich feature hierarchies for accurate object detection", 2014, appendix C).
template <class T> struct BoxDelta {
  T x = 0, y = 0, width = 0, height = 0;

  static constexpr double longest = 4.135166556742356;  // ln(1000 / 16): a side is at most so many times as long

  VITRAIL_HD static BoxDelta between(const BoxOf<T>& from, const BoxOf<T>& to) {
    const T across = to.left + to.right - from.left - from.right, down = to.top + to.bottom - from.top - from.bottom;
    return {across / (2 * from.width()), down / (2 * from.height()), std::log(to.width() / from.width()),
            std::log(to.height() / from.height())};
  }
  VITRAIL_HD BoxOf<T> applied_to(const BoxOf<T>& from) const {
    const T x_centre = (from.left + from.right) / 2 + x * from.width(), y_centre = (from.top + from.bottom) / 2 + y * from.height();
    const T across = from.width() * std::exp(bounded(width)) / 2, down = from.height() * std::exp(bounded(height)) / 2;
    return {x_centre - across, y_centre - down, x_centre + across, y_centre + down};
  }

 private:
  VITRAIL_HD static T bounded(T side) { return side > T(longest) ? T(longest) : side < -T(longest) ? -T(longest) : side; }
};

}  // namespace vitrail
