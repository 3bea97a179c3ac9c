// What can be done with masks as runs, without unpacking them: areas, boxes, overlaps; and from and to pixels. COCO's own forms of masks
// are in io/coco_masks.hpp.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
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

}  // namespace vitrail
