// The built-in image set: textured shapes rendered on the fly. A class is a family: an outline, about upright, and in four of
// five images the pattern of its surface, which it shares with another family. Position, size, colours, ground, clutter and
// light are drawn independently of it.
#pragma once
#include <string>
#include <utility>

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
  explicit TexturedShapes(const ShapesConfig& config = {}) : config_(config) {
    const int families = static_cast<int>(shapes::family_names().size());
    require(config.count >= 1, "count must be at least 1", config.count);
    require(config.size >= 8 && config.size <= 8192, "size must lie in 8 .. 8192 pixels", config.size);
    require(config.classes >= 1 && config.classes <= families, "there are 1 .. 10 classes", config.classes);
    require(config.objects >= 1 && config.objects <= 64, "objects must lie in 1 .. 64", config.objects);
    names_.assign(shapes::family_names().begin(), shapes::family_names().begin() + config.classes);
  }

  int size() const override { return config_.count; }
  Image image(int index, int = 0) const override { return scene(index).image; }
  const std::vector<std::string>& classes() const override { return names_; }
  std::string name(int index) const override { return "shapes #" + std::to_string(index); }

  // The class of the first object.
  int label(int index) const override {
    check_index(index);
    std::vector<int> order(names_.size());
    for (int i = 0; i < config_.classes; ++i) order[static_cast<std::size_t>(i)] = i;
    Random random = Random(config_.seed).stream(labels, static_cast<std::uint64_t>(index / config_.classes));
    random.shuffle(order.data(), config_.classes);
    return order[static_cast<std::size_t>(index % config_.classes)];
  }

  Objects objects(int index) const override {
    const Scene drawn = scene(index);
    Objects out{config_.size, config_.size, {}};
    for (const SceneObject& o : drawn.objects) {
      if (o.width == 0) continue;  // hidden
      const float left = static_cast<float>(o.x), top = static_cast<float>(o.y);
      out.all.push_back({.label = o.label,
                         .box = {left, top, left + static_cast<float>(o.width), top + static_cast<float>(o.height)},
                         .mask = encode_mask(o.mask, config_.size, config_.size)});
    }
    return out;
  }

  // The image with the class, box and mask of everything to be detected. Throws ShapeError for an index out of range.
  Scene scene(int index) const {
    check_index(index);
    Random random = Random(config_.seed).stream(scenes, static_cast<std::uint64_t>(index));
    const shapes::Texture ground = shapes::ground_texture(random);
    shapes::SceneCanvas canvas(config_.size, ground);
    scatter(canvas, 1 + random.below(5), 0.03, 0.12, random);
    place_objects(canvas, label(index), random);
    scatter(canvas, random.below(3), 0.02, 0.06, random);
    const double strength = random.uniform(0, 0.5);
    canvas.light(strength, random.uniform(0, shapes::detail::full_turn));
    return canvas.finish();
  }

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
