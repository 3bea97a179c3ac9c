// How loops are split over threads: always the same way for the same sizes.
#pragma once
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "../kernel.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

// f(begin, end) over 0 .. n - 1 in pieces of at most `piece`.
template <class Device, class F>
void over_ranges(Device& device, std::int64_t n, std::int64_t piece, F f) {
  const int tasks = static_cast<int>((n + piece - 1) / piece);
  device.parallel(tasks, [&](int task, int) { f(task * piece, std::min(n, (task + std::int64_t{1}) * piece)); });
}
// Elementwise work: pieces that fit the first-level cache.
template <class Device, class F>
void over_elements(Device& device, std::int64_t n, F f) {
  over_ranges(device, n, 8192, f);
}
// Work by rows of `dim` numbers.
template <class Device, class F>
void over_rows(Device& device, std::int64_t rows, std::int64_t dim, F f) {
  over_ranges(device, rows, std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(dim, 1)), f);
}

// Calls f with a constant, so that the choice between writing and adding is made outside the loop.
template <class T, class F>
void by_mode(const Sink<T>& sink, F f) {
  if (sink.mode == Write::add) f(std::true_type{});
  else if (sink.mode == Write::assign) f(std::false_type{});
}
template <bool add, class T>
inline void put(T& to, T x) {
  if constexpr (add) to += x;
  else to = x;
}

}  // namespace vitrail::cpu::inline VITRAIL_ABI
