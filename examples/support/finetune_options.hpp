// The settings of fine-tuning: a recipe gives them all, and whatever the user names overrides it.
#pragma once
#include <string>

#include <vitrail/io/config.hpp>
#include <vitrail/train/loader.hpp>
#include <vitrail/train/recipes.hpp>
#include <vitrail/train/schedule.hpp>
#include <vitrail/vit/config.hpp>

#include "run_options.hpp"

// A few minutes on a CPU: nothing but crops and mirror images.
inline constexpr vitrail::Recipe recipe_quick{.epochs = 10, .warmup_epochs = 1, .batch = 64, .learning_rate = 5e-4, .clip_norm = 3,
                                              .smoothing = 0, .drop_path = 0, .mix = {}, .crop_ratio = 1};

const vitrail::Recipe& recipe_named(const std::string& name);

struct FinetuneOptions : RunOptions {
  std::string encoder, recipe = "quick", pool = "mean", augment = "basic";
  int count = 6000, labels = 0, repeats;
  double epochs, learning_rate = 0, minimum_rate, warmup_percent, weight_decay, clip, layer_decay, crop_min = 0.3, crop_ratio;
  double smoothing, drop_path, average, rand, erase, mixup, cutmix;

  FinetuneOptions();

  // Sets everything that a recipe says. Learning rate and steps of 0 stand for the recipe's, until batch and images are known.
  void take(const vitrail::Recipe& r);
  void resolve(const vitrail::Settings& settings, int images);

  vitrail::LoaderConfig training_views(const vitrail::ViTConfig& vit) const;
  vitrail::CosineSchedule schedule() const;

  // What is used, for the user to see.
  void print(int images) const;
};

void declare(vitrail::Settings& settings, FinetuneOptions& o);
