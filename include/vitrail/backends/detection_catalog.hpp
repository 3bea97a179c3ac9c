// The kernels that detectors need besides those of catalog.hpp, under the same contract. Boxes are four numbers, corners in pixels of the
// view. Annotated objects come as integers, of each image as many places: their class, or -1 in the places behind the last one; their
// corners in 64ths of a pixel; and their masks, a bit for each pixel. What is drawn at random is drawn by `key`, alike on every device.
#pragma once
#include <cstdint>

#include "../core/anchors.hpp"
#include "../core/part.hpp"
#include "../core/random.hpp"
#include "../core/roi.hpp"
#include "kernel.hpp"

namespace vitrail {

// Where a candidate stands among all of an image of which some are drawn: the lowest tickets win.
VITRAIL_HD constexpr std::uint64_t ticket(std::uint64_t key, int image, int candidate) {
  constexpr std::uint64_t odd = 0x9E3779B97F4A7C15ull;
  return detail::mix(detail::mix(key + odd * (static_cast<std::uint64_t>(image) + 1)) + odd * (static_cast<std::uint64_t>(candidate) + 1));
}
// Corners as integers, and back.
inline constexpr int corner_unit = 64;
template <class T> VITRAIL_HD constexpr BoxOf<T> box_of_corners(const int* corners) {
  constexpr T by = T(1) / corner_unit;
  return {by * T(corners[0]), by * T(corners[1]), by * T(corners[2]), by * T(corners[3])};
}
// A head's deltas are in their usual deviations, 0.1 for the centre and 0.2 for the sides.
inline constexpr int per_deviation[4] = {10, 10, 5, 5};
template <class T> VITRAIL_HD constexpr BoxOf<T> box_at(const T* at) { return {at[0], at[1], at[2], at[3]}; }
template <class T> VITRAIL_HD constexpr void put_box(T* at, const BoxOf<T>& box) {
  at[0] = box.left, at[1] = box.top, at[2] = box.right, at[3] = box.bottom;
}
// The object that a box overlaps most, of equals the first; -1 where there is none.
template <class T> struct BestObject {
  int object = -1;
  T overlap = 0;

  VITRAIL_HD constexpr BestObject(const BoxOf<T>& box, int objects, const int* labels, const int* corners) {
    for (int i = 0; i < objects; ++i) {
      if (labels[i] < 0) break;
      const T o = vitrail::overlap(box, box_of_corners<T>(corners + 4 * i));
      if (object < 0 || o > overlap) object = i, overlap = o;
    }
  }
};

namespace op {

using i64 = std::int64_t;

struct Transpose {  // y[b, c, r] = x[b, first + r, c]          forward: y, x                     backward: dx, dy
  static constexpr const char* name = "transpose";
  int batch, from, first, rows, columns;  // from: rows of x
  constexpr i64 forward_flops() const { return 0; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct AddUpsampled {  // y = x + each pixel of small twice in both directions; a plane of y has height x width pixels, even numbers
                       // forward: y, x, small             backward: dsmall, dy
  static constexpr const char* name = "add_upsampled";
  i64 planes;
  int height, width;
  constexpr i64 forward_flops() const { return planes * height * width; }
  constexpr i64 backward_flops(Wanted w) const { return planes * height * width * w[0]; }
};

struct RoiAlign {  // y[b, r] (channels, size, size): what lies under box r in the level that fits it (He et al., "Mask R-CNN", 2017,
                   // section 3; RoiLevels says which level, and RoiTaps which pixels)
                   // forward: y, four levels, boxes   backward: gradients of four levels, dy, boxes
  static constexpr const char* name = "roi_align";
  int batch, channels, boxes, size;
  RoiLevels levels;
  constexpr i64 numbers() const { return i64{batch} * boxes * channels * size * size; }
  constexpr i64 forward_flops() const { return 32 * numbers(); }
  constexpr i64 backward_flops(Wanted w) const { return 32 * numbers() * (w[0] || w[1] || w[2] || w[3]); }
};

struct AssignAnchors {  // what anchors learn: which of them hold an object, and where it is. An anchor does if it overlaps an object by
                        // `high`, or by `low` and more than any other does; it does not if it overlaps none by `low`; the rest say
                        // nothing. Of both kinds `sample` in an image, at most half of them with an object, count equally: weights sum to
                        // 1 (0 without any)
                        // forward: target weight (B, A) delta delta_weight (B, 4 A), labels, corners     No backward
  static constexpr const char* name = "assign_anchors";
  int batch, objects, sample;
  AnchorGrid grid;
  double high, low;
  std::uint64_t key;
  Part part{};
  constexpr i64 forward_flops() const { return i64{batch} * grid.count() * objects * 20; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct Propose {  // the `kept` best boxes that anchors propose: of each level the `per_level` anchors of the highest scores, less those
                  // that overlap a better one of the level by more than `overlap`. Empty boxes (0, 0, 0, 0) where there are too few
                  // forward: boxes (B, kept, 4), scores (B, A), deltas (B, 4 A)     No backward
  static constexpr const char* name = "propose";
  int batch, per_level, kept;
  double overlap;
  AnchorGrid grid;
  constexpr i64 forward_flops() const { return i64{batch} * AnchorGrid::levels * per_level * per_level * 10; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct SampleRegions {  // the `regions` boxes of each image from which a head learns, of those proposed and of the objects themselves:
                        // first at most a quarter that overlap an object by `high`, then others, whose class is `classes`: nothing. Where
                        // there are too few, they are taken again. delta: the object described by the box, in deviations; its weight:
                        // 1 / all regions. chosen: the class, or 0 for nothing
                        // forward: boxes delta delta_weight (B, R, 4) label object chosen (B, R), proposed (B, K, 4), labels, corners
                        // No backward
  static constexpr const char* name = "sample_regions";
  int batch, objects, proposed, regions, classes, image;  // image: pixels of a picture's side
  double high;
  std::uint64_t key;
  Part part{};
  constexpr i64 forward_flops() const { return i64{batch} * (proposed + objects) * objects * 20; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct MaskTargets {  // target (B, used, size, size): 1 where at least half of what lies under the cell belongs to the object; for the
                      // first `used` boxes of each image. weight: 1 / numbers of all boxes that hold an object, 0 for the others. own:
                      // a box's class, or 0 for nothing
                      // forward: target weight own (B, used), boxes (B, R, 4), label object (B, R), bits (B, objects words)
                      // No backward
  static constexpr const char* name = "mask_targets";
  int batch, objects, regions, used, classes, image, size;
  VITRAIL_HD constexpr int words() const { return (image * image + 31) / 32; }
  constexpr i64 forward_flops() const { return i64{batch} * used * size * size * 32; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

}  // namespace op
}  // namespace vitrail
