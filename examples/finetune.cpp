// Trains a classifier on labelled images, from a pre-trained encoder or from scratch, and reports its accuracy on images that
// it has not seen. Writes config.json, log.jsonl, classifier.safetensors and result.json to a run folder.
#include <iostream>
#include <nlohmann/json.hpp>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/eval/classify.hpp>
#include <vitrail/io/checkpoint.hpp>
#include <vitrail/io/progress.hpp>
#include <vitrail/io/training_log.hpp>
#include <vitrail/objectives/cost.hpp>

#include "support/command_line.hpp"
#include "support/data.hpp"
#include "support/device.hpp"
#include "support/memory.hpp"
#include "support/presets.hpp"

using namespace vitrail;

namespace {

struct Options {
  DeviceOptions device;
  std::string data = "shapes", encoder, out = "runs/finetune", preset = preset_names()[0], augment = "basic";
  std::int64_t steps = 400, evaluate_every = 0, seed = 0;
  int count = 6000, labels = 0, batch = 64, workers = 1;
  double learning_rate = 5e-4, minimum_rate = 1e-6, warmup_percent = 10, weight_decay = 0.05, clip = 3, crop_min = 0.3;
};

void declare(Settings& settings, Options& o) {
  settings.add("data", o.data, "\"shapes\" for the built-in image set, or a folder of labelled images");
  settings.add("encoder", o.encoder, "encoder.safetensors of a pre-training; empty: from scratch");
  settings.add("out", o.out, "run folder");
  settings.add("preset", o.preset, "the model; must be the encoder's", one_of(preset_names()));
  settings.add("labels", o.labels, "labelled training images to use, balanced over the classes; 0: all", at_least(0));
  settings.add("steps", o.steps, "optimiser steps", at_least(1));
  settings.add("batch", o.batch, "images per step", at_least(1));
  settings.add("learning_rate", o.learning_rate, "peak of the cosine schedule", above(0));
  settings.add("minimum_rate", o.minimum_rate, "its end", at_least(0));
  settings.add("warmup_percent", o.warmup_percent, "share of the steps that warm up", between(0, 100));
  settings.add("weight_decay", o.weight_decay, "of the weights of linear maps", at_least(0));
  settings.add("clip", o.clip, "largest norm of the gradient; 0 for none", at_least(0));
  settings.add("augment", o.augment, "crop and flip, or also colour jitter, greyscale, blur and solarise", one_of({"basic", "strong"}));
  settings.add("crop_min", o.crop_min, "smallest share of the area that a random crop keeps", between(0.01, 1));
  settings.add("count", o.count, "images of the built-in set", at_least(10));
  settings.add("seed", o.seed, "of everything random", at_least(0));
  declare_device(settings, o.device);
  settings.add("workers", o.workers, "threads that read and augment images", at_least(1));
  settings.add("evaluate_every", o.evaluate_every, "steps between evaluations; 0: only at the end", at_least(0));
}

template <class P, int Classes> int run(const Options& o, const Settings& settings, const Images& images) {
  const std::filesystem::path folder = o.out;
  std::filesystem::create_directories(folder);
  std::filesystem::remove(folder / "log.jsonl");
  settings.save(folder / "config.json");
  std::shared_ptr<const ImageSet> train = images.train;
  if (o.labels > 0 && o.labels < train->size()) {
    std::vector<int> chosen = balanced_order(*train, Random(static_cast<std::uint64_t>(o.seed)).stream(0x1AB));
    chosen.resize(static_cast<std::size_t>(o.labels));
    train = std::make_shared<Subset>(train, std::move(chosen));
  }
  std::cout << o.preset << (o.encoder.empty() ? " from scratch, " : " from " + o.encoder + ", ") << images.description << ", " << train->size()
            << " labels used\n";

  using Classifier = Supervised<typename P::Encoder, Classes>;
  require_memory(cost<Classifier>(o.batch).peak_bytes);
  Cpu device(o.device.config());
  Model<Classifier, Cpu> model{device, Random(static_cast<std::uint64_t>(o.seed)).stream(0xF17)};
  if (!o.encoder.empty()) load(o.encoder, model->encoder);
  AdamW optimizer{model, {.weight_decay = o.weight_decay, .clip_norm = o.clip}};
  LoaderConfig views{.batch = o.batch, .size = P::config.image, .channels = P::config.channels};
  if (o.augment == "strong") views.augment = augment_small_data();
  views.augment.range.scale_min = o.crop_min;
  views.seed = static_cast<std::uint64_t>(o.seed), views.workers = o.workers;
  LoaderConfig plain = views;
  plain.augment = augment_none(), plain.augment.crop_ratio = 1, plain.shuffle = false;

  JsonlLog log(folder / "log.jsonl");
  BatchLoader loader(*train, views);
  const CosineSchedule rate{.peak = o.learning_rate, .minimum = o.minimum_rate,
                            .warmup = static_cast<std::int64_t>(static_cast<double>(o.steps) * o.warmup_percent / 100), .steps = o.steps};
  const auto accuracy = [&](std::int64_t step) {
    const double share = classify_accuracy(model, *images.validation, plain);
    log.write({{"step", step}, {"validation_accuracy", share}});
    return share;
  };
  const StepReport last = fit(model, optimizer, rate, loader, {.steps = o.steps, .seed = static_cast<std::uint64_t>(o.seed)},
                              progress_bar(std::cout, 1), log_to(log, 10), [&](const StepReport& r) {
                                if (o.evaluate_every > 0 && r.step % o.evaluate_every == 0 && !r.last()) accuracy(r.step);
                              });
  save(folder / "classifier.safetensors", *model, {{"preset", o.preset}});
  const double share = accuracy(o.steps);
  const nlohmann::ordered_json result{{"validation_accuracy", share}, {"validation_images", images.validation->size()},
                                      {"labels", train->size()}, {"training_loss", last.loss}, {"encoder", o.encoder}, {"seed", o.seed}};
  write_atomically(folder / "result.json", result.dump(2) + "\n");
  std::cout << "validation accuracy " << 100 * share << " % of " << images.validation->size() << " images\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return guarded("finetune", [&] {
    Options options;
    Settings settings;
    declare(settings, options);
    CommandLine line("Fine-tunes a classifier on labelled images.", settings);
    const int code = line.parse(argc, argv);
    if (code >= 0) return code;
    return with_preset(options.preset, [&](auto preset) {
      using P = decltype(preset);
      const Images images = open_data(options.data, P::config.image, options.count, static_cast<std::uint64_t>(options.seed));
      const std::size_t classes = images.train->classes().size();
      if (classes < 2 || images.validation == nullptr)
        throw ConfigError("expected labelled images of at least two classes, found " + std::to_string(classes) + " in " + options.data +
                          "; put each class into a sub-folder of its own");
      if (classes <= 16) return run<P, 16>(options, settings, images);
      if (classes <= 1024) return run<P, 1024>(options, settings, images);
      throw ConfigError("found " + std::to_string(classes) + " classes; this program is compiled for at most 1024");
    });
  });
}
