// Masks from COCO's strings and polygons, by the rules of cocodataset/cocoapi (common/maskApi.c; Dollár and Lin, 2015).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "../tensor/run_length.hpp"

namespace vitrail {

// COCO's string: each run (from the fourth on, its difference to the run two before) as a signed number in digits of 5 bits, the lowest
// first; 32 is added to a digit that is followed by another, and 48 to make a letter.
inline std::string compress_runs(const RunLengthMask& mask) {
  std::string out;
  for (std::size_t i = 0; i < mask.runs.size(); ++i) {
    std::int64_t rest = std::int64_t{mask.runs[i]} - (i > 2 ? std::int64_t{mask.runs[i - 2]} : 0);
    bool more = true;
    while (more) {
      const std::int64_t digit = rest & 31;
      rest >>= 5;
      more = rest != (digit & 16 ? -1 : 0);  // the last digit's top bit is the sign
      out += static_cast<char>(48 + digit + (more ? 32 : 0));
    }
  }
  return out;
}

// The mask of COCO's string. Throws ShapeError if that is damaged or belongs to a picture of another size.
inline RunLengthMask expand_runs(std::string_view text, int width, int height) {
  const auto refuse = [&](const std::string& found) -> void {
    throw ShapeError("mask: expected COCO's string for " + detail::mask_size(width, height) + " pixels, found " + found +
                     "; check that it is complete and the size is its own");
  };
  RunLengthMask out{width, height, {}};
  for (std::size_t at = 0; at < text.size();) {
    std::int64_t run = 0;
    int digit = 32;
    for (int shift = 0; digit & 32; shift += 5) {
      if (at == text.size()) refuse("an end within a number");
      digit = text[at++] - 48;
      if (digit < 0 || digit > 63) refuse("a letter that is none of its digits");
      if (shift > 40) refuse("a number beyond 32 bits");
      run |= std::int64_t{digit & 31} << shift;
      if ((digit & 48) == 16) run -= std::int64_t{32} << shift;
    }
    if (out.runs.size() > 2) run += out.runs[out.runs.size() - 2];
    if (run < 0 || run > std::int64_t{width} * height) refuse("a run of " + std::to_string(run) + " pixels");
    out.runs.push_back(static_cast<std::uint32_t>(run));
  }
  detail::check_runs(out, "mask: COCO's string");
  return out;
}

namespace detail {

// a b, rounded before anything is added. Fused into one operation with the sum, points halfway between two would now and then go the
// other way, and a mask would depend on the compiler's flags.
inline double rounded_product(double a, double b) {
  const volatile double product = a * b;
  return product;
}

// A coordinate in fifths of a pixel: the grid on which COCO draws. (Below zero the conversion rounds otherwise than above; so does
// cocoapi.)
inline constexpr double largest_coordinate = 1e7;  // pixels, either way
inline std::int32_t to_fifths(double pixels) { return static_cast<std::int32_t>(rounded_product(5, pixels) + 0.5); }

// Fills one polygon. It follows the outline point by point on the grid of fifths; where that passes the middle of a column of pixels,
// everything below, counted column by column, is turned over.
class PolygonFiller {
 public:
  PolygonFiller(int width, int height) : width_(width), height_(height) {}

  // x, y, x, y, ... in fifths of a pixel.
  RunLengthMask fill(std::span<const std::int32_t> points) {
    const std::size_t count = points.size() / 2;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t next = i + 1 == count ? 0 : i + 1;
      follow_edge(points[2 * i], points[2 * i + 1], points[2 * next], points[2 * next + 1]);
    }
    std::sort(turns_.begin(), turns_.end());
    turns_.push_back(static_cast<std::uint32_t>(width_) * static_cast<std::uint32_t>(height_));
    RunWriter out;
    for (std::size_t i = 0; i < turns_.size(); ++i) out.add(turns_[i] - (i == 0 ? 0 : turns_[i - 1]), i % 2 == 1);
    return out.finish(width_, height_);
  }

 private:
  // Both ends included. Points are computed from the end with the smaller coordinate on the longer axis, so that an edge has the same
  // ones in both directions.
  void follow_edge(int x0, int y0, int x1, int y1) {
    const int across = std::abs(x1 - x0), down = std::abs(y1 - y0), steps = std::max(across, down);
    const bool flat = across >= down, flipped = flat ? x0 > x1 : y0 > y1;
    if (flipped) std::swap(x0, x1), std::swap(y0, y1);
    const double slope = steps == 0 ? 0 : static_cast<double>(flat ? y1 - y0 : x1 - x0) / steps;
    for (int i = 0; i <= steps; ++i) {
      const int step = flipped ? steps - i : i;
      const int other = static_cast<int>((flat ? y0 : x0) + rounded_product(slope, step) + 0.5);
      if (flat) visit(x0 + step, other);
      else visit(other, y0 + step);
    }
  }

  void visit(int x, int y) {
    if (started_ && x != x_) {
      const int middle = x < x_ ? x : x - 1, upper = std::min(y, y_);
      if (middle >= 2 && middle % 5 == 2 && middle / 5 < width_) {
        const int row = upper <= 2 ? 0 : std::min((upper + 2) / 5, height_);
        turns_.push_back(static_cast<std::uint32_t>(middle / 5) * static_cast<std::uint32_t>(height_) + static_cast<std::uint32_t>(row));
      }
    }
    started_ = true, x_ = x, y_ = y;
  }

  int width_, height_;
  bool started_ = false;
  int x_ = 0, y_ = 0;
  std::vector<std::uint32_t> turns_{};  // pixels, counted column by column, from which on all is turned over
};

}  // namespace detail

// What lies in at least one of the polygons, each x, y, x, y, ... in pixels: the same mask as cocoapi's. No polygon: a mask that is off
// everywhere. Throws ShapeError for fewer than three points, an odd number of coordinates, or ones beyond ten million pixels.
inline RunLengthMask fill_polygons(const std::vector<std::vector<double>>& polygons, int width, int height) {
  if (width < 1 || height < 1)
    throw ShapeError("mask: expected a picture to fill polygons in, found " + detail::mask_size(width, height) + " pixels; give its size");
  RunLengthMask out{width, height, {static_cast<std::uint32_t>(width) * static_cast<std::uint32_t>(height)}};
  std::vector<std::int32_t> points;
  for (const std::vector<double>& polygon : polygons) {
    if (polygon.size() < 6 || polygon.size() % 2 != 0)
      throw ShapeError("mask: expected a polygon's x and y of at least 3 points, found " + std::to_string(polygon.size()) +
                       " numbers; leave it out or complete it");
    points.clear();
    for (const double coordinate : polygon) {
      if (!(std::abs(coordinate) <= detail::largest_coordinate))
        throw ShapeError("mask: expected a polygon's points near the picture, found the coordinate " + std::to_string(coordinate) +
                         "; check its unit");
      points.push_back(detail::to_fifths(coordinate));
    }
    out = unite(out, detail::PolygonFiller(width, height).fill(points));
  }
  return out;
}

}  // namespace vitrail
