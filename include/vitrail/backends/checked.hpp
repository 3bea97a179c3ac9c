// Checked<D>: the same device, but every block of memory has a guard behind it and begins as NaN, every index is compared with
// its limit, and every number that goes into a kernel or comes out of one is looked at: the first NaN throws, and names the op.
// For tests and for finding a wrong kernel or a number that went astray: several times as slow. No op knows of it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "../core/error.hpp"
#include "kernel.hpp"

namespace vitrail {

struct OverrunError : Error {  // a kernel wrote behind its memory, or an index is out of range
  using Error::Error;
};

template <class D> struct Checked : D {
  static_assert(std::is_base_of_v<HostMemory, D>, "Checked<D> reads and writes D's memory itself: D must be a device of the host");
  using D::D;
  static constexpr std::size_t guard_bytes = 16;

  // Called by an arena for every block: poisons it and plants the guard.
  template <class T> void taken(T* at, std::int64_t count) {
    if constexpr (std::is_floating_point_v<T>) std::fill(at, at + count, std::numeric_limits<T>::quiet_NaN());
    unsigned char* end = reinterpret_cast<unsigned char*>(at + count);
    std::memset(end, mark, guard_bytes);
    std::erase_if(guards, [&](const Guard& old) { return overlap(old, at, end); });
    guards.push_back({reinterpret_cast<unsigned char*>(at), end});
  }
  void release(void* chunk) noexcept {
    guards.clear();  // a chunk goes only when nothing in its arena is in use; other arenas plant theirs anew each step
    D::release(chunk);
  }
  void check(const char* op) const {
    for (const Guard& guard : guards)
      for (std::size_t i = 0; i < guard_bytes; ++i)
        if (guard.end[i] != mark) throw OverrunError(std::string(op) + ": a kernel wrote behind the end of a value");
  }
  void check_index(const char* op, const int* at, std::int64_t count, int limit) const {
    for (std::int64_t i = 0; i < count; ++i)
      if (at[i] < 0 || at[i] >= limit)
        throw OverrunError(std::string(op) + ": index " + std::to_string(at[i]) + " at place " + std::to_string(i) +
                           " is not in 0 .. " + std::to_string(limit - 1));
  }

  // Before a kernel. What is NaN throughout is memory that waits for the kernel to write it.
  template <class T> void check_input(const char* op, const T* at, std::int64_t count) const {
    const NaNs found = nans(at, count);
    if (found.count > 0 && found.count < count) throw NumericError(std::string(op) + ": of what goes in, " + words(found, count));
  }
  // After it.
  template <class T> void check_result(const char* op, bool backward, const T* at, std::int64_t count) const {
    const NaNs found = nans(at, count);
    if (found.count > 0)
      throw NumericError(std::string(op) + (backward ? ", backward: of a gradient, " : ": of what comes out, ") + words(found, count) +
                         "; the inputs are numbers: a weight overflowed, or the kernel left these places unwritten");
  }

 private:
  struct NaNs {
    std::int64_t count = 0, first = 0;
  };
  template <class T> static NaNs nans([[maybe_unused]] const T* at, [[maybe_unused]] std::int64_t count) {
    NaNs found;
    if constexpr (std::is_floating_point_v<T>)
      for (std::int64_t i = 0; i < count; ++i)
        if (std::isnan(at[i]) && found.count++ == 0) found.first = i;
    return found;
  }
  static std::string words(const NaNs& found, std::int64_t count) {
    return std::to_string(found.count) + " of " + std::to_string(count) +
           " are no numbers (NaN), the first at place " + std::to_string(found.first);
  }
  struct Guard {
    const unsigned char *begin, *end;
  };
  static constexpr unsigned char mark = 0xA5;
  template <class T> static bool overlap(const Guard& g, const T* begin, const unsigned char* end) {
    return g.begin < end + guard_bytes && reinterpret_cast<const unsigned char*>(begin) < g.end + guard_bytes;
  }
  std::vector<Guard> guards;
};

template <class Op, class D>
  requires DeviceHasKernel<Op, D>
struct Kernel<Op, Checked<D>> {
  static void forward(Checked<D>& checked, const Op& op, auto... a) {
    kernel_forward(static_cast<D&>(checked), op, a...);
    checked.check(Op::name);
  }
  static void backward(Checked<D>& checked, const Op& op, auto... a) {
    kernel_backward(static_cast<D&>(checked), op, a...);
    checked.check(Op::name);
  }
};

}  // namespace vitrail
