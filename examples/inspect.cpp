// Looks before it leaps: what a preset costs (parameters, FLOPs, memory) before anything runs; and, given an image, what a
// model does with it: its split, its inpainting and its attention, as PNG files.
#include <cstdio>
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/checkpoint.hpp>
#include <vitrail/io/image_file.hpp>
#include <vitrail/objectives/layer_costs.hpp>

#include "support/command_line.hpp"
#include "support/presets.hpp"
#include "support/result.hpp"
#include "support/run_options.hpp"
#include "support/run_report.hpp"

using namespace vitrail;

namespace {

struct Options {
  std::string preset = preset_names()[0], image, run, out = "inspection";
  int batch = 64, threads = 0;
  std::int64_t seed = 0;
};

void declare(Settings& settings, Options& o) {
  settings.add("preset", o.preset, "the model; by default the run's", one_of(preset_names()));
  settings.add("batch", o.batch, "images of the step that is planned", at_least(1));
  settings.add("image", o.image, "an image file to look at; empty: only the costs");
  settings.add("run", o.run, "run folder of pretrain, whose checkpoint looks at the image; empty: random weights");
  settings.add("out", o.out, "folder for the pictures");
  settings.add("seed", o.seed, "of the split and of random weights", at_least(0));
  settings.add("threads", o.threads, "0: all", at_least(0));
}

void print_cost(const char* what, const Cost& cost) { std::printf("%-22s %s\n", what, text(cost).c_str()); }

// The checkpoint of a run by the objective that this program shows.
std::filesystem::path checkpoint_of(const std::string& run) {
  const std::filesystem::path path = std::filesystem::path(run) / "checkpoint.safetensors";
  const auto made = SafetensorsFile::read(path).metadata();
  const auto method = made.find("method");
  if (method == made.end() || method->second != "SplitMask")
    throw ConfigError("inspect shows what a run of pretrain (SplitMask) does with an image, found one of " +
                      (method == made.end() ? "another program" : method->second) + " in " + run);
  return path;
}

template <class P> int run(const Options& o) {
  constexpr ViTConfig c = P::config;
  std::printf("%s: %d x %d pixels, %d x %d patches of %d pixels, dim %d, depth %d, heads %d, %d words\n", o.preset.c_str(), c.image, c.image, c.grid(),
              c.grid(), c.patch, c.dim, c.depth, c.heads, P::vocabulary);
  std::printf("batch of %d images:\n", o.batch);
  print_cost("SplitMask step", cost<typename P::Pretext>(o.batch));
  print_cost("classifier, 10 classes", cost<Supervised<typename P::Encoder, 10>>(o.batch));
  print_cost("encoder, evaluation", evaluation_cost<typename P::Encoder>(o.batch));
  std::printf("SplitMask step, layer by layer (what has no parameters, such as a loss, counts to the layer before it):\n%s", text(layer_costs<typename P::Pretext>(o.batch)).c_str());
  if (o.image.empty()) return 0;

  Cpu device(o.threads);
  Model<typename P::Pretext, Cpu> model{device, Random(static_cast<std::uint64_t>(o.seed))};
  if (!o.run.empty()) load(checkpoint_of(o.run), *model, {.ignore = {"optimizer."}});
  AugmentConfig view = augment_none();
  view.crop_ratio = 1;
  Batch batch{1, std::vector<float>(static_cast<std::size_t>(c.channels * c.image * c.image)), {-1}, {0}};
  Random random(static_cast<std::uint64_t>(o.seed));
  augment(read_image(o.image, 2 * c.image), view, random, c.image, c.channels, batch.images.data());
  const Inspection seen = inspect_images<P>(device, *model, batch, random)[0];
  std::filesystem::create_directories(o.out);
  const char* names[] = {"image", "branch_a", "inpainted_a", "branch_b", "inpainted_b", "attention"};
  for (std::size_t i = 0; i < seen.row.size(); ++i) {
    const std::filesystem::path path = std::filesystem::path(o.out) / (std::string(names[i]) + ".png");
    write_atomically(path, std::as_bytes(std::span(seen.row[i].png)));
    std::cout << path.string() << "\n";
  }
  std::cout << percent(seen.right) << " of the words predicted exactly\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return guarded("inspect", [&] {
    Options options;
    Settings settings;
    declare(settings, options);
    CommandLine line("Prints what a model needs before it runs, and shows what it does with an image.", settings);
    const int code = line.parse(argc, argv);
    if (code >= 0) return code;
    if (!options.run.empty()) take_preset(settings, checkpoint_of(options.run));
    return with_preset(options.preset, [&](auto preset) { return run<decltype(preset)>(options); });
  });
}
