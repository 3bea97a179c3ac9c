// Pre-training by any method: options, run folder, resuming, evaluation, report. A program names its method and calls pretrain().
//
//   struct Method {
//     static constexpr const char* title = "SplitMask";           // in the report
//     template <class P> using Pretext = ...;                      // the objective, for a preset
//     static constexpr std::array terms{Term{...}};                // what its loss reports, for the charts
//     void declare(Settings& settings);                            // its own settings
//     template <class Objective> void set(Objective& o, std::int64_t steps) const;     // gives them to the objective
//     template <class Objective> void views(LoaderConfig& loader) const;              // optional: several views of each image
//     void training(FitConfig& fit, double weight_decay) const;                       // optional: schedules
//     static constexpr Clipping clipping = Clipping::each;                            // optional: of the gradients
//     static constexpr const char* gauge = "teacher_variance";                        // optional: a term that falls to 0 in a collapse
//   };
#pragma once
#include <iostream>

#include <vitrail/io/checkpoint.hpp>
#include <vitrail/io/training_log.hpp>
#include <vitrail/tokenizers/kmeans.hpp>
#include <vitrail/tokenizers/random_patches.hpp>
#include <vitrail/train/patches.hpp>
#include <vitrail/train/watch_collapse.hpp>

#include "command_line.hpp"
#include "data.hpp"
#include "evaluate.hpp"
#include "presets.hpp"
#include "run_folder.hpp"
#include "run_options.hpp"
#include "run_report.hpp"

namespace pretraining {

using namespace vitrail;

struct Options : RunOptions {
  std::string tokenizer = "patches", augment = "basic", on_collapse = "warn";
  int count = 6000, images = 0, accumulate = 1, evaluate_images = 2000;
  double learning_rate = 1e-3, minimum_rate = 1e-5, warmup_percent = 5, weight_decay = 0.05, clip = 3, crop_min = 0.3;

