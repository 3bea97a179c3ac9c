// Whole training steps and inference on the CPU, of the models of torch_step.py beside this file:
//   step/MODEL[_bf16]/THREADS    inference/MODEL[_bf16]/THREADS/BATCH    scale/batch/THREADS/BATCH    scale/depth/THREADS/DEPTH
// Options: --steps=N makes N of each instead of as many as Google Benchmark thinks best. Counters: images/s, GFLOP/s of the
// planned operations, the median of the iterations, and the most memory that the process ever held: filter for one benchmark.
#include <benchmark/benchmark.h>

#include <chrono>

#include "inference.hpp"
#include "models.hpp"
#include "resident.hpp"
#include "training.hpp"

using namespace vitrail;
using benchmark::Counter;

namespace {

// Runs f once to touch its memory, then as often as is wanted.
void measure(benchmark::State& state, int batch, auto f) {
  f();
  std::vector<double> ms;
  ms.reserve(1 << 20);
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    f();
    ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  std::nth_element(ms.begin(), ms.begin() + static_cast<std::ptrdiff_t>(ms.size() / 2), ms.end());
  state.counters["median ms"] = ms[ms.size() / 2];
  state.counters["images/s"] = Counter(static_cast<double>(state.iterations() * batch), Counter::kIsRate);
  state.counters["peak MB"] = peak_resident_mb();
}

template <class Objective> void step(benchmark::State& state, const CpuConfig& config, int batch) {
  Training<Objective> training(config, batch);
  measure(state, batch, [&] { benchmark::DoNotOptimize(training.step()); });
  state.counters["GFLOP/s"] = Counter(static_cast<double>(state.iterations()) * training.gflop(), Counter::kIsRate);
  state.counters["planned MB"] = static_cast<double>(training.cost.peak_bytes) * 1e-6;
}

template <ViTConfig C> void inference(benchmark::State& state, const CpuConfig& config, int batch) {
  Inference<C> inference(config, batch);
  measure(state, batch, [&] { benchmark::DoNotOptimize(inference.run()); });
}

int steps = 0;  // 0: Google Benchmark decides

void add(const std::string& name, auto f) {
  auto* const bench = benchmark::RegisterBenchmark(name.c_str(), f);
  bench->Unit(benchmark::kMillisecond)->UseRealTime()->MeasureProcessCPUTime();
  if (steps > 0) bench->Iterations(steps);
}
// f(name of the model, configuration of the device) for 1 and 2 threads.
void for_devices(const std::string& model, auto f) {
  for (const Precision precision : {Precision::full, Precision::bf16})
    for (const int threads : {1, 2})
      f(model + (precision == Precision::bf16 ? "_bf16/" : "/") + std::to_string(threads),
        CpuConfig{.threads = threads, .precision = precision});
}

template <ViTConfig C, int Vocabulary> void add_step(const std::string& model, int batch) {
  for_devices("step/" + model, [&](const std::string& name, const CpuConfig& config) {
    add(name, [config, batch](benchmark::State& state) { step<Pretext<C, Vocabulary>>(state, config, batch); });
  });
}
// Blocks computed again for their gradients: less memory, more work.
template <ViTConfig C, int Vocabulary> void add_recomputed_step(const std::string& model, int batch) {
  constexpr ViTConfig again = [] {
    ViTConfig config = C;
    config.recompute = true;
    return config;
  }();
  for (const int threads : {1, 2})
    add("step/" + model + "_recompute/" + std::to_string(threads),
        [threads, batch](benchmark::State& state) { step<Pretext<again, Vocabulary>>(state, CpuConfig{.threads = threads}, batch); });
}
template <ViTConfig C> void add_inference(const std::string& model, std::initializer_list<int> batches) {
  for_devices("inference/" + model, [&](const std::string& name, const CpuConfig& config) {
    for (const int batch : batches)
      add(name + "/" + std::to_string(batch), [config, batch](benchmark::State& state) { inference<C>(state, config, batch); });
  });
}

// One small model, deeper, and with more images: what a step costs should grow in proportion.
constexpr ViTConfig deep(int depth) { return {.image = 16, .patch = 4, .dim = 64, .depth = depth, .heads = 2, .class_token = false}; }
template <ViTConfig C> void add_depth() {
  for (const int threads : {1, 2})
    add("scale/depth/" + std::to_string(threads) + "/" + std::to_string(C.depth),
        [threads](benchmark::State& state) { step<Pretext<C, 128>>(state, CpuConfig{.threads = threads}, 64); });
}
void add_batches() {
  for (const int threads : {1, 2})
    for (int batch = 1; batch <= 256; batch *= 2)
      add("scale/batch/micro64/" + std::to_string(threads) + "/" + std::to_string(batch), [threads, batch](benchmark::State& state) {
        step<Pretext<micro64, 128>>(state, CpuConfig{.threads = threads}, batch);
      });
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (int i = argc - 1; i > 0; --i)
    if (const std::string text = argv[i]; text.starts_with("--steps=")) {
      steps = std::atoi(text.c_str() + 8);
      std::copy(argv + i + 1, argv + argc, argv + i);
      --argc;
    }
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  add_step<tiny, 1024>("tiny", 64);
  add_step<vits, 8192>("vits", 16);
  add_recomputed_step<tiny, 1024>("tiny", 64), add_recomputed_step<vits, 8192>("vits", 16);
  add_step<micro64, 128>("micro64", 64);
  add_step<micro96, 256>("micro96", 32);
  add_inference<tiny>("tiny", {1, 64});
  add_inference<vits>("vits", {1, 16});
  add_depth<deep(2)>(), add_depth<deep(4)>(), add_depth<deep(8)>(), add_depth<deep(16)>(), add_depth<deep(32)>(), add_depth<deep(48)>();
  add_batches();
  benchmark::RunSpecifiedBenchmarks();
}
