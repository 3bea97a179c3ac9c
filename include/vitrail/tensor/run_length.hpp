// What can be done with masks as runs, without unpacking them: areas, boxes, overlaps; and from and to pixels, COCO's strings and polygons.
// The string and the rules by which polygons become pixels are those of cocodataset/cocoapi (common/maskApi.c, Dollár and Lin, 2015).
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

#include "../core/box.hpp"
#include "../core/error.hpp"
#include "objects.hpp"

namespace vitrail {

namespace detail {

inline std::string mask_size(int width, int height) { return std::to_string(width) + " x " + std::to_string(height); }

// Appends stretches of pixels to a mask's runs, so that no run is empty but perhaps the first.
class RunWriter {
 public:
  void add(std::uint32_t pixels, bool on) {
    if (pixels == 0) return;
    if (on != on_) runs_.push_back(0), on_ = on;
    runs_.back() += pixels;
  }
  RunLengthMask finish(int width, int height) { return {width, height, std::move(runs_)}; }

 private:
  std::vector<std::uint32_t> runs_{0};
  bool on_ = false;
};

// Throws ShapeError unless the runs fill the picture; `what` begins the message.
inline void check_runs(const RunLengthMask& mask, const std::string& what) {
  std::uint64_t sum = 0;
  for (const std::uint32_t run : mask.runs) sum += run;
  if (mask.width < 1 || mask.height < 1 || sum != static_cast<std::uint64_t>(mask.width) * static_cast<std::uint64_t>(mask.height))
    throw ShapeError(what + ": expected runs that fill " + mask_size(mask.width, mask.height) + " pixels, found " + std::to_string(sum) +
                     " pixels in them; make the mask of its pixels again");
}
inline void check_one_size(const RunLengthMask& a, const RunLengthMask& b) {
  if (a.width != b.width || a.height != b.height)
    throw ShapeError("mask: expected two masks of one picture, found " + mask_size(a.width, a.height) + " and " +
                     mask_size(b.width, b.height) + " pixels; resize one of them first");
}

// Calls each(pixels, in_a, in_b) for the stretches along which neither mask changes.
template <class Each>
void walk_together(const RunLengthMask& a, const RunLengthMask& b, const Each& each) {
  std::size_t next_a = 0, next_b = 0;
  std::uint32_t rest_a = 0, rest_b = 0;
  while (true) {
    while (rest_a == 0 && next_a < a.runs.size()) rest_a = a.runs[next_a++];
    while (rest_b == 0 && next_b < b.runs.size()) rest_b = b.runs[next_b++];
    const std::uint32_t stretch = std::min(rest_a, rest_b);
    if (stretch == 0) return;
    each(stretch, next_a % 2 == 0, next_b % 2 == 0);  // of runs counted from 1 the even ones are on
    rest_a -= stretch, rest_b -= stretch;
  }
}

}  // namespace detail

// The mask of row-major bytes (height, width), of which those that are not 0 are on. Throws ShapeError unless there are as many.
inline RunLengthMask encode_mask(std::span<const std::uint8_t> pixels, int width, int height) {
  if (width < 1 || height < 1 || pixels.size() != static_cast<std::size_t>(width) * static_cast<std::size_t>(height))
    throw ShapeError("mask: expected one byte for each of " + detail::mask_size(width, height) + " pixels, found " +
                     std::to_string(pixels.size()) + " bytes; give the picture's own width and height");
  const std::size_t columns = static_cast<std::size_t>(width);
  detail::RunWriter out;
  for (std::size_t x = 0; x < columns; ++x)
    for (std::size_t at = x; at < pixels.size(); at += columns) out.add(1, pixels[at] != 0);
  return out.finish(width, height);
}

// Row-major bytes (height, width): 1 where the mask is on, 0 elsewhere. Throws ShapeError if its runs do not fill its size.
inline std::vector<std::uint8_t> decode_mask(const RunLengthMask& mask) {
  detail::check_runs(mask, "mask");
  const std::size_t columns = static_cast<std::size_t>(mask.width), rows = static_cast<std::size_t>(mask.height);
  std::vector<std::uint8_t> out(columns * rows);
  std::size_t begin = 0;
  for (std::size_t i = 0; i < mask.runs.size(); ++i) {
    const std::size_t end = begin + mask.runs[i];
    if (i % 2 == 1)
      for (std::size_t at = begin; at < end; ++at) out[at % rows * columns + at / rows] = 1;
    begin = end;
  }
  return out;
}

// Pixels that are on.
inline std::int64_t mask_area(const RunLengthMask& mask) {
  std::int64_t sum = 0;
  for (std::size_t i = 1; i < mask.runs.size(); i += 2) sum += mask.runs[i];
  return sum;
}

namespace detail {
inline double precise_area(const Box& box) {
  return (static_cast<double>(box.right) - static_cast<double>(box.left)) *
         (static_cast<double>(box.bottom) - static_cast<double>(box.top));
}
}  // namespace detail

// An object's own area if it tells one, else its mask's, else its box's.
inline double object_area(const Object& object) {
  if (object.area > 0) return object.area;
  return object.mask.empty() ? detail::precise_area(object.box) : static_cast<double>(mask_area(object.mask));
}

// The smallest box around what is on; a box of zeros if nothing is.
inline Box mask_box(const RunLengthMask& mask) {
  const std::uint64_t rows = static_cast<std::uint64_t>(mask.height);
  std::uint64_t left = static_cast<std::uint64_t>(mask.width), right = 0, top = rows, bottom = 0, begin = 0;
  for (std::size_t i = 0; i < mask.runs.size(); ++i) {
    const std::uint64_t end = begin + mask.runs[i];
    if (i % 2 == 1 && end > begin) {
      const std::uint64_t first = begin / rows, last = (end - 1) / rows;
      left = std::min(left, first), right = std::max(right, last + 1);
      top = std::min(top, first == last ? begin % rows : 0);  // a run over several columns holds a bottom and a top
      bottom = std::max(bottom, first == last ? (end - 1) % rows + 1 : rows);
    }
    begin = end;
  }
  if (right == 0) return {};
  return {static_cast<float>(left), static_cast<float>(top), static_cast<float>(right), static_cast<float>(bottom)};
}

// Intersection over union; 0 where nothing is common. With `crowd`, intersection over the area of `found`: a part of a crowd is all right.
// Throws ShapeError for masks of two sizes.
inline double overlap(const RunLengthMask& found, const RunLengthMask& truth, bool crowd = false) {
  detail::check_one_size(found, truth);
  std::int64_t common = 0, either = 0;
  detail::walk_together(found, truth, [&](std::uint32_t pixels, bool a, bool b) {
    if (a && b) common += pixels;
    if (a || b) either += pixels;
  });
  return common == 0 ? 0 : static_cast<double>(common) / static_cast<double>(crowd ? mask_area(found) : either);
}

// What is on in one of the two. Throws ShapeError for masks of two sizes.
inline RunLengthMask unite(const RunLengthMask& a, const RunLengthMask& b) {
  detail::check_one_size(a, b);
  detail::RunWriter out;
  detail::walk_together(a, b, [&](std::uint32_t pixels, bool in_a, bool in_b) { out.add(pixels, in_a || in_b); });
  return out.finish(a.width, a.height);
}

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