  Options() { steps = 500, evaluate_every = 250; }
};

// Which settings a method has that others have not: of words to predict, of a teacher that may collapse.
struct Has {
  bool words, gauge;
};
void declare(Settings& settings, Options& o, const std::vector<std::string>& presets, Has has);

// runs/shapes, or runs/photos for any/path/photos/: data of another name never meets the checkpoint of a run before.
std::string run_folder(const std::string& data);

LoaderConfig loader_config(const Options& o, const ViTConfig& vit);

// Builds the codebook, unless it is to stay random.
template <class Objective> void fill_codebook(Cpu& host, Objective& objective, const Options& o, const ImageSet& images, const LoaderConfig& views) {
  if (o.tokenizer == "projection") return;
  constexpr TokenizerConfig config = decltype(objective.tokenizer)::config;
  const Random random = o.random().stream(0xC0DE);
  const int count = std::max(20'000, 4 * config.vocabulary);
  const std::vector<float> patches = sample_patches(images, config, views, count, random.stream(1));
  objective.tokenizer.assign(o.tokenizer == "patches" ? random_patches(patches, config.values(), config.vocabulary, random.stream(2))
                                                      : kmeans(host, patches, config.values(), config.vocabulary, random.stream(2)));
}

// What a run came to: its read-outs, and the parts of its loss, means of the last 25 steps.
void write_result(const std::filesystem::path& path, const std::vector<ResultLine>& results, const std::filesystem::path& log_file, std::span<const Term> terms);

// Tells about a collapse, or stops the run; for methods that have no gauge, nothing.
template <class Method> auto collapse_gauge(bool stop) {
  if constexpr (requires { Method::gauge; })
    return watch_collapse({.term = Method::gauge}, [stop](const std::string& sentence) {
      if (stop) throw NumericError(sentence);
      std::cerr << "pretrain: " << sentence << "\n";
    });
  else return [](const StepReport&) {};
}

template <class P, class Method> int run(const Method& method, Options& o, const Settings& settings) {
  using Pretext = typename Method::template Pretext<P>;
  Device device(o.device.config());
  const Host host(device, o.device);
  Images images = open_data(o.data, P::config.image, o.count, static_cast<std::uint64_t>(o.seed));
  images.use(o.images, o.random().stream(0x5B5E));
  o.fit_batch(settings, images.train->size(), 2);
  const Cost needed = cost<Pretext, ValueType>(o.batch);
  require_memory(device, needed.peak_bytes);
  std::cout << o.preset << ", " << images.description << "\n";

  std::cout << "parameters " << needed.parameters << ", memory of a step " << needed.peak_bytes / 1'000'000 << " MB, "
            << static_cast<double>(needed.forward_flops + needed.backward_flops) * 1e-9 << " GFLOP per batch\n";
  Model<Pretext, Device, ValueType> model{device, o.random().stream(0x1417)};
  method.set(*model, o.steps);
  AdamWConfig adamw{.weight_decay = o.weight_decay, .clip_norm = o.clip};
  if constexpr (requires { Method::clipping; }) adamw.clipping = Method::clipping;
  AdamW optimizer{model, adamw};
  LoaderConfig views = loader_config(o, P::config);
  if constexpr (requires { method.template views<Pretext>(views); }) method.template views<Pretext>(views);

  RunFolder folder(o.out, {{"program", "vitrail pretrain"}, {"method", Method::title}}, settings, o.fresh);
  folder.resume(model, optimizer, o.steps);
  BatchLoader loader(*images.train, views, optimizer.steps() * o.accumulate);  // before anything is written: it may refuse the images
  if constexpr (requires { model->tokenizer; })
    if (!folder.resumed()) fill_codebook(host.cpu(), *model, o, *images.train, views);
  JsonlLog& log = folder.begin(optimizer.steps());

  Evaluation evaluation(device, host.cpu(), images, P::config, o.evaluate_images, o.workers);
  if (!folder.resumed()) evaluation.start(*model, views, *images.train, log);
  const CosineSchedule rate{.peak = o.learning_rate, .minimum = o.minimum_rate,
                            .warmup = static_cast<std::int64_t>(static_cast<double>(o.steps) * o.warmup_percent / 100), .steps = o.steps};
  FitConfig fit_config{.steps = o.steps, .accumulate = o.accumulate, .seed = static_cast<std::uint64_t>(o.seed)};
  if constexpr (requires { method.training(fit_config, o.weight_decay); }) method.training(fit_config, o.weight_decay);
  folder.fit(model, optimizer, rate, loader, fit_config, o.checkpoint_every, log_to(log), collapse_gauge<Method>(o.on_collapse == "stop"),
             [&](const StepReport& r) {
               if (o.evaluates_after(r)) evaluation.during(*model, r.step, log);
             });

  save(folder / "encoder.safetensors", model->encoder, {{"preset", o.preset}});
  const auto results = evaluation.finish(*model, o.steps, log, folder.log_file());
  for (const auto& line : results) std::cout << line.text() << "\n";
  write_result(folder / "result.json", results, folder.log_file(), Method::terms);
  if (results.empty()) std::cout << "no classes to evaluate with: put each class into a sub-folder of its own to see accuracies\n";
  host.look_into(model, [&](auto& module) {
    write_run_report<P, Method>(folder.path(), settings, host.cpu(), module, images, results, static_cast<std::uint64_t>(o.seed));
  });
  say_unreadable(loader), say_unreadable(evaluation.unreadable());
  std::cout << "report: " << (folder / "report.html").string() << "\n";
  return 0;
}

// The whole program.
template <class Method, Presets presets = Presets::small> int pretrain(const char* program, int argc, char** argv) {
  return guarded(program, [&] {
    Options options;
    Method method;
    Settings settings;
    using Objective = typename Method::template Pretext<DefaultPreset>;
    declare(settings, options, preset_names<presets>(),
            {.words = requires(Objective& o) { o.tokenizer; }, .gauge = requires { Method::gauge; }});
    method.declare(settings);
    CommandLine line(std::string("Pre-trains a Vision Transformer with ") + Method::title + ", without labels.", settings);
    const int code = line.parse(argc, argv);
    if (code >= 0) return code;
    if (options.out.empty()) options.out = run_folder(options.data);
    return with_preset<presets>(options.preset, [&](auto preset) { return run<decltype(preset)>(method, options, settings); });
  });
}

}  // namespace pretraining
