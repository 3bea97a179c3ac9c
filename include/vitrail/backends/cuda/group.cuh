// What threads do together: sums over a warp, over a block, and over rows, always in the same order. And loops over elements.
#pragma once
#include "machine.hpp"

namespace vitrail::cuda {

// Kernels read values of scalar T, compute in wide<T>, and round what they write.
template <class T>
VITRAIL_DEVICE void put(const Sink<T>& sink, i64 at, wide<T> x) {
  if (sink.mode == Write::add) sink.to[at] = static_cast<T>(sink.to[at] + x);
  else if (sink.mode == Write::assign) sink.to[at] = static_cast<T>(x);
}

template <class C, class T>
VITRAIL_DEVICE T warp_sum(C& c, T x) {
  for (int mask = 16; mask > 0; mask /= 2) x += c.shuffle_xor(x, mask);
  return x;
}
template <class C, class T>
VITRAIL_DEVICE T warp_max(C& c, T x) {
  for (int mask = 16; mask > 0; mask /= 2) {
    const T other = c.shuffle_xor(x, mask);
    x = x < other ? other : x;
  }
  return x;
}
// Over all warps; `spare` holds a number per warp and may be used again at once.
template <int threads, class C, class T>
VITRAIL_DEVICE T block_sum(C& c, T x, T* spare) {
  x = warp_sum(c, x);
  if (c.lane() == 0) spare[c.warp()] = x;
  c.sync();
  T sum = 0;
  for (int w = 0; w < threads / 32; ++w) sum += spare[w];
  c.sync();
  return sum;
}
template <int threads, class C, class T>
VITRAIL_DEVICE T block_max(C& c, T x, T* spare) {
  x = warp_max(c, x);
  if (c.lane() == 0) spare[c.warp()] = x;
  c.sync();
  T top = spare[0];
  for (int w = 1; w < threads / 32; ++w) top = spare[w] > top ? spare[w] : top;
  c.sync();
  return top;
}

// f(i) for 0 .. n - 1: four elements per thread, neighbours side by side.
template <class F>
struct Each {
  static constexpr int threads = 256, at_once = 4;
  i64 n;
  F f;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const i64 first = c.block() * threads * at_once + c.thread();
    for (int k = 0; k < at_once; ++k) {
      const i64 i = first + k * threads;
      if (i < n) f(i);
    }
  }
};
template <Machine D, class F>
void each(D& device, const char* name, i64 n, F f) {
  device.launch(name, Each<F>{n, f}, pieces(n, Each<F>::threads * Each<F>::at_once), 0);
}

// f(c, row) by one warp for each row.
template <class F>
struct WarpRows {
  static constexpr int threads = 256, warps = threads / 32;
  i64 rows;
  F f;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const i64 row = c.block() * warps + c.warp();
    if (row < rows) f(c, row);
  }
};
template <Machine D, class F>
void warp_rows(D& device, const char* name, i64 rows, F f) {
  device.launch(name, WarpRows<F>{rows, f}, pieces(rows, WarpRows<F>::warps), 0);
}

