// Convolutions of detectors, GFLOP/s of one thread: convolution/BATCHxINxSIDE_OUT_kKERNEL_sSTRIDE/PASS. See convolutions.py.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "vitrail/backends/cpu.hpp"
#include "vitrail/core/random.hpp"

using namespace vitrail;

namespace {

struct Layer {
  int batch, in, side, out, kernel, stride;
  op::Conv2d op() const { return {batch, in, side, side, out, kernel, kernel, stride, kernel / 2}; }
  std::string name() const {
    return "convolution/" + std::to_string(batch) + "x" + std::to_string(in) + "x" + std::to_string(side) + "_" + std::to_string(out) +
           "_k" + std::to_string(kernel) + "_s" + std::to_string(stride) + "/";
  }
};
// Levels of a pyramid and a mask head, of small detectors and of the paper's; the first layer of a ResNet; one that halves.
constexpr Layer layers[] = {{16, 64, 16, 64, 3, 1},   {16, 64, 4, 64, 3, 1},   {64, 64, 14, 64, 3, 1},   {2, 256, 56, 256, 3, 1},
                            {16, 256, 14, 256, 3, 1}, {4, 256, 56, 256, 1, 1}, {16, 128, 28, 256, 3, 2}, {8, 3, 112, 64, 7, 2}};

std::vector<float> noise(std::int64_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> all(static_cast<std::size_t>(count));
  for (float& x : all) x = static_cast<float>(random.normal());
  return all;
}

enum class Pass : char { forward, input, weight };

void measure(benchmark::State& state, const Layer& layer, Pass pass) {
  Cpu device(1);
  const op::Conv2d o = layer.op();
  const std::int64_t x_size = std::int64_t{o.batch} * o.in * o.height * o.width, y_size = o.batch * o.out * o.pixels();
  std::vector<float> x = noise(x_size, 1), w = noise(o.out * o.inner(), 2), y = noise(y_size, 3);
  const std::vector<float> bias = noise(o.out, 4);
  std::vector<float> to(std::max(x.size(), w.size()));
  const Sink<float> all{to.data(), Write::assign}, none;
  for (auto _ : state) {
    if (pass == Pass::forward) kernel_forward(device, o, y.data(), x.data(), w.data(), bias.data());
    else
      kernel_backward(device, o, pass == Pass::input ? all : none, pass == Pass::weight ? all : none, none, y.data(), x.data(), w.data());
    benchmark::ClobberMemory();
  }
  state.counters["GFLOP/s"] =
      benchmark::Counter(1e-9 * static_cast<double>(o.forward_flops()), benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr const char* passes[] = {"forward", "dx", "dw"};
  for (const Layer& layer : layers)
    for (const Pass pass : {Pass::forward, Pass::input, Pass::weight})
      benchmark::RegisterBenchmark((layer.name() + passes[static_cast<int>(pass)]).c_str(),
                                   [&layer, pass](benchmark::State& state) { measure(state, layer, pass); });
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
