// What a device must offer besides kernels: memory, and a way for numbers to get in and out.
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "../core/bfloat16.hpp"

namespace vitrail {

template <class D>
concept ComputeDevice = requires(D& device, void* to, const void* from, std::size_t bytes, float* values, std::int64_t count) {
  { D::has_memory } -> std::convertible_to<bool>;
  { device.allocate(bytes) } -> std::same_as<void*>;  // 64-byte aligned; throws std::bad_alloc
  device.release(to);
  device.upload(to, from, bytes);                     // host to device
  device.download(to, from, bytes);                   // device to host, finished on return
  device.fill(values, count, 0.0f);
  device.synchronise();
};

// One of several copies from a device to the host.
struct Download {
  void* to;
  const void* from;
  std::size_t bytes;
};
// Devices that let a program wait once for several: it costs them as much as some kernels.
template <class D>
concept DownloadsTogether = requires(D& device, const Download* all, int count) { device.download_all(all, count); };

// Whose kernels take values of scalar T: every device's float; double, unless it says otherwise; bfloat16, where it says so. (No concept:
// clang would tell of every part in which it failed.)
template <class D, class T>
inline constexpr bool keeps_scalar = std::same_as<T, float> || (std::same_as<T, double> && !requires { requires D::no_double; }) ||
                                     (std::same_as<T, bfloat16> && requires { requires D::keeps_bfloat16; });

// What the inputs of matrix products are rounded to. Parameters, sums, statistics and everything that is kept stay float.
enum class Precision : char {
  full,
  bf16,  // bfloat16: twice as fast where the processor multiplies it, and merely correct elsewhere
};

}  // namespace vitrail
