// Sixteen bytes at a time: as many neighbours as one load brings, where places and sizes allow it. What waits for memory lives of it.
#pragma once
#include <cstdint>
#include <type_traits>

#include "group.cuh"

namespace vitrail::cuda {

template <class T>
struct alignas(16) Pack {
  static constexpr int size = 16 / static_cast<int>(sizeof(T));
  T x[size];
};
template <class T>
VITRAIL_DEVICE Pack<T> load_pack(const T* at) {
  return *reinterpret_cast<const Pack<T>*>(at);
}
template <class T>
VITRAIL_DEVICE void store_pack(T* at, const Pack<T>& pack) {
  *reinterpret_cast<Pack<T>*>(at) = pack;
}
// put() of neighbours.
template <class T>
VITRAIL_DEVICE void put_pack(const Sink<T>& sink, i64 at, const wide<T> (&x)[Pack<T>::size]) {
  if (sink.skipped()) return;
  Pack<T> pack{};
  if (sink.mode == Write::add) pack = load_pack(sink.to + at);
  VITRAIL_UNROLL for (int k = 0; k < Pack<T>::size; ++k)
    pack.x[k] = static_cast<T>(sink.mode == Write::add ? pack.x[k] + x[k] : x[k]);
  store_pack(sink.to + at, pack);
}
template <class... T>
bool on_sixteen_bytes(const T*... at) {
  return ((reinterpret_cast<std::uintptr_t>(at) % 16 == 0) && ...);
}

// f.pack(i) for i = 0, size, 2 size, ...: neighbours i .. i + size - 1. Two packs per thread.
template <class F>
struct EachPack {
  static constexpr int threads = 256, at_once = 2;
  i64 packs;
  F f;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const i64 first = c.block() * threads * at_once + c.thread();
    VITRAIL_UNROLL for (int k = 0; k < at_once; ++k) {
      const i64 i = first + k * threads;
      if (i < packs) f.pack(i * F::size);
    }
  }
};
template <class F>
struct From {
  F f;
  i64 first;
  VITRAIL_DEVICE void operator()(i64 i) const { f(first + i); }
};
// f for 0 .. n - 1: by packs where f's places lie on 16 bytes, and one by one for what is left.
template <Machine D, class F>
void each_by_packs(D& device, const char* name, i64 n, const F& f) {
  const i64 packs = f.packs_allowed() ? n / F::size : 0;
  if (packs > 0) device.launch(name, EachPack<F>{packs, f}, pieces(packs, EachPack<F>::threads * EachPack<F>::at_once), 0);
  if (packs * F::size < n) each(device, name, n - packs * F::size, From<F>{f, packs * F::size});
}

// A term of a sum over rows.
template <class T>
struct TermOf {
  const T* x;
  i64 cols;
  VITRAIL_DEVICE wide<T> operator()(i64 row, i64 col) const { return x[row * cols + col]; }
};
// See ColumnSums, of what stands in memory: a warp has 32 packs of columns of every eighth row.
template <class T>
struct ColumnPackSums {
  static constexpr int threads = 256, warps = threads / 32, columns = 32 * Pack<T>::size;
  wide<T>* partial;
  const T* x;
  i64 rows, cols, chunk;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    using W = wide<T>;
    W* const sums = reinterpret_cast<W*>(c.shared());
    const i64 groups = (cols + columns - 1) / columns, part = c.block() / groups, first = c.block() % groups * columns;
    const i64 begin = part * chunk, end = begin + chunk < rows ? begin + chunk : rows, col = first + c.lane() * Pack<T>::size;
    W sum[Pack<T>::size] = {};
    if (col < cols)
      for (i64 row = begin + c.warp(); row < end; row += warps) {
        const Pack<T> pack = load_pack(x + row * cols + col);
        VITRAIL_UNROLL for (int k = 0; k < Pack<T>::size; ++k) sum[k] += pack.x[k];
      }
    VITRAIL_UNROLL for (int k = 0; k < Pack<T>::size; ++k) sums[c.warp() * columns + c.lane() * Pack<T>::size + k] = sum[k];
    c.sync();
    if (first + c.thread() >= cols) return;
    W all = 0;
    for (int w = 0; w < warps; ++w) all += sums[w * columns + c.thread()];
    partial[part * cols + first + c.thread()] = all;
  }
};
static_assert(ColumnPackSums<bfloat16>::columns == ColumnPackSums<bfloat16>::threads);

// sink[col] = or += the sum over rows of x (rows, cols). `partial`: row_chunks(rows) * cols numbers.
template <Machine D, class Y, class T>
void sum_rows_of(D& device, const char* name, const Sink<Y>& sink, wide<T>* partial, i64 rows, i64 cols, const T* x) {
  if (sink.skipped()) return;
  if constexpr (std::is_same_v<T, bfloat16>)
    if (cols % Pack<T>::size == 0 && on_sixteen_bytes(x)) {
      using Sums = ColumnPackSums<T>;
      device.launch(name, Sums{partial, x, rows, cols, row_chunk(rows)}, row_chunks(rows) * pieces(cols, Sums::columns),
                    Sums::warps * Sums::columns * sizeof(wide<T>));
      return fold(device, name, sink, static_cast<const wide<T>*>(partial), row_chunks(rows), cols, cols);
    }
  sum_columns(device, name, sink, partial, rows, cols, TermOf<T>{x, cols});
}

}  // namespace vitrail::cuda
