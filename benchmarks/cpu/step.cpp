// Whole training steps and inference on the CPU: the configurations `tiny` and `vits` of torch_step.py beside this file.
// Arguments: threads. Counters: images per second and GFLOP/s of the planned operations.
#include <benchmark/benchmark.h>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/objectives/cost.hpp>
#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/tokenizers/random_projection.hpp>
#include <vitrail/train/adamw.hpp>

using namespace vitrail;

namespace {

constexpr ViTConfig tiny{.image = 32, .patch = 4, .dim = 192, .depth = 12, .heads = 3, .class_token = false};
constexpr ViTConfig vits{.image = 224, .patch = 16, .dim = 384, .depth = 12, .heads = 6, .class_token = false};
template <ViTConfig C, int Vocabulary> using Pretext = SplitMask<ViT<C>, RandomSplit<C.tokens(), 50>, RandomProjection<C, Vocabulary>>;

template <class Objective, int BatchSize> void step(benchmark::State& state) {
  Cpu device(static_cast<int>(state.range(0)));
  Model<Objective, Cpu> model{device, Random{1}};
  AdamW optimizer{model, {.clip_norm = 0}};
  Tape<Cpu, float> tape{device};
  Arena<Cpu> inputs{device};
  Sampler sampler{Random{2}};
  const Cost needed = cost<Objective>(BatchSize);
  tape.values().reserve(needed.value_bytes);
  tape.gradients().reserve(needed.gradient_bytes);
  using Images = typename Objective::images_shape;
  const auto images = make_tensor<Images, float>(inputs, Images(BatchSize));
  Random random{3};
  for (std::int64_t i = 0; i < images.shape.size(); ++i) images.at[i] = static_cast<float>(random.normal());
  std::uint64_t number = 0;
  const auto train = [&] {
    sampler.begin(Random{2}.stream(number));
    tape.reset(number++);
    const auto part = model->draw(sampler, BatchSize);
    const auto result = (*model)(tape.input(images), part);
    model.zero_gradients();
    tape.backward(result.loss);
    optimizer.step(1e-3, 1);
    benchmark::DoNotOptimize(*result.loss.data());
  };
  train();  // the first step touches its memory for the first time
  for (auto _ : state) train();
  using benchmark::Counter;
  state.counters["images/s"] = Counter(static_cast<double>(state.iterations() * BatchSize), Counter::kIsRate);
  state.counters["GFLOP/s"] = Counter(static_cast<double>(state.iterations()) * static_cast<double>(needed.forward_flops + needed.backward_flops) * 1e-9, Counter::kIsRate);
  state.counters["planned MB"] = static_cast<double>(needed.peak_bytes) * 1e-6;
}

template <ViTConfig C> void inference(benchmark::State& state) {
  Cpu device(static_cast<int>(state.range(0)));
  const int batch = static_cast<int>(state.range(1));
  Model<ViT<C>, Cpu> encoder{device, Random{1}};
  Arena<Cpu> inputs{device}, values{device};
  using Images = typename ViT<C>::images_shape;
  auto images = make_tensor<Images, float>(inputs, Images(batch));
  device.fill(images.at, images.shape.size(), 0.5f);
  images.arena = &values;
  for (auto _ : state) {
    values.reset();
    benchmark::DoNotOptimize((*encoder)(images).data());
  }
  state.counters["images/s"] = benchmark::Counter(static_cast<double>(state.iterations() * batch), benchmark::Counter::kIsRate);
}

void settings(auto* bench) { bench->Unit(benchmark::kMillisecond)->UseRealTime()->MeasureProcessCPUTime(); }

}  // namespace

BENCHMARK(step<Pretext<tiny, 1024>, 64>)->Name("step/tiny")->Arg(1)->Arg(2)->Apply([](auto* b) { settings(b); });
BENCHMARK(step<Pretext<vits, 8192>, 16>)->Name("step/vits")->Arg(1)->Arg(2)->Apply([](auto* b) { settings(b); });
BENCHMARK(inference<tiny>)->Name("inference/tiny")->Args({1, 1})->Args({2, 1})->Args({2, 64})->Apply([](auto* b) { settings(b); });
BENCHMARK(inference<vits>)->Name("inference/vits")->Args({1, 1})->Args({2, 1})->Args({2, 16})->Apply([](auto* b) { settings(b); });

BENCHMARK_MAIN();
