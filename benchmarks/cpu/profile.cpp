// Where the time of a SplitMask step, or of one image through the encoder, goes: every kernel's calls, milliseconds, GFLOP/s and share
// of the processor's peak, as a table. Usage: bench_cpu_profile [tiny|vits|micro64|micro96|tiny_image|vits_image] [threads] [full|bf16]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <vitrail/backends/timed.hpp>

#include "inference.hpp"
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

// A table over `count` calls of f, which works on `device`.
void profile(Timed<Cpu>& device, int count, auto f) {
  const double before = peak(device);
  f();  // touches its memory for the first time
  device.times.clear();
  const double all = seconds_of([&] {
    for (int i = 0; i < count; ++i) f();
  });
  const double most = std::max(before, peak(device));
  std::printf("%d threads, %s, %d times %.2f ms; peak %.1f GFLOP/s\n%s", device.threads(), name(device.isa()), count, 1e3 * all / count, most,
              device.table(count, most).c_str());
}
template <ViTConfig C, int Vocabulary> void profile_step(const CpuConfig& config, int batch, int steps) {
  Training<Pretext<C, Vocabulary>, Timed<Cpu>> training(config, batch);
  profile(training.device, steps, [&] { training.step(); });
}
template <ViTConfig C> void profile_image(const CpuConfig& config, int times) {
  Inference<C, Timed<Cpu>> inference(config, 1);
  profile(inference.device, times, [&] { inference.run(); });
}

int usage() {
  std::fprintf(stderr, "usage: bench_cpu_profile [tiny|vits|micro64|micro96|tiny_image|vits_image] [threads] [full|bf16]\n");
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string model = argc > 1 ? argv[1] : "tiny", precision = argc > 3 ? argv[3] : "full";
  const CpuConfig config{.threads = argc > 2 ? std::atoi(argv[2]) : 0, .precision = precision == "bf16" ? Precision::bf16 : Precision::full};
  if (precision != "full" && precision != "bf16") return usage();
  if (model == "tiny") profile_step<tiny, 1024>(config, 64, 5);
  else if (model == "vits") profile_step<vits, 8192>(config, 16, 3);
  else if (model == "micro64") profile_step<micro64, 128>(config, 64, 40);
  else if (model == "micro96") profile_step<micro96, 256>(config, 32, 20);
  else if (model == "tiny_image") profile_image<tiny>(config, 100);
  else if (model == "vits_image") profile_image<vits>(config, 10);
  else return usage();
}
