// Recipes of supervised training and fine-tuning, as constants: what the papers' tables say, and where they say nothing, our choice.
#pragma once
#include "augment/augment.hpp"
#include "augment/mix.hpp"

namespace vitrail {

// Everything about a supervised run but the model and the data. Rates are for batches of `batch` images; rate_for() scales them.
struct Recipe {
  double epochs = 300, warmup_epochs = 5;
  int batch = 1024;
  double learning_rate = 1e-3, minimum_rate = 1e-6;  // AdamW, half a cosine
  double weight_decay = 0.05, clip_norm = 0, layer_decay = 1;
  double smoothing = 0.1;  // of labels
  double drop_path = 0.1;  // at the last block
  double average = 0;      // decay of the weights' moving average per step; 0: none
  int repeats = 1;         // views of an image in a row
  AugmentConfig augment{};
  MixConfig mix{.mixup = 0.8, .cutmix = 1};
  double crop_ratio = 0.875;  // of evaluation

  // The peak of the rate for batches of another size: proportional to it (Goyal et al. 2017), as DeiT and BEiT scale theirs.
  constexpr double rate_for(int images) const { return learning_rate * images / batch; }
};

namespace detail {
constexpr AugmentConfig strong_augment(double magnitude, double erase) {
  AugmentConfig config;
  config.rand = {.operations = 2, .magnitude = magnitude};  // timm leaves colour jitter out where RandAugment is on
  config.erase = erase;
  return config;
}
}  // namespace detail

// Fine-tuning on the larger sets, iNaturalist-2018, iNaturalist-2019 and Food-101 (El-Nouby et al. 2021, table 9, left column). Our
// choice: erasing, the minimum of the rate, and that the rate is meant for batches of 1024.
inline constexpr Recipe recipe_large_sets{
    .epochs = 300, .warmup_epochs = 5, .batch = 1024, .learning_rate = 1.4e-4, .repeats = 3, .augment = detail::strong_augment(7, 0.25)};

// Fine-tuning on the smaller sets, Stanford Cars, Clipart, Painting and Sketch (table 9, right column). Our choice: no erasing, and as
// above.
inline constexpr Recipe recipe_small_sets{
    .epochs = 300, .warmup_epochs = 60, .batch = 1024, .learning_rate = 4e-3, .layer_decay = 0.65, .augment = detail::strong_augment(9, 0)};

// Training from scratch with labels (DeiT; Touvron et al. 2021, table 9 and the defaults of their code).
inline constexpr Recipe recipe_deit{.epochs = 300, .warmup_epochs = 5, .batch = 1024, .learning_rate = 1e-3, .minimum_rate = 1e-5,
                                    .average = 0.99996, .repeats = 3, .augment = detail::strong_augment(9, 0.25)};

}  // namespace vitrail
