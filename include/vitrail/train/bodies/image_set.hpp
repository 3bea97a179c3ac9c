// Bodies of image_set.hpp.
#pragma once
#include "../image_set.hpp"

namespace vitrail {

VITRAIL_FUNCTION std::vector<ViewObject> ImageSet::objects_in_view(int index, int, int, const ViewPlan&) const {
  throw ConfigError("nobody annotated the objects of " + name(index) + "; give an ObjectSet, such as CocoImages");
}

VITRAIL_FUNCTION void check_objects(const ImageSet& set, bool asked, int classes) {
  if (!asked) throw ConfigError("fit: a detector learns from objects, and the loader gives none; set LoaderConfig::objects");
  if (static_cast<int>(set.classes().size()) > classes)
    throw ConfigError("fit: the images have objects of " + std::to_string(set.classes().size()) + " classes, the detector has " +
                      std::to_string(classes) + "; choose a detector with enough classes");
}

VITRAIL_FUNCTION void check_labels(const ImageSet& set, int classes) {
  for (int i = 0; i < set.size(); ++i) {
    const int label = set.label(i);
    if (label >= 0 && label < classes) continue;
    if (label >= 0)
      throw ConfigError("supervised: expected labels in 0 .. " + std::to_string(classes - 1) + ", found " + std::to_string(label) + " at " +
                        set.name(i) + "; choose a model with enough classes");
    throw ConfigError("supervised: expected a label for every image, found none for " + set.name(i) +
                      "; put each class into a sub-folder of its own");
  }
}

}  // namespace vitrail
