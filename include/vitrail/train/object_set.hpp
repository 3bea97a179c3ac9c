// Images in which things are annotated: what a detector learns from.
#pragma once
#include "../tensor/objects.hpp"
#include "image_set.hpp"

namespace vitrail {

class ObjectSet : public ImageSet {
 public:
  // What is in image number `index`. Thread-safe. Objects::width and height are those of the whole image, also where image() returns a
  // smaller version.
  virtual Objects objects(int index) const = 0;
};

}  // namespace vitrail
