// The built-in image set: textured shapes rendered on the fly. A class is a family: an outline, about upright, and in four of
// five images the pattern of its surface, which it shares with another family. Position, size, colours, ground, clutter and
// light are drawn independently of it.
#pragma once
#include <string>
#include <utility>

#include "../core/config.hpp"
#include "../core/error.hpp"
#include "../tensor/run_length.hpp"
#include "../train/object_set.hpp"
#include "shapes/scene.hpp"

namespace vitrail {

struct ShapesConfig {
  int count = 1000;        // images
  int size = 96;           // pixels of a side; the same scene is drawn at every size
  std::uint64_t seed = 0;  // another seed gives other images: use one for training and another for testing
  int classes = 10;        // the first so many of shapes::family_names()
  int objects = 1;         // shapes in an image, at most: 1 .. objects of them
};

// Image `index` depends on the seed and the index alone (and is drawn at the given size). Every run of `classes` images
// holds each class once, in random order.
class TexturedShapes final : public ObjectSet {
 public:
  // Throws ConfigError where a number has no meaning.
  explicit TexturedShapes(const ShapesConfig& config = {});

  int size() const override { return config_.count; }
  Image image(int index, int = 0) const override;
  const std::vector<std::string>& classes() const override { return names_; }
  std::string name(int index) const override;

  // The class of the first object.
  int label(int index) const override;

  Objects objects(int index) const override;

  // The image with the class, box and mask of everything to be detected. Throws ShapeError for an index out of range.
  Scene scene(int index) const;

 private:
  enum Streams : std::uint64_t { labels, scenes };

  static void require(bool holds, const char* rule, int found) {
    if (!holds) throw ConfigError(std::string("shapes: ") + rule + ", not " + std::to_string(found));
  }
  void check_index(int index) const {
    if (index < 0 || index >= config_.count)
      throw ShapeError("shapes: image " + std::to_string(index) + " was asked for, there are " +
                       std::to_string(config_.count) + "; give a larger count");
  }

  // Clutter of radius `smallest` .. `largest`, anywhere.
  static void scatter(shapes::SceneCanvas& canvas, int count, double smallest, double largest, Random& random) {
    for (int i = 0; i < count; ++i) {
      const shapes::Outline outline = shapes::clutter_outline(random);
      const shapes::Placement at = random_placement(random.uniform(smallest, largest), 0, random);
      canvas.paint_clutter(shapes::placed(outline, at), shapes::random_texture(random));
    }
  }

  static shapes::Placement random_placement(double radius, double margin, Random& random) {
    shapes::Placement at{};
    at.radius = radius;
    at.x = random.uniform(margin, 1 - margin);
    at.y = random.uniform(margin, 1 - margin);
    at.angle = random.uniform(0, shapes::detail::full_turn);
    at.stretch = std::exp(random.uniform(-0.25, 0.25));
    return at;
  }

  // The first object has the given class; an object that finds no free place in 20 tries is left out.
  void place_objects(shapes::SceneCanvas& canvas, int first_label, Random& random) const {
    const int wanted = 1 + random.below(config_.objects);
    const double crowding = std::pow(wanted, -0.45);
    std::vector<shapes::Placement> taken;
    for (int i = 0; i < wanted; ++i) {
      const int shape = i == 0 ? first_label : random.below(config_.classes);
      for (int tries = 0; tries < 20; ++tries) {
        const double radius = random.uniform(0.26, 0.42) * crowding;
        shapes::Placement at = random_placement(radius, 0.95 * radius, random);
        at.angle = random.uniform(-0.5, 0.5);  // about upright, as things stand in photos
        if (overlaps(at, taken)) continue;
        canvas.paint_object(shape, shapes::placed(shapes::family_outline(shape), at), shapes::family_texture(shape, random));
        taken.push_back(at);
        break;
      }
    }
  }

  // Objects may touch and overlap a little.
  static bool overlaps(const shapes::Placement& at, const std::vector<shapes::Placement>& taken) {
    for (const shapes::Placement& other : taken)
      if (std::hypot(at.x - other.x, at.y - other.y) < 0.85 * (at.radius + other.radius)) return true;
    return false;
  }

  ShapesConfig config_;
  std::vector<std::string> names_{};
};

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/textured_shapes.hpp"
#endif
