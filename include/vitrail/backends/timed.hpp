// Timed<D>: the same device, with a stopwatch and counters of FLOPs and bytes around every kernel. No op knows of it.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "kernel.hpp"

namespace vitrail {

struct KernelTime {
  const char* name = "";  // the op's
  bool backward = false;
  int calls = 0;
  double seconds = 0;
  std::int64_t flops = 0;
  std::int64_t bytes = 0;  // of the tensors that it names, each once; of gradients that it adds to, twice
};

template <class D>
struct Timed : D {
  using D::D;
  std::int64_t forward_flops = 0, backward_flops = 0;
  int kernels = 0;
  std::vector<KernelTime> times;  // one line per op and direction, in order of first use

  // Called before a kernel: the bytes it cannot but read or write.
  void moves(std::int64_t bytes) { next_bytes_ = bytes; }

  // A line per op and direction, the most expensive first: calls, milliseconds, share of the time, GFLOP/s, GB/s (what it must move
  // over its time: more than memory gives where it finds its inputs in a cache) and, where the device's `peak` in GFLOP/s is given,
  // the share of it. `steps` divides calls and times.
  std::string table(int steps = 1, double peak = 0) const {
    std::vector<KernelTime> lines = times;
    std::sort(lines.begin(), lines.end(), [](const KernelTime& a, const KernelTime& b) { return a.seconds > b.seconds; });
    double all = 0;
    for (const KernelTime& t : lines) all += t.seconds;
    std::string out = "| op | | calls | ms | of the time | GFLOP/s | GB/s |" + std::string(peak > 0 ? " of the peak |" : "") +
                      "\n| --- | --- | --- | --- | --- | --- | --- |" + (peak > 0 ? " --- |" : "") + "\n";
    for (const KernelTime& t : lines) {
      const auto per_second = [&](std::int64_t n) { return t.seconds > 0 ? static_cast<double>(n) * 1e-9 / t.seconds : 0; };
      const double rate = per_second(t.flops);
      char line[256], share[32] = "";
      if (peak > 0) std::snprintf(share, sizeof share, " %.1f %% |", 100 * rate / peak);
      std::snprintf(line, sizeof line, "| %s | %s | %d | %.2f | %.1f %% | %.1f | %.1f |%s\n", t.name, t.backward ? "backward" : "forward",
                    t.calls / steps, 1e3 * t.seconds / steps, all > 0 ? 100 * t.seconds / all : 0, rate,
                    per_second(t.bytes), share);
      out += line;
    }
    return out;
  }

  template <class F>
  void clock(const char* name, bool backward, std::int64_t flops, F f) {
    const auto start = std::chrono::steady_clock::now();
    f();
    this->synchronise();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    (backward ? backward_flops : forward_flops) += flops;
    ++kernels;
    const std::int64_t bytes = std::exchange(next_bytes_, 0);
    for (KernelTime& t : times)
      if (t.backward == backward && std::strcmp(t.name, name) == 0) {
        ++t.calls, t.seconds += seconds, t.flops += flops, t.bytes += bytes;
        return;
      }
    times.push_back({name, backward, 1, seconds, flops, bytes});
  }

 private:
  std::int64_t next_bytes_ = 0;
};

template <class Op, class D>
requires DeviceHasKernel<Op, D>
struct Kernel<Op, Timed<D>> {
  static void forward(Timed<D>& timed, const Op& op, auto... a) {
    if constexpr (requires { op.numbers_moved(); }) {
      std::size_t each = 0;
      ((each = sizeof *a), ...);  // of the last argument: a sum's own type may be wider
      timed.moves(op.numbers_moved() * static_cast<std::int64_t>(each));
    }
    timed.clock(Op::name, false, op.forward_flops(), [&] { kernel_forward(static_cast<D&>(timed), op, a...); });
  }
  static void backward(Timed<D>& timed, const Op& op, auto... a) {
    timed.clock(Op::name, true, op.backward_flops(wanted_sinks(a...)), [&] { kernel_backward(static_cast<D&>(timed), op, a...); });
  }
};

}  // namespace vitrail
