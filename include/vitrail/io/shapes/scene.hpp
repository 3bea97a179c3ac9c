// A picture composed of a textured ground, clutter and shapes, with the box and the mask of every shape.
#pragma once
#include <cstdint>

#include "../../tensor/image.hpp"
#include "outline.hpp"
#include "texture.hpp"

namespace vitrail {

// One shape of a scene. The box is the smallest that holds the mask; the mask holds what other things do not hide.
struct SceneObject {
  int label = 0;                            // an index of shapes::family_names()
  int x = 0, y = 0, width = 0, height = 0;  // pixels
  std::vector<std::uint8_t> mask{};         // (image.height, image.width): 1 where the shape is visible
};

struct Scene {
  Image image{};
  std::vector<SceneObject> objects{};  // the first is the one that names the image
};

namespace shapes {

// Paints layer over layer on a square ground, and keeps the masks of the objects painted so far up to date.
class SceneCanvas {
 public:
  SceneCanvas(int size, const Texture& ground) : size_(size), pixels_(static_cast<std::size_t>(size * size)) {
    for (int y = 0; y < size; ++y)
      for (int x = 0; x < size; ++x) pixels_[index(x, y)] = ground.at(middle(x), middle(y), 1.0 / size);
  }

  // Outlines are in shares of the picture's side.
  void paint_clutter(const Outline& outline, const Texture& texture) { hide(paint(outline, texture)); }
  void paint_object(int label, const Outline& outline, const Texture& texture) {
    const Coverage covered = paint(outline, texture);
    hide(covered);
    SceneObject object{label};
    object.mask.resize(pixels_.size());
    each_inside(covered, [&](std::size_t at) { object.mask[at] = 1; });
    objects_.push_back(std::move(object));
  }

  // Light that falls off across the picture: 1 - strength .. 1 + strength from one side to the other.
  void light(double strength, double angle) {
    for (int y = 0; y < size_; ++y)
      for (int x = 0; x < size_; ++x) {
        const double along = (middle(x) - 0.5) * std::cos(angle) + (middle(y) - 0.5) * std::sin(angle);
        const float factor = static_cast<float>(1 + 2 * strength * along);
        Colour& pixel = pixels_[index(x, y)];
        pixel = {pixel.red * factor, pixel.green * factor, pixel.blue * factor};
      }
  }

  // The picture in 8 bits and its objects; a hidden object keeps its empty mask only if it is the first.
  Scene finish() {
    Scene scene{Image(size_, size_, 3), {}};
    const auto bits = [](float x) { return static_cast<std::uint8_t>(std::clamp(x, 0.0f, 1.0f) * 255 + 0.5f); };
    std::uint8_t* out = scene.image.pixels.data();
    for (const Colour& pixel : pixels_) *out++ = bits(pixel.red), *out++ = bits(pixel.green), *out++ = bits(pixel.blue);
    for (SceneObject& object : objects_) {
      fit_box(object);
      if (object.width > 0 || &object == objects_.data()) scene.objects.push_back(std::move(object));
    }
    return scene;
  }

 private:
  std::size_t index(int x, int y) const { return static_cast<std::size_t>(y * size_ + x); }
  double middle(int x) const { return (x + 0.5) / size_; }

  Coverage paint(Outline outline, const Texture& texture) {
    for (auto& contour : outline)
      for (Point& p : contour) p = {p.x * size_, p.y * size_};
    Coverage covered = cover(outline, size_, size_);
    const float* share = covered.shares.data();
    for (int y = covered.y; y < covered.y + covered.height; ++y)
      for (int x = covered.x; x < covered.x + covered.width; ++x, ++share) {
        if (*share <= 0) continue;
        Colour& pixel = pixels_[index(x, y)];
        pixel = mix(pixel, texture.at(middle(x), middle(y), 1.0 / size_), *share);
      }
    return covered;
  }

  // Calls f(index) for every pixel that is at least half covered.
  template <class F>
  void each_inside(const Coverage& covered, F&& f) const {
    const float* share = covered.shares.data();
    for (int y = covered.y; y < covered.y + covered.height; ++y)
      for (int x = covered.x; x < covered.x + covered.width; ++x, ++share)
        if (*share >= 0.5f) f(index(x, y));
  }
  void hide(const Coverage& covered) {
    for (SceneObject& object : objects_) each_inside(covered, [&](std::size_t at) { object.mask[at] = 0; });
  }

  void fit_box(SceneObject& object) const {
    int left = size_, right = -1, top = size_, bottom = -1;
    for (int y = 0; y < size_; ++y)
      for (int x = 0; x < size_; ++x)
        if (object.mask[index(x, y)] != 0) {
          left = std::min(left, x), right = std::max(right, x);
          top = std::min(top, y), bottom = std::max(bottom, y);
        }
    if (right >= 0) object.x = left, object.y = top, object.width = right - left + 1, object.height = bottom - top + 1;
  }

  int size_;
  std::vector<Colour> pixels_;
  std::vector<SceneObject> objects_{};
};

}  // namespace shapes
}  // namespace vitrail
