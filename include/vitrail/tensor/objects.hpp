// What is to be seen in a picture: things with a class, a box and a mask, as annotators draw them and detectors find them.
#pragma once
#include <cstdint>
#include <vector>

#include "../core/box.hpp"

namespace vitrail {

// Which pixels belong to a thing, as lengths of runs: off, on, off, ...; the first may be 0. Pixels are counted column by column, from
// the top, as COCO's files do.
struct RunLengthMask {
  int width = 0, height = 0;
  std::vector<std::uint32_t> runs{};  // their sum: width * height; none: no mask

  bool empty() const { return runs.empty(); }
  friend bool operator==(const RunLengthMask&, const RunLengthMask&) = default;
};

// A thing that was annotated.
struct Object {
  int label = 0;
  Box box{};
  RunLengthMask mask{};
  bool crowd = false;  // many things under one mask: no target to learn; a detection inside it is neither right nor wrong
  double area = 0;     // pixels, by which COCO sorts things into small, medium and large; 0: the mask's, or the box's without one
};
// All of them in one picture.
struct Objects {
  int width = 0, height = 0;  // of the picture that boxes and masks refer to
  std::vector<Object> all{};
};

// A thing as it is seen in a view of the picture: what a detector learns.
struct ViewObject {
  int label = 0;
  Box box{};                          // pixels of the view
  std::vector<std::uint32_t> mask{};  // a bit for each of the view's pixels, row by row, the first pixel in the lowest bit
};

// A thing that was found.
struct Detection {
  int label = 0;
  float score = 0;  // 0 .. 1
  Box box{};
  RunLengthMask mask{};
};

}  // namespace vitrail
