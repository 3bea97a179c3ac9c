// What every source of images looks like to the training loop. Sources are chosen at run time (a folder, an IDX file, the
// built-in shapes), so this is a plain abstract class; one virtual call per image costs nothing beside decoding it.
#pragma once
#include <string>
#include <vector>

#include "../core/error.hpp"
#include "../tensor/image.hpp"
#include "../tensor/objects.hpp"

namespace vitrail {

struct ViewPlan;

class ImageSet {
 public:
  virtual ~ImageSet() = default;
  virtual int size() const = 0;
  // Image number `index`. Thread-safe, and the same every time. A reader that can decode at reduced size may return a
  // smaller version whose shorter side is at least `at_least` pixels (0: full size). Throws FileError if unreadable.
  virtual Image image(int index, int at_least = 0) const = 0;
  virtual int label(int index) const = 0;                 // 0 .. classes().size() - 1; -1: unlabelled
  virtual const std::vector<std::string>& classes() const = 0;  // names; empty: unlabelled
  virtual std::string name(int index) const = 0;          // for messages: a path, or "shapes #17"

  // Whether somebody annotated what is to be seen in the images; and what of it a view shows that was cut by `cut` from image number
  // `index`, decoded with width x height pixels. An ObjectSet has both.
  virtual bool annotated() const { return false; }
  virtual std::vector<ViewObject> objects_in_view(int index, int, int, const ViewPlan&) const {
    throw ConfigError("nobody annotated the objects of " + name(index) + "; give an ObjectSet, such as CocoImages");
  }
};

// Throws ConfigError unless a loader gives the objects of a set (`asked`) and a detector has a class for each kind of them.
inline void check_objects(const ImageSet& set, bool asked, int classes) {
  if (!asked) throw ConfigError("fit: a detector learns from objects, and the loader gives none; set LoaderConfig::objects");
  if (static_cast<int>(set.classes().size()) > classes)
    throw ConfigError("fit: the images have objects of " + std::to_string(set.classes().size()) + " classes, the detector has " +
                      std::to_string(classes) + "; choose a detector with enough classes");
}

// Throws ConfigError unless every image of a set has a label of a model with so many classes.
inline void check_labels(const ImageSet& set, int classes) {
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
