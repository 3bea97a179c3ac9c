// What every source of images looks like to the training loop. Sources are chosen at run time (a folder, an IDX file, the
// built-in shapes), so this is a plain abstract class; one virtual call per image costs nothing beside decoding it.
#pragma once
#include <string>
#include <vector>

#include "../core/config.hpp"
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
  virtual std::vector<ViewObject> objects_in_view(int index, int, int, const ViewPlan&) const;
};

// Throws ConfigError unless a loader gives the objects of a set (`asked`) and a detector has a class for each kind of them.
VITRAIL_FUNCTION void check_objects(const ImageSet& set, bool asked, int classes);

// Throws ConfigError unless every image of a set has a label of a model with so many classes.
VITRAIL_FUNCTION void check_labels(const ImageSet& set, int classes);

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/image_set.hpp"
#endif
