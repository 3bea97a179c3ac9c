// Where a SplitMask step's time goes: every kernel's calls, milliseconds, GFLOP/s and share of the processor's peak, as a table.
// Usage: bench_cpu_profile [tiny|vits|micro64|micro96] [threads] [full|bf16]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <vitrail/backends/timed.hpp>

#include "models.hpp"
#include "peak.hpp"
#include "training.hpp"

using namespace vitrail;

namespace {

double seconds_of(auto&& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
// GFLOP/s, the best of a few readings; 0 where the machine has none of our tiles.
double peak([[maybe_unused]] Cpu& device) {
  double best = 0;
#if VITRAIL_X86
  const cpu::Arithmetic how = cpu::arithmetic<float>(device);
  for (int i = 0; how.has_tiles() && i < 5; ++i) {
    std::int64_t flops = 0;
    const double seconds = seconds_of([&] { flops = multiply_in_cache(device, cpu::tiles(how)); });
    best = std::max(best, 1e-9 * static_cast<double>(flops) / seconds);
  }
#endif
  return best;
}

template <ViTConfig C, int Vocabulary> void profile(const CpuConfig& config, int batch, int steps) {
  Training<Pretext<C, Vocabulary>, Timed<Cpu>> training(config, batch);
  const double before = peak(training.device);
  training.step();  // touches its memory for the first time
  training.device.times.clear();
  const double all = seconds_of([&] {
    for (int step = 0; step < steps; ++step) training.step();
  });
  const double most = std::max(before, peak(training.device));
  std::printf("%d threads, %s, %d steps of %.1f ms; peak %.1f GFLOP/s\n%s", training.device.threads(), name(training.device.isa()), steps,
              1e3 * all / steps, most, training.device.table(steps, most).c_str());
}

int usage() {
  std::fprintf(stderr, "usage: bench_cpu_profile [tiny|vits|micro64|micro96] [threads] [full|bf16]\n");
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string model = argc > 1 ? argv[1] : "tiny", precision = argc > 3 ? argv[3] : "full";
  const CpuConfig config{.threads = argc > 2 ? std::atoi(argv[2]) : 0, .precision = precision == "bf16" ? Precision::bf16 : Precision::full};
  if (precision != "full" && precision != "bf16") return usage();
  if (model == "tiny") profile<tiny, 1024>(config, 64, 5);
  else if (model == "vits") profile<vits, 8192>(config, 16, 3);
  else if (model == "micro64") profile<micro64, 128>(config, 64, 40);
  else if (model == "micro96") profile<micro96, 256>(config, 32, 20);
  else return usage();
}
