// Images in which things are annotated: what a detector learns from.
#pragma once
#include "augment/objects_in_view.hpp"
#include "image_set.hpp"

namespace vitrail {

class ObjectSet : public ImageSet {
 public:
  // What is in image number `index`. Thread-safe. Objects::width and height are those of the whole image, also where image() returns a
  // smaller version.
  virtual Objects objects(int index) const = 0;

  bool annotated() const final { return true; }
  std::vector<ViewObject> objects_in_view(int index, int width, int height, const ViewPlan& cut) const final {
    return vitrail::objects_in_view(objects(index), width, height, cut);
  }
};

}  // namespace vitrail