// partial[chunk, col] = the sum of f(row, col) over the rows of a chunk. Y: the scalar of the sum.
template <class Y, class F>
struct ColumnSums {
  static constexpr int threads = 128;
  Y* partial;
  i64 rows, cols, chunk;
  F f;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const i64 groups = pieces_of(cols), part = c.block() / groups, col = c.block() % groups * threads + c.thread();
    if (col >= cols) return;
    const i64 begin = part * chunk, end = begin + chunk < rows ? begin + chunk : rows;
    Y sum = 0;
    for (i64 r = begin; r < end; ++r) sum += f(r, col);
    partial[part * cols + col] = sum;
  }
  VITRAIL_HD static i64 pieces_of(i64 columns) { return (columns + threads - 1) / threads; }
};
// sink[i] = or += the sum of partial[part, i], in the order of the parts, from eight interleaved sums.
template <class T>
struct Fold {
  static constexpr int threads = 256, ways = threads / 32;
  using Y = wide<T>;
  Sink<T> sink;
  const Y* partial;
  i64 parts, n, step;  // from part to part

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    Y* const sums = reinterpret_cast<Y*>(c.shared());
    const i64 i = c.block() * 32 + c.lane();
    Y sum = 0;
    if (i < n)
      for (i64 p = c.warp(); p < parts; p += ways) sum += partial[p * step + i];
    sums[c.thread()] = sum;
    c.sync();
    if (c.warp() != 0 || i >= n) return;
    for (int w = 1; w < ways; ++w) sum += sums[w * 32 + c.lane()];
    put(sink, i, sum);
  }
};
template <Machine D, class T>
void fold(D& device, const char* name, const Sink<T>& sink, const wide<T>* partial, i64 parts, i64 n, i64 step) {
  if (!sink.skipped()) device.launch(name, Fold<T>{sink, partial, parts, n, step}, pieces(n, 32), Fold<T>::threads * sizeof(wide<T>));
}
// Rows are cut by their number alone, so that a sum has one order.
constexpr i64 row_chunk(i64 rows) { return std::max<i64>(32, pieces(rows, 512)); }
constexpr i64 row_chunks(i64 rows) { return pieces(rows, row_chunk(rows)); }

// sink[col] = or += the sum over rows of f(row, col). `partial`: row_chunks(rows) * cols numbers.
template <Machine D, class T, class F>
void sum_columns(D& device, const char* name, const Sink<T>& sink, wide<T>* partial, i64 rows, i64 cols, F f) {
  if (sink.skipped()) return;
  const i64 chunk = row_chunk(rows), chunks = row_chunks(rows);
  using Sums = ColumnSums<wide<T>, F>;
  device.launch(name, Sums{partial, rows, cols, chunk, f}, chunks * Sums::pieces_of(cols), 0);
  fold(device, name, sink, static_cast<const wide<T>*>(partial), chunks, cols, cols);
}

// *y = by * the sum of x, by one block.
template <class Y, class T>
struct SumOfFew {
  static constexpr int threads = 256;
  Y* y;
  const T* x;
  i64 n;
  Y by;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    Y sum = 0;
    for (i64 i = c.thread(); i < n; i += threads) sum += static_cast<Y>(x[i]);
    sum = block_sum<threads>(c, sum, reinterpret_cast<Y*>(c.shared()));
    if (c.thread() == 0) *y = by * sum;
  }
};
// partial[block] = the sum of f(i) over a block's share.
template <class Y, class F>
struct SumOfShare {
  static constexpr int threads = 256;
  Y* partial;
  i64 n, share;
  F f;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const i64 begin = c.block() * share, end = begin + share < n ? begin + share : n;
    Y sum = 0;
    for (i64 i = begin + c.thread(); i < end; i += threads) sum += f(i);
    sum = block_sum<threads>(c, sum, reinterpret_cast<Y*>(c.shared()));
    if (c.thread() == 0) partial[c.block()] = sum;
  }
};
template <Machine D, class Y, class T>
void sum_few(D& device, const char* name, Y* y, const T* x, i64 n, Y by) {
  device.launch(name, SumOfFew<Y, T>{y, x, n, by}, 1, SumOfFew<Y, T>::threads / 32 * sizeof(Y));
}
// *y = by * the sum of f(0) .. f(n - 1). `partial`: sum_parts(n) numbers.
constexpr i64 sum_parts(i64 n) { return std::min<i64>(1024, std::max<i64>(1, pieces(n, 4096))); }
template <Machine D, class Y, class F>
void sum_all(D& device, const char* name, Y* y, Y* partial, i64 n, Y by, F f) {
  const i64 parts = sum_parts(n);
  device.launch(name, SumOfShare<Y, F>{partial, n, pieces(n, parts), f}, parts, SumOfShare<Y, F>::threads / 32 * sizeof(Y));
  sum_few(device, name, y, static_cast<const Y*>(partial), parts, by);
}

}  // namespace vitrail::cuda
