// Whole SplitMask steps on the card, as torch_step.py beside this file has them; prints a line of JSON for each way: values in bfloat16,
// each step a graph or call by call, GELU and sums of biases inside products ("fused") or after them; and with --precision full, everything
// in float. Usage: step MODEL BATCH [--precision full|bf16] [--rounds 5] [--seconds 1] [--profile]
#include <vitrail/backends/timed.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "../cpu/models.hpp"
#include "../cpu/training.hpp"
#include "events.hpp"

using namespace vitrail;

namespace {

struct Settings {
  std::string model;
  int batch = 0, rounds = 5;
  double seconds = 1;
  Precision precision = Precision::bf16;
  bool profile = false;
};

struct Way {
  const char* name;
  bool epilogues, graphs;
};
// T: the scalar of values.
template <class Objective, class T>
void measure(const Settings& s, const Way& way) {
  const CudaConfig config{.precision = s.precision, .epilogues = way.epilogues, .graphs = way.graphs};
  if (s.profile) {
    Training<Objective, Timed<Cuda>, T> training(config, s.batch);
    for (int step = 0; step < 3; ++step) training.step();
    training.device.times.clear();
    for (int step = 0; step < 5; ++step) training.step();
    std::printf("%s", training.device.table(5).c_str());
    return;
  }
  Training<Objective, Cuda, T> training(config, s.batch);
  Events events(training.device);
  const std::vector<double> times = events.rounds(s.rounds, s.seconds, [&] { training.step(); });
  const auto rate = [&](double seconds) { return s.batch / seconds; };
  std::size_t free_bytes = 0, all = 0;
  cuda::check(cudaMemGetInfo(&free_bytes, &all), "cudaMemGetInfo", "the report");
  float loss = 0;
  training.device.download(&loss, training.step(), sizeof loss);
  const double median = rate(times[times.size() / 2]);
  std::printf(
      "{\"who\": \"vitrail %s\", \"model\": \"%s\", \"batch\": %d, \"precision\": \"%s\", \"images_per_s\": %.1f, \"slowest\": %.1f, "
      "\"fastest\": %.1f, \"tflops\": %.1f, \"used_mb\": %.0f, \"planned_mb\": %.0f, \"loss\": %.5f}\n",
      way.name, s.model.c_str(), s.batch, s.precision == Precision::bf16 ? "bf16" : "full", median, rate(times.back()),
      rate(times.front()), 1e-3 * training.gflop() / s.batch * median, 1e-6 * static_cast<double>(all - free_bytes),
      1e-6 * static_cast<double>(training.cost.peak_bytes), loss);
}

template <ViTConfig C, int Vocabulary>
void measure(const Settings& s) {
  const Way ways[] = {{"fused graph", true, true}, {"graph", false, true}, {"fused calls", true, false}, {"calls", false, false}};
  for (const Way& way : ways) {
    if (s.profile && way.graphs) continue;  // a stopwatch for each kernel
    if (s.precision == Precision::full) measure<Pretext<C, Vocabulary>, float>(s, way);
    else measure<Pretext<C, Vocabulary>, bfloat16>(s, way);
  }
}

int refuse(const char* why) {
  std::fprintf(stderr, "%s\nusage: step vits|vitb|tiny BATCH [--precision full|bf16] [--rounds N] [--seconds S] [--profile]\n", why);
  return 2;
}

}  // namespace

int main(int count, char** words) try {
  if (count < 3) return refuse("a model and a batch are needed");
  Settings s{.model = words[1], .batch = std::atoi(words[2])};
  if (s.batch < 1) return refuse("the batch must be 1 or more");
  for (int i = 3; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--profile") s.profile = true;
    else if (i + 1 == count) return refuse("an option without its value");
    else if (word == "--precision") s.precision = std::string(words[++i]) == "full" ? Precision::full : Precision::bf16;
    else if (word == "--rounds") s.rounds = std::max(1, std::atoi(words[++i]));
    else if (word == "--seconds") s.seconds = std::atof(words[++i]);
    else return refuse("an unknown option");
  }
  if (s.model == "vits") measure<vits, 8192>(s);
  else if (s.model == "vitb") measure<vitb, 8192>(s);
  else if (s.model == "tiny") measure<tiny, 1024>(s);
  else return refuse("an unknown model");
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
