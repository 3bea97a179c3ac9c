#include "finetune_options.hpp"

#include <cmath>
#include <cstdio>
#include <iostream>

#include "presets.hpp"

const vitrail::Recipe& recipe_named(const std::string& name) {
  if (name == "large_sets") return vitrail::recipe_large_sets;
  if (name == "small_sets") return vitrail::recipe_small_sets;
  return name == "deit" ? vitrail::recipe_deit : recipe_quick;
}

FinetuneOptions::FinetuneOptions() {
  preset = preset_names()[0], out = "runs/finetune", steps = 400;
  take(recipe_quick);
}

void FinetuneOptions::take(const vitrail::Recipe& r) {
  batch = r.batch, repeats = r.repeats, epochs = r.epochs;
  minimum_rate = r.minimum_rate, warmup_percent = 100 * r.warmup_epochs / r.epochs, weight_decay = r.weight_decay, clip = r.clip_norm;
  layer_decay = r.layer_decay, crop_ratio = r.crop_ratio, smoothing = r.smoothing, drop_path = r.drop_path, average = r.average;
  rand = r.augment.rand.operations > 0 ? r.augment.rand.magnitude : 0, erase = r.augment.erase, mixup = r.mix.mixup, cutmix = r.mix.cutmix;
  if (&r == &recipe_quick) return;
  steps = 0, crop_min = r.augment.range.scale_min, pool = recipe == "deit" ? "class_token" : "mean";
}

void FinetuneOptions::resolve(const vitrail::Settings& settings, int images) {
  fit_batch(settings, images);
  if (steps == 0) steps = std::max<std::int64_t>(1, std::llround(epochs * images / batch));
  if (learning_rate == 0) learning_rate = recipe_named(recipe).rate_for(batch);
}

vitrail::LoaderConfig FinetuneOptions::training_views(const vitrail::ViTConfig& vit) const {
  vitrail::LoaderConfig views{.batch = batch, .size = vit.image, .channels = vit.channels};
  if (augment == "strong") views.augment = vitrail::augment_small_data();
  views.augment.range.scale_min = crop_min;
  if (rand > 0) views.augment.rand = {.operations = 2, .magnitude = rand};
  views.augment.erase = erase, views.mix = {.mixup = mixup, .cutmix = cutmix}, views.repeats = repeats;
  views.seed = static_cast<std::uint64_t>(seed), views.workers = workers, views.rendering = device.views_by();
  return views;
}

vitrail::CosineSchedule FinetuneOptions::schedule() const {
  return {.peak = learning_rate,
          .minimum = minimum_rate,
          .warmup = static_cast<std::int64_t>(static_cast<double>(steps) * warmup_percent / 100),
          .steps = steps};
}

void FinetuneOptions::print(int images) const {
  char text[700];
  std::snprintf(
      text, sizeof text,
      "recipe %s: %lld steps of %d images (%.3g epochs), rate %.3g to %.3g after %.3g %% warm-up, layer decay %g, weight decay %g, clip "
      "%g\n"
      "  %s; label smoothing %g, drop path %g, RandAugment %g, mixup %g, CutMix %g, erasing %g, crops from %g, %d views in a row\n"
      "  evaluation: central crop of %g, average of weights %g\n",
      recipe.c_str(), static_cast<long long>(steps), batch, static_cast<double>(steps) * batch / images, learning_rate, minimum_rate,
      warmup_percent, layer_decay, weight_decay, clip, pool == "mean" ? "mean of patches" : "class token", smoothing, drop_path, rand,
      mixup, cutmix, erase, crop_min, repeats, crop_ratio, average);
  std::cout << text;
}

void declare(vitrail::Settings& settings, FinetuneOptions& o) {
  using namespace vitrail;
  settings.add("data", o.data, "\"shapes\" for the built-in image set, or a folder of labelled images");
  settings.add("encoder", o.encoder, "encoder.safetensors of a pre-training; empty: from scratch");
  settings.add("out", o.out, "run folder; a run that was stopped goes on from its checkpoint there");
  settings.add("preset", o.preset, "the model; by default the encoder's", one_of(preset_names()));
  settings.add("recipe", o.recipe,
               "what all other settings are unless they are given: a quick run, the paper's for large and small sets, DeiT's",
               one_of({"quick", "large_sets", "small_sets", "deit"}));
  settings.add("pool", o.pool, "what the classifier reads: patches for SplitMask, BEiT, MAE; the class token for DINO, MoCo v3, DeiT",
               one_of({"mean", "class_token"}));
  settings.add("labels", o.labels, "labelled training images to use, balanced over the classes; 0: all", at_least(0));
  settings.add("steps", o.steps, "optimiser steps; 0: from the epochs", at_least(0));
  settings.add("epochs", o.epochs, "passes over the images, where steps is 0", above(0));
  settings.add("batch", o.batch, "images per step; by default no more than there are", at_least(1));
  settings.add("learning_rate", o.learning_rate, "peak of the cosine schedule; 0: the recipe's, in proportion to the batch", at_least(0));
  settings.add("minimum_rate", o.minimum_rate, "its end", at_least(0));
  settings.add("warmup_percent", o.warmup_percent, "share of the steps that warm up", between(0, 100));
  settings.add("weight_decay", o.weight_decay, "of the weights of linear maps", at_least(0));
  settings.add("layer_decay", o.layer_decay, "factor of the learning rate from each layer to the one before it", between(0.01, 1));
  settings.add("clip", o.clip, "largest norm of the gradient; 0 for none", at_least(0));
  settings.add("smoothing", o.smoothing, "of labels", between(0, 0.99));
  settings.add("drop_path", o.drop_path, "probability that the last block is left out; grows linearly over the blocks", between(0, 0.99));
  settings.add("average", o.average, "decay of a moving average of the weights, which is evaluated too; 0: none", between(0, 1));
  settings.add("augment", o.augment, "crop and flip, or also colour jitter, greyscale, blur and solarise", one_of({"basic", "strong"}));
  settings.add("rand", o.rand, "magnitude of RandAugment; 0: off", between(0, 10));
  settings.add("mixup", o.mixup, "alpha of mixup; 0: off", at_least(0));
  settings.add("cutmix", o.cutmix, "alpha of CutMix; 0: off", at_least(0));
  settings.add("erase", o.erase, "probability that a box is erased", between(0, 1));
  settings.add("repeats", o.repeats, "views of each image in a row (repeated augmentation)", at_least(1));
  settings.add("crop_min", o.crop_min, "smallest share of the area that a random crop keeps", between(0.01, 1));
  settings.add("crop_ratio", o.crop_ratio, "share of the shorter side that evaluation looks at", between(0.1, 1));
  settings.add("count", o.count, "images of the built-in set", at_least(10));
  declare_run(settings, o, "evaluations");
}
