// What a fixed encoder knows: k-NN and linear probes on its features, beside the same encoder with random weights and beside
// raw pixels; with --layers, what each of its blocks knows. Prints a table; --out FILE writes it as JSON.
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/checkpoint.hpp>

#include "support/command_line.hpp"
#include "support/data.hpp"
#include "support/evaluate.hpp"
#include "support/presets.hpp"
#include "support/result.hpp"
#include "support/run_options.hpp"

using namespace vitrail;

namespace {

struct Options {
  std::string data = "shapes", encoder, out, preset = preset_names()[0];
  int count = 6000, limit = 10000, threads = 0, workers = 2;
  std::int64_t seed = 0;
  bool layers = false;
};

void declare(Settings& settings, Options& o) {
  settings.add("data", o.data, "\"shapes\" for the built-in image set, or a folder of labelled images");
  settings.add("encoder", o.encoder, "encoder.safetensors of a pre-training; empty: only the random encoder");
  settings.add("preset", o.preset, "the model; by default the encoder's", one_of(preset_names()));
  settings.add("out", o.out, "JSON file for the results; empty: none");
  settings.add("limit", o.limit, "images of each part to use, at most", at_least(10));
  settings.add("count", o.count, "images of the built-in set", at_least(10));
  settings.add("seed", o.seed, "of the random encoder, and of the built-in set", at_least(0));
  settings.add("threads", o.threads, "0: all; does not change results", at_least(0));
  settings.add("layers", o.layers, "also probe every block's output, as vitrail/eval/layers.hpp says");
  settings.add("workers", o.workers, "threads that read images", at_least(1));
}

// The encoder where a pre-training has it, so that one seed gives the random weights that pretrain began with.
template <class E> struct Pretraining {
  E encoder{};
  constexpr void visit(auto&& f) { f("encoder", encoder); }
};

void print(const Options& o, const std::vector<ResultLine>& lines) {
  Result result;
  result.add("encoder", o.encoder).add("data", o.data).add("seed", o.seed);
  for (const ResultLine& line : lines) {
    std::cout << line.text() << "\n";
    const auto measured = [](double share) { return share < 0 ? Result::Value() : Result::Value(share); };
    result.add(line.name, Result::Entries{{"pretrained", measured(line.pretrained)}, {"random", measured(line.random)}});
  }
  if (!o.out.empty()) result.write(o.out);
}

template <class P> int run(const Options& o) {
  const Images images = open_data(o.data, P::config.image, o.count, static_cast<std::uint64_t>(o.seed));
  std::cout << o.preset << ", " << images.description << "\n";
  Cpu device(o.threads);
  Evaluation evaluation(device, device, images, P::config, o.limit, o.workers);
  if (!evaluation.possible())
    throw ConfigError("expected labelled images of at least two classes in " + o.data + "; put each class into a sub-folder of its own");
  Model<Pretraining<typename P::Encoder>, Cpu> random{device, Random(static_cast<std::uint64_t>(o.seed)).stream(0x1417)};
  Model<Pretraining<typename P::Encoder>, Cpu> pretrained{device, Random{0}};
  if (!o.encoder.empty()) load(o.encoder, pretrained->encoder);  // before anything is measured: it may be the wrong file
  std::vector<ResultLine> lines;
  const auto compare = [&](auto measure) {  // the same read-outs of both encoders, side by side
    std::vector<ResultLine> of_random = measure(random->encoder), trained;
    if (!o.encoder.empty()) trained = measure(pretrained->encoder);
    for (std::size_t i = 0; i < of_random.size(); ++i)
      lines.push_back({of_random[i].name, trained.empty() ? -1 : trained[i].pretrained, of_random[i].pretrained});
  };
  compare([&](const auto& from) { return evaluation.measure(from); });
  if (o.layers) compare([&](const auto& from) { return evaluation.layers(from); });
  lines.push_back({"raw pixels, k-NN", evaluation.pixels(), -1});
  print(o, lines);
  say_unreadable(evaluation.unreadable());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return guarded("probe", [&] {
    Options options;
    Settings settings;
    declare(settings, options);
    CommandLine line("Evaluates a fixed encoder by k-NN and linear probes.", settings);
    const int code = line.parse(argc, argv);
    if (code >= 0) return code;
    take_preset(settings, options.encoder);
    return with_preset(options.preset, [&](auto preset) { return run<decltype(preset)>(options); });
  });
}
