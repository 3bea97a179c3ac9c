// Pre-trains a Vision Transformer with SplitMask on a folder of images or on the built-in shapes, and writes a run folder:
// config.json, log.jsonl, checkpoint.safetensors (to resume), encoder.safetensors (the result), report.html.
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/checkpoint.hpp>
#include <vitrail/io/progress.hpp>
#include <vitrail/io/training_log.hpp>
#include <vitrail/tokenizers/kmeans.hpp>
#include <vitrail/tokenizers/random_patches.hpp>
#include <vitrail/train/patches.hpp>

#include "support/command_line.hpp"
#include "support/data.hpp"
#include "support/device.hpp"
#include "support/evaluate.hpp"
#include "support/memory.hpp"
#include "support/presets.hpp"
#include "support/run_report.hpp"

using namespace vitrail;

namespace {

struct Options {
  DeviceOptions device;
  std::string data = "shapes", out, preset = preset_names()[0];
  std::string tokenizer = "patches", augment = "basic";
  std::int64_t steps = 500, checkpoint_every = 100, evaluate_every = 250;
  int count = 6000, batch = 64, accumulate = 1, workers = 1, evaluate_images = 2000;
  double learning_rate = 1e-3, minimum_rate = 1e-5, warmup_percent = 5, weight_decay = 0.05, clip = 3, crop_min = 0.3;
  double match_weight = 1, temperature = 0.2;
  std::int64_t seed = 0;
  bool fresh = false;
};

void declare(Settings& settings, Options& o) {
  settings.add("data", o.data, "\"shapes\" for the built-in image set, or a folder: class sub-folders, flat, train/ and validation/, IDX or CIFAR files");
  settings.add("out", o.out, "run folder, empty: runs/ and the name of the data; a run that was stopped goes on from its checkpoint there");
  settings.add("preset", o.preset, "the model", one_of(preset_names()));
  settings.add("steps", o.steps, "optimiser steps", at_least(1));
  settings.add("batch", o.batch, "images per batch; the matching loss needs at least 2", at_least(2));
  settings.add("accumulate", o.accumulate, "batches per step", at_least(1));
  settings.add("learning_rate", o.learning_rate, "peak of the cosine schedule", above(0));
  settings.add("minimum_rate", o.minimum_rate, "its end", at_least(0));
  settings.add("warmup_percent", o.warmup_percent, "share of the steps that warm up", between(0, 100));
  settings.add("weight_decay", o.weight_decay, "of the weights of linear maps", at_least(0));
  settings.add("clip", o.clip, "largest norm of the gradient; 0 for none", at_least(0));
  settings.add("match_weight", o.match_weight, "of the matching loss, beside inpainting", at_least(0));
  settings.add("temperature", o.temperature, "of the matching loss", above(0));
  settings.add("tokenizer", o.tokenizer, "where the words come from: random directions, random patches of the images, or k-means of patches",
               one_of({"projection", "patches", "kmeans"}));
  settings.add("augment", o.augment, "crop and flip, or also colour jitter, greyscale, blur and solarise", one_of({"basic", "strong"}));
  settings.add("crop_min", o.crop_min, "smallest share of the area that a random crop keeps", between(0.01, 1));
  settings.add("count", o.count, "images of the built-in set", at_least(10));
  settings.add("seed", o.seed, "of everything random", at_least(0));
  declare_device(settings, o.device);
  settings.add("workers", o.workers, "threads that read and augment images", at_least(1));
  settings.add("checkpoint_every", o.checkpoint_every, "steps", at_least(1));
  settings.add("evaluate_every", o.evaluate_every, "steps between k-NN evaluations; 0 for none before the end", at_least(0));
  settings.add("evaluate_images", o.evaluate_images, "training images that evaluation uses, at most", at_least(10));
  settings.add("fresh", o.fresh, "start over even if the run folder has a checkpoint");
}

// runs/shapes, or runs/photos for any/path/photos/: data of another name never meets the checkpoint of a run before.
std::string run_folder(const std::string& data) {
  const std::filesystem::path path = std::filesystem::absolute(data).lexically_normal();
  const std::filesystem::path name = path.has_filename() ? path.filename() : path.parent_path().filename();
  return (std::filesystem::path("runs") / (name.empty() ? "root" : name)).string();
}

LoaderConfig loader_config(const Options& o, const ViTConfig& vit) {
  LoaderConfig config{.batch = o.batch, .size = vit.image, .channels = vit.channels};
  if (o.augment == "strong") config.augment = augment_small_data();
  config.augment.range.scale_min = o.crop_min;
  config.seed = static_cast<std::uint64_t>(o.seed);
  config.workers = o.workers;
  return config;
}

// Builds the codebook, unless it is to stay random.
template <class Objective>
void fill_codebook(Cpu& device, Objective& objective, const Options& o, const ImageSet& images, const LoaderConfig& views) {
  constexpr TokenizerConfig config = decltype(objective.tokenizer)::config;
  if (o.tokenizer == "projection") return;
  const Random random = Random(static_cast<std::uint64_t>(o.seed)).stream(0xC0DE);
  const int count = std::max(20'000, 4 * config.vocabulary);
  const std::vector<float> patches = sample_patches(images, config, views, count, random.stream(1));
  objective.tokenizer.assign(o.tokenizer == "patches" ? random_patches(patches, config.values(), config.vocabulary, random.stream(2))
                                                      : kmeans(device, patches, config.values(), config.vocabulary, random.stream(2)));
}

// The settings that a checkpoint must share with the run that goes on from it.
Metadata identity(const Settings& settings) {
  Metadata out{{"program", "vitrail pretrain"}};
  for (const Setting& setting : settings.all())
    for (const char* name : {"data", "preset", "steps", "batch", "accumulate", "learning_rate", "minimum_rate", "warmup_percent", "weight_decay", "clip",
                             "match_weight", "temperature", "tokenizer", "augment", "crop_min", "count", "seed", "precision"})
      if (setting.name() == name) out[name] = setting.text();
  return out;
}

void check_resumable(const std::filesystem::path& path, const Metadata& found, const Metadata& wanted) {
  for (const auto& [key, value] : wanted) {
    const auto other = found.find(key);
    if (other == found.end() || other->second != value)
      throw ConfigError("the checkpoint in " + path.parent_path().string() + " was made with " + key + " = " +
                        (other == found.end() ? "(none)" : other->second) + ", this run has " + value +
                        "; choose another --out, the same settings, or --fresh to start over");
  }
}

template <class P> int run(const Options& o, const Settings& settings) {
  const std::filesystem::path folder = o.out;
  require_memory(cost<typename P::Pretext>(o.batch).peak_bytes);
  const Images images = open_data(o.data, P::config.image, o.count, static_cast<std::uint64_t>(o.seed));
  std::filesystem::create_directories(folder);
  std::cout << o.preset << ", " << images.description << "\n";

  using Pretext = typename P::Pretext;
  const Cost needed = cost<Pretext>(o.batch);
  std::cout << "parameters " << needed.parameters << ", memory of a step " << needed.peak_bytes / 1'000'000 << " MB, "
            << static_cast<double>(needed.forward_flops + needed.backward_flops) * 1e-9 << " GFLOP per batch\n";
  Cpu device(o.device.config());
  Model<Pretext, Cpu> model{device, Random(static_cast<std::uint64_t>(o.seed)).stream(0x1417)};
  model->match_weight = o.match_weight, model->temperature = o.temperature;
  AdamW optimizer{model, {.weight_decay = o.weight_decay, .clip_norm = o.clip}};
  const LoaderConfig views = loader_config(o, P::config);

  const Metadata mine = identity(settings);
  const std::filesystem::path checkpoint = folder / "checkpoint.safetensors";
  const bool resumed = !o.fresh && std::filesystem::exists(checkpoint);
  if (resumed) {
    check_resumable(checkpoint, SafetensorsFile::read(checkpoint).metadata(), mine);
    load_training(checkpoint, model, optimizer);
    std::cout << "goes on from step " << optimizer.steps() << " of " << o.steps << "\n";
  } else {
    std::filesystem::remove(folder / "log.jsonl");
    fill_codebook(device, *model, o, *images.train, views);
  }
  settings.save(folder / "config.json");
  JsonlLog log(folder / "log.jsonl");
  log.resume_at(optimizer.steps());

  Evaluation<P> evaluation(device, images, o.evaluate_images, o.workers);
  if (!resumed) evaluation.start(*model, views, *images.train, log);
  BatchLoader loader(*images.train, views, optimizer.steps() * o.accumulate);
  const CosineSchedule rate{.peak = o.learning_rate, .minimum = o.minimum_rate,
                            .warmup = static_cast<std::int64_t>(static_cast<double>(o.steps) * o.warmup_percent / 100), .steps = o.steps};
  const FitConfig fit_config{.steps = o.steps, .accumulate = o.accumulate, .seed = static_cast<std::uint64_t>(o.seed)};
  fit(model, optimizer, rate, loader, fit_config, progress_bar(std::cout, 1), log_to(log),
      [&](const StepReport& r) {
        if (o.evaluate_every > 0 && r.step % o.evaluate_every == 0 && !r.last()) evaluation.during(*model, r.step, log);
      },
      every(o.checkpoint_every, [&](const StepReport&) { save_training(checkpoint, model, optimizer, mine); }));

  save(folder / "encoder.safetensors", model->encoder, {{"preset", o.preset}});
  const auto results = evaluation.finish(*model, o.steps, log, folder / "log.jsonl");
  for (const auto& line : results) std::cout << line.text() << "\n";
  if (results.empty()) std::cout << "no classes to evaluate with: put each class into a sub-folder of its own to see accuracies\n";
  write_run_report<P>(folder, settings, device, *model, images, results, static_cast<std::uint64_t>(o.seed));
  if (loader.unreadable() > 0)
    std::cout << loader.unreadable() << " images could not be read and were replaced by others; the first: " << loader.first_unreadable() << "\n";
  std::cout << "report: " << (folder / "report.html").string() << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return guarded("pretrain", [&] {
    Options options;
    Settings settings;
    declare(settings, options);
    CommandLine line("Pre-trains a Vision Transformer with SplitMask, without labels.", settings);
    const int code = line.parse(argc, argv);
    if (code >= 0) return code;
    if (options.out.empty()) options.out = run_folder(options.data);
    return with_preset(options.preset, [&](auto preset) { return run<decltype(preset)>(options, settings); });
  });
}
