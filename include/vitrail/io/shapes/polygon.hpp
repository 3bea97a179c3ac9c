// Filled outlines with exact anti-aliasing: the share of every pixel's area that lies inside.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace vitrail::shapes {

struct Point {
  double x, y;
};
// Closed contours. A contour that runs the other way round inside another is a hole.
using Outline = std::vector<std::vector<Point>>;

// The rectangle of pixels that an outline can touch, and how much of each pixel it covers.
struct Coverage {
  int x = 0, y = 0, width = 0, height = 0;
  std::vector<float> shares;  // (height, width), 0 .. 1
};

namespace detail {
// Sums, row by row, how coverage changes from pixel to pixel along the outline's edges; integrating the changes gives
// the coverage itself, however many edges share a pixel.
class CoverageSums {
 public:
  CoverageSums(int width, int height)
      : width_(width), height_(height), changes_(static_cast<std::size_t>((width + 2) * height)) {}

  // Coordinates relative to the rectangle; the edge may leave it.
  void add_edge(Point from, Point to) {
    const double sign = from.y < to.y ? 1 : -1;
    if (sign < 0) std::swap(from, to);
    const double slope = (to.x - from.x) / (to.y - from.y);
    const int last = std::min(height_, static_cast<int>(std::ceil(to.y)));
    for (int y = std::max(0, static_cast<int>(std::floor(from.y))); y < last; ++y) {
      const double top = std::max<double>(y, from.y), bottom = std::min<double>(y + 1, to.y);
      const double a = inside(from.x + slope * (top - from.y)), b = inside(from.x + slope * (bottom - from.y));
      add_row(y, std::min(a, b), std::max(a, b), sign * (bottom - top));
    }
  }

  std::vector<float> integrate() const {
    std::vector<float> shares;
    shares.reserve(static_cast<std::size_t>(width_ * height_));
    for (int y = 0; y < height_; ++y) {
      double sum = 0;
      for (int x = 0; x < width_; ++x) {
        sum += changes_[static_cast<std::size_t>(y * (width_ + 2) + x)];
        shares.push_back(static_cast<float>(std::min(1.0, std::abs(sum))));
      }
    }
    return shares;
  }

 private:
  double inside(double x) const { return std::clamp<double>(x, 0, width_); }

  // An edge that crosses `height` of row y while x goes from left to right: everything to its right is covered.
  void add_row(int y, double left, double right, double height) {
    // The covered area left of t, per unit of height; a pixel's own area is the difference between its two sides.
    const auto area = [&](double t) {
      return t <= left ? 0 : t >= right ? t - (left + right) / 2 : (t - left) * (t - left) / (2 * (right - left));
    };
    double before = 0;
    for (int x = static_cast<int>(left); x <= static_cast<int>(right) + 1 && x < width_ + 2; ++x) {
      const double share = area(x + 1) - area(x);
      changes_[static_cast<std::size_t>(y * (width_ + 2) + x)] += height * (share - before);
      before = share;
    }
  }

  int width_, height_;
  std::vector<double> changes_;
};
}  // namespace detail

// How much of each pixel of a `width` x `height` picture the outline covers. Coordinates in pixels, (0, 0) at the
// corner.
inline Coverage cover(const Outline& outline, int width, int height) {
  double left = width, right = 0, top = height, bottom = 0;
  for (const auto& contour : outline)
    for (const Point& p : contour) {
      left = std::min(left, p.x), right = std::max(right, p.x);
      top = std::min(top, p.y), bottom = std::max(bottom, p.y);
    }
  Coverage covered;
  covered.x = std::clamp(static_cast<int>(std::floor(left)), 0, width);
  covered.y = std::clamp(static_cast<int>(std::floor(top)), 0, height);
  covered.width = std::max(0, std::min(width, static_cast<int>(std::ceil(right))) - covered.x);
  covered.height = std::max(0, std::min(height, static_cast<int>(std::ceil(bottom))) - covered.y);
  detail::CoverageSums sums(covered.width, covered.height);
  for (const auto& contour : outline)
    for (std::size_t i = 0; i < contour.size(); ++i) {
      const Point a = contour[i], b = contour[(i + 1) % contour.size()];
      if (a.y != b.y) sums.add_edge({a.x - covered.x, a.y - covered.y}, {b.x - covered.x, b.y - covered.y});
    }
  covered.shares = sums.integrate();
  return covered;
}

}  // namespace vitrail::shapes
