// Anchors: the boxes from which a region proposal network starts (Ren et al., "Faster R-CNN", 2015, section 3.1), on the levels of a
// feature pyramid (Lin et al., "Feature pyramid networks", 2017, section 4.1).
#pragma once
#include <cstdint>

#include "box.hpp"

namespace vitrail {

// On each of five square grids, three boxes of one area and of heights 1/2, 1 and 2 times their widths around every cell's corner. Anchors
// are counted level by level, in each shape by shape, and in each of those cell by cell: the order of a convolution's output.
struct AnchorGrid {
  static constexpr int levels = 5, shapes = 3;
  int image = 0;           // pixels of a picture's side
  int side[levels] = {};   // cells along a level's side
  int step[levels] = {};   // pixels from one cell to the next
  double scale = 8;        // side of a square anchor, in cells of its level

  struct Place {
    int level, shape, cell;
  };

  VITRAIL_HD constexpr int cells(int level) const { return side[level] * side[level]; }
  VITRAIL_HD constexpr int first(int level) const {  // number of its first anchor; first(levels) counts all
    int n = 0;
    for (int l = 0; l < level; ++l) n += shapes * cells(l);
    return n;
  }
  VITRAIL_HD constexpr int count() const { return first(levels); }
  VITRAIL_HD constexpr Place place(int anchor) const {
    int level = 0;
    for (; anchor >= shapes * cells(level); ++level) anchor -= shapes * cells(level);
    return {level, anchor / cells(level), anchor % cells(level)};
  }
  // Where the four numbers of its box are among all boxes' numbers, which lie level by level, shape by shape, number by number.
  VITRAIL_HD constexpr std::int64_t delta(const Place& at, int number) const {
    return 4 * std::int64_t{first(at.level)} + (std::int64_t{4} * at.shape + number) * cells(at.level) + at.cell;
  }
  template <class T> VITRAIL_HD constexpr BoxOf<T> box(const Place& at) const {
    constexpr double root = 1.4142135623730951;
    const double square = scale * step[at.level] / 2, tall = at.shape == 0 ? 1 / root : at.shape == 1 ? 1 : root;
    const T x = static_cast<T>(at.cell % side[at.level] * step[at.level]), y = static_cast<T>(at.cell / side[at.level] * step[at.level]);
    const T across = static_cast<T>(square / tall), down = static_cast<T>(square * tall);
    return {x - across, y - down, x + across, y + down};
  }
};

}  // namespace vitrail
