// One pass over an image set without a tape: batches become tensors, and each batch's memory is given back before the
// next.
#pragma once
#include <cstdint>
#include <vector>

#include "../backends/plan.hpp"
#include "../tensor/tensor.hpp"
#include "../train/input_queue.hpp"

namespace vitrail {

// The views of an evaluation: each image once, in order, its central crop, unmixed. Statistics, filter, batch and size stay as
// they are in `training`. `crop_ratio` is the share of the shorter side that is kept (224 of 256 pixels in DINO's
// protocols); 1 keeps the whole of a square image.
inline LoaderConfig evaluation_views(LoaderConfig training, double crop_ratio = 0.875) {
  AugmentConfig still = augment_none();
  still.crop_ratio = crop_ratio;
  still.filter = training.augment.filter;
  still.statistics = training.augment.statistics;
  training.augment = still;
  training.views.clear();
  training.mix = {}, training.repeats = 1;
  training.rendering = Rendering::by_loader;
  training.shuffle = false;
  return training;
}

namespace detail {
template <class Images>
void check_views(const LoaderConfig& views) {
  if (views.shuffle)
    throw ConfigError(
        "evaluation: a shuffled loader never ends; give evaluation_views(config), or set shuffle = false");
  if (views.rendering == Rendering::by_device)
    throw ConfigError("evaluation: expected views that the loader renders, found Rendering::by_device; give evaluation_views(config)");
  check_images<Images>(views, "evaluation");
}

// Bytes that `use` takes for the values of a batch, found by running it on the device that only counts.
template <class Images, class T, class Use>
std::size_t planned_bytes(int batch, Use use) {
  Plan plan;
  Arena<Plan> arena{plan};
  use(Tensor<Images, Plan, T>{nullptr, &arena, Images(batch)});
  return arena.peak();
}
}  // namespace detail

// Calls f(batch, images) for every batch of one pass; images (B, C, I, I) is a Tensor, whose arena is empty again at
// the next call and holds `reserve` bytes from the start. Throws ConfigError if the loader shuffles or gives other
// images than `Images` says, and what BatchLoader throws.
template <class Images, class T, class Device, class F>
void evaluate_batches(Device& device, const ImageSet& set, const LoaderConfig& views, std::size_t reserve, F f) {
  detail::check_views<Images>(views);
  BatchLoader loader(set, views);
  Arena<Device> inputs{device}, values{device};
  values.reserve(reserve);
  for (const Batch* batch = &loader.next(); batch->size > 0; batch = &loader.next()) {
    inputs.reset(), values.reset();
    auto images = make_tensor<Images, T>(inputs, Images(batch->size));
    detail::upload_images(device, images.at, batch->images.data(), static_cast<std::size_t>(images.shape.size()));
    images.arena = &values;
    f(*batch, images);
  }
}

}  // namespace vitrail
