// Where hardware enters: Kernel<Op, Device>, specialised for each device, and the contract between ops and kernels.
#pragma once
#include <array>
#include <cstdint>
#include <type_traits>

#include "../tensor/tensor.hpp"

namespace vitrail {

// Where a gradient goes, and how. A value that several ops use is assigned by the first closure that reaches it and
// added to by the others; parameters always add; a value that wants no gradient is skipped. Kernels obey.
enum class Write : char { skip, assign, add };
template <class T> struct Sink {
  T* to = nullptr;
  Write mode = Write::skip;
  std::int64_t count = 0;  // numbers there, for devices that look on; 0: a kernel's own sink, which knows
  VITRAIL_HD constexpr bool skipped() const { return mode == Write::skip; }
};

// The customisation point. A specialisation has two static functions on plain pointers:
//   forward (Device&, Op, outputs..., inputs...)
//   backward(Device&, Op, sinks..., output gradients..., inputs and saved outputs...)
// where Op is an aggregate of run-time sizes and scalars (backends/catalog.hpp says which pointers, in which order).
template <class Op, class Device> struct Kernel;

template <class Op, class Device> concept DeviceHasKernel = requires { sizeof(Kernel<Op, Device>); };

// Kernels as functions of their own, for devices that say `compiled_kernels` and never run inside the compiler: one copy for all shapes,
// which a program may have compiled once, elsewhere (backends/cpu/compiled.hpp).
template <class Op, class Device, class... A> VITRAIL_NOINLINE void call_forward(Device& device, const Op& op, A... a) {
  Kernel<Op, Device>::forward(device, op, a...);
}
template <class Op, class Device, class... A> VITRAIL_NOINLINE void call_backward(Device& device, const Op& op, A... a) {
  Kernel<Op, Device>::backward(device, op, a...);
}
template <class Device> concept HasCompiledKernels = requires { Device::compiled_kernels; };

namespace detail {
// Kernels say in their signatures what they only read. Calls of such a function do not, so that it is one for an op, whether an operand
// is a value, a parameter or null.
template <class A> A argument(A a) { return a; }
template <class T> T* argument(const T* at) { return const_cast<T*>(at); }
}  // namespace detail

template <class Op, class Device, class... A> constexpr void kernel_forward(Device& device, const Op& op, A... a) {
  static_assert(DeviceHasKernel<Op, Device>,
                "this device has no kernel for this op: specialise vitrail::Kernel<Op, Device> with static forward() and "
                "backward(), see docs/how_to/add_an_op.md");
  if constexpr (DeviceHasKernel<Op, Device> && HasCompiledKernels<Device>) call_forward(device, op, detail::argument(a)...);
  else if constexpr (DeviceHasKernel<Op, Device>) Kernel<Op, Device>::forward(device, op, a...);
}
template <class Op, class Device, class... A> constexpr void kernel_backward(Device& device, const Op& op, A... a) {
  static_assert(DeviceHasKernel<Op, Device>,
                "this device has no kernel for this op: specialise vitrail::Kernel<Op, Device> with static forward() and "
                "backward(), see docs/how_to/add_an_op.md");
  if constexpr (DeviceHasKernel<Op, Device> && HasCompiledKernels<Device>) call_backward(device, op, detail::argument(a)...);
  else if constexpr (DeviceHasKernel<Op, Device>) Kernel<Op, Device>::backward(device, op, a...);
}

// Which sinks of a backward call are wanted, in their order: its cost depends on it.
using Wanted = std::array<bool, 7>;

namespace detail {
template <class A> inline constexpr bool is_sink = false;
template <class T> inline constexpr bool is_sink<Sink<T>> = true;
}  // namespace detail

template <class... A> constexpr Wanted wanted_sinks(const A&... a) {
  Wanted wanted{};
  std::size_t i = 0;
  auto note = [&](const auto& x) {
    if constexpr (detail::is_sink<std::remove_cvref_t<decltype(x)>>) wanted[i++] = !x.skipped();
  };
  (note(a), ...);
  return wanted;
}

}  // namespace vitrail
