// The lowest of many keys, found by a block. All that are keys differ, so that the lowest are the same in whatever order threads look.
#pragma once
#include "group.cuh"

namespace vitrail::cuda {

using Key = std::uint64_t;
inline constexpr Key no_key = ~Key{0};  // of what is no candidate

// Finds the lowest of n keys, which key(i) makes whenever it is asked: digit by digit, among those that are left.
struct LowestKeys {
  static constexpr int digit_bits = 4, digits = 1 << digit_bits, threads = 32 * digits;  // a warp adds up how often a digit occurs
  static constexpr std::size_t shared_bytes = (digits * threads + digits) * sizeof(int);
  int* counts;  // in shared memory; every thread has a column of its own

  // Above the `count` lowest keys and no other. There must be so many.
  template <class C, class F>
  VITRAIL_DEVICE Key limit(C& c, int n, int count, F key) const {
    if (count == 0) return 0;
    int *const own = counts + c.thread(), *const totals = counts + digits * threads;
    Key prefix = 0;  // the digits of the last one of them
    for (int shift = 64 - digit_bits;; shift -= digit_bits) {
      for (int d = 0; d < digits; ++d) own[d * threads] = 0;
      for (int i = c.thread(); i < n; i += threads) {
        const Key k = key(i), digit = k >> shift;
        if (k != no_key && digit >> digit_bits == prefix) ++own[static_cast<int>(digit % digits) * threads];
      }
      c.sync();
      int sum = 0;
      for (int t = c.lane(); t < threads; t += 32) sum += counts[c.warp() * threads + t];
      sum = warp_sum(c, sum);
      if (c.lane() == 0) totals[c.warp()] = sum;
      c.sync();
      int digit = 0;
      for (; digit < digits - 1 && totals[digit] < count; ++digit) count -= totals[digit];
      prefix = prefix << digit_bits | static_cast<Key>(digit);
      if (totals[digit] == count || shift == 0) return end_of(prefix, shift);
    }
  }
  // Those below `limit` one behind the other, in no order that means anything.
  template <class C, class F>
  VITRAIL_DEVICE void collect(C& c, int n, Key limit, F key, Key* to) const {
    int own = 0, before = 0;
    for (int i = c.thread(); i < n; i += threads) own += key(i) < limit;
    counts[c.thread()] = own;
    c.sync();
    for (int t = 0; t < c.thread(); ++t) before += counts[t];
    for (int i = c.thread(); i < n; i += threads) {
      const Key k = key(i);
      if (k < limit) to[before++] = k;
    }
    c.sync();
  }

 private:
  // Above all keys with these digits, but for no_key.
  VITRAIL_DEVICE static Key end_of(Key prefix, int shift) {
    const Key last = (prefix << shift) + ((Key{1} << shift) - 1);
    return last == no_key ? last : last + 1;
  }
};
// How many of n keys are lower.
VITRAIL_DEVICE int rank_of(Key key, const Key* keys, int n) {
  int rank = 0;
  for (int i = 0; i < n; ++i) rank += keys[i] < key;
  return rank;
}

}  // namespace vitrail::cuda
