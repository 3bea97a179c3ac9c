// Plan: a device that computes nothing and counts everything. A whole training step runs on it inside the compiler.
#pragma once
#include <cstdint>

#include "kernel.hpp"

namespace vitrail {

struct Plan {
  static constexpr bool has_memory = false;
  struct {
    const char* op = nullptr;
    const int* extents = nullptr;
    int rank = 0;
  } homeless{};  // a parameter without a home that an op took
  std::int64_t forward_flops = 0, backward_flops = 0;
  int kernels = 0;

  constexpr void* allocate(std::size_t) { return nullptr; }
  constexpr void release(void*) {}
  constexpr void upload(void*, const void*, std::size_t) {}
  constexpr void download(void*, const void*, std::size_t) {}
  template <class T> constexpr void fill(T*, std::int64_t, T) {}
  constexpr void synchronise() {}
};

template <class Op> struct Kernel<Op, Plan> {
  static constexpr void forward(Plan& plan, const Op& op, auto...) {
    plan.forward_flops += op.forward_flops();
    ++plan.kernels;
  }
  static constexpr void backward(Plan& plan, const Op& op, auto... a) {
    plan.backward_flops += op.backward_flops(wanted_sinks(a...));
    ++plan.kernels;
  }
};

}  // namespace vitrail
