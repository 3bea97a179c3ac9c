// The settings of detection.
#pragma once
#include <vitrail/io/coco.hpp>
#include <vitrail/io/config.hpp>
#include <vitrail/train/loader.hpp>
#include <vitrail/train/schedule.hpp>
#include <vitrail/vit/config.hpp>

#include "run_options.hpp"

struct DetectOptions : RunOptions {
  std::string encoder;
  int count = 4000, images = 0, objects = 4, warmup = 50;
  double learning_rate = 1e-3, weight_decay = 0.05, drop_path = 0.05, crop_min = 0.4, clip = 10, layer_decay = 1;

  DetectOptions() { out = "runs/detect", steps = 1500, checkpoint_every = 250, batch = 8; }

  vitrail::LoaderConfig training_views(const vitrail::ViTConfig& vit) const {
    vitrail::LoaderConfig views{.batch = batch, .size = vit.image, .channels = vit.channels, .objects = true};
    views.augment.range = {.scale_min = crop_min, .scale_max = 1};
    views.seed = static_cast<std::uint64_t>(seed), views.workers = workers, views.rendering = device.views_by();
    return views;
  }
  // The paper's shares of a run, at this program's rate.
  vitrail::StepSchedule schedule() const { return vitrail::StepSchedule::of(learning_rate, warmup, steps); }
};

void declare(vitrail::Settings& settings, DetectOptions& o, const std::vector<std::string>& presets);

// Annotated pictures to learn from and others to be judged by.
struct AnnotatedImages {
  std::shared_ptr<const vitrail::ObjectSet> train, validation;
  std::shared_ptr<const vitrail::CocoImages> coco;  // the validation pictures, where they are a COCO data set of their own
  std::string description;

  // Keeps `count` of the training pictures, drawn at random; 0: all.
  void use(int count, vitrail::Random random);
};
AnnotatedImages open_annotated(const DetectOptions& o, int size);
