// Where a SplitMask step's time goes: every kernel's calls, milliseconds, GFLOP/s and share of the processor's peak, as a table.
// Usage: bench_cpu_profile [tiny|vits] [threads] [full|bf16]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/backends/timed.hpp>
#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/tokenizers/random_projection.hpp>
#include <vitrail/train/adamw.hpp>

#include "models.hpp"

using namespace vitrail;

namespace {

using Device = Timed<Cpu>;

double seconds_of(auto&& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// GFLOP/s of products whose operands stay in the first caches: what the multipliers can do. 0 where the machine has none of our tiles.
double peak(Cpu& device) {
#if VITRAIL_X86
  const cpu::Arithmetic how = cpu::arithmetic<float>(device);
  if (!how.has_tiles()) return 0;
  const cpu::TileSet& set = cpu::tiles(how);
  constexpr int rounds = 4000, tasks = 32;
  constexpr std::int64_t k = 128;
  const auto run = [&](int, int) {
    alignas(64) float a[k * 8] = {}, b[k * cpu::widest_panel] = {}, c[8 * cpu::widest_panel] = {};
    const cpu::Tile tile{k, a, 1, set.rows, b, set.panel(), nullptr, nullptr, 0, c, set.panel()};
    for (int i = 0; i < rounds; ++i) set.tile[set.rows - 1][1](tile);
  };
  device.parallel(tasks, run);
  double best = 1e30;
  for (int i = 0; i < 5; ++i) best = std::min(best, seconds_of([&] { device.parallel(tasks, run); }));
  return 2e-9 * static_cast<double>(set.rows * set.panel() * k * set.pairs) * rounds * tasks / best;
#else
  return 0;
#endif
}

template <ViTConfig C, int Vocabulary> void profile(const CpuConfig& config, int batch, int steps) {
  using Pretext = SplitMask<ViT<C>, RandomSplit<C.tokens(), 50>, RandomProjection<C, Vocabulary>>;
  using Images = typename Pretext::images_shape;
  Device device(config);
  Model<Pretext, Device> model{device, Random{1}};
  AdamW optimizer{model};
  Tape<Device, float> tape{device};
  Arena<Device> inputs{device};
  Sampler sampler{Random{2}};
  const auto images = make_tensor<Images, float>(inputs, Images(batch));
  Random random{3};
  for (std::int64_t i = 0; i < images.shape.size(); ++i) images.at[i] = static_cast<float>(random.normal());
  const double before = peak(device);
  double all = 0;
  for (int step = 0; step <= steps; ++step) {  // the first one touches its memory for the first time
    if (step == 1) device.times.clear(), all = 0;
    all += seconds_of([&] {
      sampler.begin(Random{2}.stream(static_cast<std::uint64_t>(step)));
      tape.reset(static_cast<std::uint64_t>(step));
      const auto part = model->draw(sampler, batch);
      const auto result = (*model)(tape.input(images), part);
      model.zero_gradients();
      tape.backward(result.loss);
      optimizer.step(1e-3);
    });
  }
  const double most = std::max(before, peak(device));
  std::printf("%d threads, %s, %d steps of %.1f ms; peak %.1f GFLOP/s\n%s", device.threads(), name(device.isa()), steps, 1e3 * all / steps, most,
              device.table(steps, most).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string model = argc > 1 ? argv[1] : "tiny", precision = argc > 3 ? argv[3] : "full";
  if ((model != "tiny" && model != "vits") || (precision != "full" && precision != "bf16")) {
    std::fprintf(stderr, "usage: bench_cpu_profile [tiny|vits] [threads] [full|bf16]\n");
    return 1;
  }
  const CpuConfig config{.threads = argc > 2 ? std::atoi(argv[2]) : 0, .precision = precision == "bf16" ? Precision::bf16 : Precision::full};
  if (model == "tiny") profile<tiny, 1024>(config, 64, 5);
  else profile<vits, 8192>(config, 16, 3);
}
