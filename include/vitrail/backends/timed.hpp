// Timed<D>: the same device, with a stopwatch and a FLOP counter around every kernel. No op knows of it.
#pragma once
#include <chrono>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "kernel.hpp"

namespace vitrail {

struct KernelTime {
  const char* name = "";       // the op's
  bool backward = false;
  int calls = 0;
  double seconds = 0;
  std::int64_t flops = 0;
};

template <class D> struct Timed : D {
  using D::D;
  std::int64_t forward_flops = 0, backward_flops = 0;
  int kernels = 0;
  std::vector<KernelTime> times;  // one line per op and direction, in order of first use

  template <class F> void clock(const char* name, bool backward, std::int64_t flops, F f) {
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
