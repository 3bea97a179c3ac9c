// Bodies of textured_shapes.hpp.
#pragma once
#include "../textured_shapes.hpp"

namespace vitrail {

VITRAIL_FUNCTION TexturedShapes::TexturedShapes(const ShapesConfig& config) : config_(config) {
  const int families = static_cast<int>(shapes::family_names().size());
  require(config.count >= 1, "count must be at least 1", config.count);
  require(config.size >= 8 && config.size <= 8192, "size must lie in 8 .. 8192 pixels", config.size);
  require(config.classes >= 1 && config.classes <= families, "there are 1 .. 10 classes", config.classes);
  require(config.objects >= 1 && config.objects <= 64, "objects must lie in 1 .. 64", config.objects);
  names_.assign(shapes::family_names().begin(), shapes::family_names().begin() + config.classes);
}

VITRAIL_FUNCTION Image TexturedShapes::image(int index, int) const { return scene(index).image; }

VITRAIL_FUNCTION std::string TexturedShapes::name(int index) const { return "shapes #" + std::to_string(index); }

VITRAIL_FUNCTION int TexturedShapes::label(int index) const {
  check_index(index);
  std::vector<int> order(names_.size());
  for (int i = 0; i < config_.classes; ++i) order[static_cast<std::size_t>(i)] = i;
  Random random = Random(config_.seed).stream(labels, static_cast<std::uint64_t>(index / config_.classes));
  random.shuffle(order.data(), config_.classes);
  return order[static_cast<std::size_t>(index % config_.classes)];
}

VITRAIL_FUNCTION Objects TexturedShapes::objects(int index) const {
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

VITRAIL_FUNCTION Scene TexturedShapes::scene(int index) const {
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

}  // namespace vitrail
