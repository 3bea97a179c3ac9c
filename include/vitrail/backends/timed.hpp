// Timed<D>: the same device, with a stopwatch and a FLOP counter around every kernel. No op knows of it.
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
};

template <class D>
struct Timed : D {
  using D::D;
  std::int64_t forward_flops = 0, backward_flops = 0;
  int kernels = 0;
  std::vector<KernelTime> times;  // one line per op and direction, in order of first use

  // A line per op and direction, the most expensive first: calls, milliseconds, share of the time, GFLOP/s and, where the device's
  // `peak` in GFLOP/s is given, the share of it. `steps` divides calls and times.
  std::string table(int steps = 1, double peak = 0) const {
    std::vector<KernelTime> lines = times;
    std::sort(lines.begin(), lines.end(), [](const KernelTime& a, const KernelTime& b) { return a.seconds > b.seconds; });
    double all = 0;
    for (const KernelTime& t : lines) all += t.seconds;
    std::string out = "| op | | calls | ms | of the time | GFLOP/s |" + std::string(peak > 0 ? " of the peak |" : "") +
                      "\n| --- | --- | --- | --- | --- | --- |" + (peak > 0 ? " --- |" : "") + "\n";
    for (const KernelTime& t : lines) {
      const double rate = t.seconds > 0 ? static_cast<double>(t.flops) * 1e-9 / t.seconds : 0;
      char line[256], share[32] = "";
      if (peak > 0) std::snprintf(share, sizeof share, " %.1f %% |", 100 * rate / peak);
      std::snprintf(line, sizeof line, "| %s | %s | %d | %.2f | %.1f %% | %.1f |%s\n", t.name, t.backward ? "backward" : "forward",
                    t.calls / steps, 1e3 * t.seconds / steps, all > 0 ? 100 * t.seconds / all : 0, rate, share);
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
    for (KernelTime& t : times)
      if (t.backward == backward && std::strcmp(t.name, name) == 0) {
        ++t.calls, t.seconds += seconds, t.flops += flops;
        return;
      }
    times.push_back({name, backward, 1, seconds, flops});
  }
};

template <class Op, class D>
requires DeviceHasKernel<Op, D>
struct Kernel<Op, Timed<D>> {
  static void forward(Timed<D>& timed, const Op& op, auto... a) {
    timed.clock(Op::name, false, op.forward_flops(), [&] { Kernel<Op, D>::forward(timed, op, a...); });
  }
  static void backward(Timed<D>& timed, const Op& op, auto... a) {
    timed.clock(Op::name, true, op.backward_flops(wanted_sinks(a...)), [&] { Kernel<Op, D>::backward(timed, op, a...); });
  }
};

}  // namespace vitrail
