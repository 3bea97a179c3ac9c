// What tests of detectors share: a detector so small that a step takes milliseconds, and objects to learn.
#pragma once
#include "models.hpp"
#include "vitrail/objectives/mask_rcnn.hpp"

namespace detection {

inline constexpr vitrail::ViTConfig vit{.image = 32, .patch = 8, .dim = 16, .depth = 3, .heads = 2};
inline constexpr vitrail::DetectorConfig config{
    .classes = 3, .objects = 4, .width = 8, .hidden = 16, .proposals = 20, .per_level = 30, .regions = 16, .detections = 10};
using Detector = vitrail::MaskRcnn<vitrail::ViT<vit>, config>;

// An object of a view of 32 x 32 pixels whose mask is the pixels for which inside(x, y) says so.
template <class F> vitrail::ViewObject object(int label, const vitrail::Box& box, F inside) {
  vitrail::ViewObject out{label, box, std::vector<std::uint32_t>(32)};
  for (int i = 0; i < 1024; ++i)
    if (inside(i % 32, i / 32)) out.mask[static_cast<std::size_t>(i / 32)] |= std::uint32_t{1} << (i % 32);
  return out;
}
// One whose mask is its box.
inline vitrail::ViewObject full_object(int label, const vitrail::Box& box) {
  return object(label, box, [&](int x, int y) {
    const float u = static_cast<float>(x) + 0.5f, v = static_cast<float>(y) + 0.5f;
    return u > box.left && u < box.right && v > box.top && v < box.bottom;
  });
}
using ObjectsOfBatch = std::vector<std::vector<vitrail::ViewObject>>;

template <class Model> auto draw(const Model& model, vitrail::Sampler& sampler, const ObjectsOfBatch& objects) {
  const std::vector<int> labels(objects.size());
  return model->draw(sampler, static_cast<int>(objects.size()), vitrail::Labels{labels.data(), labels.data(), 1, objects.data()});
}

}  // namespace detection
