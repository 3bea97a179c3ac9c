// Trains a classifier on labelled images, from a pre-trained encoder or from scratch, and reports its accuracy on images that
// it has not seen. Writes config.json, log.jsonl, checkpoint.safetensors (to resume), classifier.safetensors and result.json to a run
// folder.
#include <cmath>
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/eval/classify.hpp>
#include <vitrail/io/training_log.hpp>
#include <vitrail/objectives/averaged.hpp>

#include "support/command_line.hpp"
#include "support/data.hpp"
#include "support/finetune_options.hpp"
#include "support/presets.hpp"
#include "support/result.hpp"
#include "support/run_folder.hpp"

using namespace vitrail;

namespace {

// Both pools, chosen at run time: a type for each would double what this program compiles. The mean's normalisation is there in both cases.
template <class Encoder> struct ChosenPool {
  MeanPool<Encoder> mean{};
  ClassTokenPool<Encoder> token{};
  bool class_token = false;

  constexpr auto operator()(const Value auto& features) const { return class_token ? token(features) : mean(features); }
  constexpr void visit(auto&& f) { mean.visit(f); }
};

// The preset's model with blocks that can be left out; --drop-path says how often.
constexpr ViTConfig droppable(ViTConfig config) {
  config.drop_path_percent = 10;
  return config;
}

// The names of the classes, a line for each, in the order of the head's rows.
std::string names_of(const ImageSet& images) {
  std::string text;
  for (const std::string& name : images.classes()) text += (text.empty() ? "" : "\n") + name;
  return text;
}

// Accuracies on images that training does not see: into the log, and on the screen.
template <class Classifier> struct Judge {
  Device& device;
  const ImageSet& images;
  LoaderConfig views;
  JsonlLog& log;
  int unreadable = 0;  // of the images, the last time

  double operator()(std::int64_t step, const Classifier& classifier, const char* name) {
    const Classification seen = classify<ValueType>(device, classifier, images, views);
    log.write({{"step", step}, {name, seen.accuracy}});
    say(std::string(name) + " " + percent(seen.accuracy) + " of " + std::to_string(seen.labels.size()) + " images");
    unreadable = images.size() - static_cast<int>(seen.labels.size());
    return seen.accuracy;
  }
};

template <class Encoder, int Classes>
int run(const FinetuneOptions& o, const Settings& settings, const ImageSet& train, const ImageSet& validation) {
  using Classifier = Supervised<Encoder, Classes, ChosenPool>;
  Device device(o.device.config());
  require_memory(device, cost<Averaged<Classifier>, ValueType>(o.batch).peak_bytes);
  Model<Averaged<Classifier>, Device, ValueType> model{device, o.random().stream(0xF17)};
  model->smoothing = o.smoothing;
  model->classes_used = model->average.target.classes_used = static_cast<int>(train.classes().size());
  model->pool.class_token = model->average.target.pool.class_token = o.pool != "mean";
  model->encoder.transformer.set_drop_path(o.drop_path);
  AdamW optimizer{model, {.weight_decay = o.weight_decay, .clip_norm = o.clip, .layer_decay = o.layer_decay}};
  RunFolder folder(o.out, {{"program", "vitrail finetune"}}, settings, o.fresh);
  folder.resume(model, optimizer, o.steps);
  if (!folder.resumed() && !o.encoder.empty()) load(o.encoder, model->encoder), model->start();
  const LoaderConfig views = o.training_views(Encoder::config);
  check_labels(validation, static_cast<int>(train.classes().size()));
  BatchLoader loader(train, views, optimizer.steps());
  JsonlLog& log = folder.begin(optimizer.steps());

  Judge<Classifier> judge{device, validation, evaluation_views(views, o.crop_ratio), log};
  const FitConfig config{.steps = o.steps, .seed = static_cast<std::uint64_t>(o.seed), .momentum_from = o.average, .momentum_to = o.average};
  const StepReport last = folder.fit(model, optimizer, o.schedule(), loader, config, o.checkpoint_every, log_to(log, 10), [&](const StepReport& r) {
    if (o.evaluates_after(r)) judge(r.step, *model, "validation_accuracy");
  });
  save(folder / "classifier.safetensors", static_cast<Classifier&>(*model), {{"preset", o.preset}, {"pool", o.pool}, {"classes", names_of(train)}});
  Result result;
  result.add("validation_accuracy", judge(o.steps, *model, "validation_accuracy"));
  result.add("validation_images", validation.size()).add("labels", train.size()).add("encoder", o.encoder).add("seed", o.seed);
  if (std::isfinite(last.loss)) result.add("training_loss", last.loss);
  if (o.average > 0) result.add("average_accuracy", judge(o.steps, model->average.target, "average_accuracy"));
  result.write(folder / "result.json");
  say_unreadable(loader), say_unreadable(judge.unreadable);
  return 0;
}

// The compiled model that the settings ask for: one of two heads, of which the images' classes are used.
template <class P> int run_preset(const FinetuneOptions& o, const Settings& settings, const ImageSet& train, const ImageSet& validation) {
  using Encoder = ViT<droppable(P::config)>;
  return train.classes().size() <= 10 ? run<Encoder, 10>(o, settings, train, validation) : run<Encoder, 1024>(o, settings, train, validation);
}

}  // namespace

int main(int argc, char** argv) {
  return guarded("finetune", [&] {
    FinetuneOptions options;
    Settings settings;
    declare(settings, options);
    CommandLine line("Fine-tunes a classifier on labelled images.", settings);
    const int code = line.parse(argc, argv);
    if (code >= 0) return code;
    options.take(recipe_named(options.recipe));
    line.parse(argc, argv);  // what the user gave wins over the recipe
    take_preset(settings, options.encoder);
    return with_preset(options.preset, [&](auto preset) {
      using P = decltype(preset);
      Images images = open_data(options.data, P::config.image, options.count, static_cast<std::uint64_t>(options.seed));
      const std::size_t classes = images.train->classes().size();
      if (classes < 2 || images.validation == nullptr)
        throw ConfigError("expected labelled images of at least two classes, found " + std::to_string(classes) + " in " + options.data +
                          "; put each class into a sub-folder of its own");
      if (classes > 1024)
        throw ConfigError("found " + std::to_string(classes) + " classes; this program is compiled for at most 1024");
      images.use(options.labels, options.random().stream(0x1AB));
      check_labels(*images.train, static_cast<int>(classes));
      options.resolve(settings, images.train->size());
      std::cout << options.preset << (options.encoder.empty() ? " from scratch, " : " from " + options.encoder + ", ") << images.description << "\n";
      options.print(images.train->size());
      return run_preset<P>(options, settings, *images.train, *images.validation);
    });
  });
}
