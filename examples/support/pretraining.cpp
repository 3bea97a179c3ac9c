#include "pretraining.hpp"

#include "result.hpp"

namespace pretraining {

void declare(Settings& settings, Options& o, const std::vector<std::string>& presets, Has has) {
  o.preset = presets.front();
  settings.add("data", o.data,
               "\"shapes\" for the built-in image set, or a folder: class sub-folders, flat, train/ and validation/, IDX or CIFAR files");
  settings.add("images", o.images, "training images to use, balanced over the classes where there are labels; 0: all", at_least(0));
  settings.add("out", o.out, "run folder, empty: runs/ and the name of the data; a run that was stopped goes on from its checkpoint there");
  settings.add("preset", o.preset, "the model", one_of(presets));
  settings.add("steps", o.steps, "optimiser steps", at_least(1));
  settings.add("batch", o.batch, "images per batch; by default no more than there are", at_least(2));
  settings.add("accumulate", o.accumulate, "batches per step", at_least(1));
  settings.add("learning_rate", o.learning_rate, "peak of the cosine schedule", above(0));
  settings.add("minimum_rate", o.minimum_rate, "its end", at_least(0));
  settings.add("warmup_percent", o.warmup_percent, "share of the steps that warm up", between(0, 100));
  settings.add("weight_decay", o.weight_decay, "of the weights of linear maps", at_least(0));
  settings.add("clip", o.clip, "largest norm of the gradient; 0 for none", at_least(0));
  if (has.words)
    settings.add("tokenizer", o.tokenizer,
                 "where the words come from: random directions, random patches of the images, or k-means of patches",
                 one_of({"projection", "patches", "kmeans"}));
  settings.add("augment", o.augment, "crop and flip, or also colour jitter, greyscale, blur and solarise", one_of({"basic", "strong"}));
  settings.add("crop_min", o.crop_min, "smallest share of the area that a random crop keeps", between(0.01, 1));
  settings.add("count", o.count, "images of the built-in set", at_least(10));
  if (has.gauge)
    settings.add("on_collapse", o.on_collapse, "when the teacher says the same of every image", one_of({"warn", "stop"}));
  settings.add("evaluate_images", o.evaluate_images, "training images that evaluation uses, at most", at_least(10));
  declare_run(settings, o, "k-NN evaluations");
}

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
  config.workers = o.workers, config.rendering = o.device.views_by();
  return config;
}

void write_result(const std::filesystem::path& path, const std::vector<ResultLine>& results, const std::filesystem::path& log_file,
                  std::span<const Term> terms) {
  Result out;
  for (const ResultLine& line : results) {
    out.add(line.name, line.pretrained);
    if (line.random >= 0) out.add("random: " + line.name, line.random);
  }
  const std::vector<LogRecord> log = read_log(log_file);
  for (const Term& term : terms) out.add(term.key, mean_of_last(log, term.key, 25));
  out.write(path);
}

}  // namespace pretraining
