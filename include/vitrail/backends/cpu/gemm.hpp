// Products of matrices on all threads. Work is cut by size: b is packed once and read by all, a block of rows is a task.
#pragma once
#include "loops.hpp"
#include "product.hpp"

namespace vitrail::cpu {

// How the result is cut into tasks: rows of blocks, and columns too where rows are few.
struct Blocks {
  std::int64_t rows, columns, across;  // of a block; blocks from left to right
  int count;

  Blocks(std::int64_t m, std::int64_t n, std::int64_t work, bool whole_rows) {
    constexpr std::int64_t few = 8;
    const std::int64_t least = work < (std::int64_t{1} << 18) ? m : m <= 128 ? 8 : 32;  // a task is worth some microseconds
    rows = std::clamp<std::int64_t>((m / 16 + 7) / 8 * 8, least, std::max<std::int64_t>(least, 64));
    const std::int64_t down = (m + rows - 1) / rows;
    across = whole_rows || least == m || down >= few ? 1 : std::clamp<std::int64_t>(n / 64, 1, few / std::max<std::int64_t>(down, 1));
    columns = ((n + across - 1) / across + widest_panel - 1) / widest_panel * widest_panel;
    across = (n + columns - 1) / columns;
    count = static_cast<int>(down * across);
  }
};

struct Nothing {
  void operator()(std::int64_t, std::int64_t) const {}
  void operator()(std::int64_t, std::int64_t, std::int64_t, std::int64_t) const {}
};

// b (k, n) for all threads, packed by all.
template <class T, class Device> Right<T> shared_right(Device& device, Isa isa, Operand<T> b, std::int64_t k, std::int64_t n) {
  if (isa == Isa::portable) return {b};
  T* const space = device.template packed<T>(right_size(k, n));
#if VITRAIL_X86
  if constexpr (std::is_same_v<T, float>)
    if (k * n >= (std::int64_t{1} << 15)) {
      const std::int64_t width = tiles(isa).panel(), step = k * width + panel_gap;
      if (b.transposed)
        over_ranges(device, n, 2 * widest_panel, [&](std::int64_t begin, std::int64_t end) {
          pack_panels(space + begin / width * step, step, width, b.from(0, begin), k, end - begin);
        });
      else
        over_ranges(device, k, 64, [&](std::int64_t begin, std::int64_t end) {
          pack_panels(space + begin * width, step, width, b.from(begin, 0), end - begin, n);
        });
      return {b, space, width, step, width};
    }
#endif
  return right(isa, b, k, n, space);
}

// y = a (m, k) b (k, n) + bias + plus. sums (m), unless null, gets the sums of a's rows added, for a transposed.
// before(row, rows) may write those rows of a, before they are read; after(row, rows, column, columns) sees a finished block
// of y, while it is in cache.
template <class T, class Device, class Before = Nothing, class After = Nothing>
void gemm(Device& device, std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, const Result<T>& y,
          T* sums = nullptr, Before before = {}, After after = {}) {
  if (m == 0 || n == 0) return;
  const Isa isa = std::is_same_v<T, float> ? device.isa() : Isa::portable;
  const Blocks blocks(m, n, m * n * k, !std::is_same_v<Before, Nothing>);
  const std::int64_t depth = depth_block(k), span = std::min(k, std::max(depth, (std::int64_t{1} << 20) / n / depth * depth));
  for (std::int64_t p = 0; p < std::max<std::int64_t>(k, 1); p += std::max<std::int64_t>(span, 1)) {
    const std::int64_t deep = std::min(span, k - p);
    const Right<T> panels = shared_right(device, isa, b.from(p, 0), deep, n);
    device.parallel(blocks.count, [&](int task, int) {
      const std::int64_t row = task / blocks.across * blocks.rows, column = task % blocks.across * blocks.columns;
      const std::int64_t rows = std::min(blocks.rows, m - row), columns = std::min(blocks.columns, n - column);
      if (p == 0) before(row, rows);
      multiply(isa, rows, columns, deep, depth, a.from(row, p), panels.from_column(column), (p == 0 ? y : y.further()).from(row, column),
               sums == nullptr || column > 0 ? nullptr : sums + row);
      if (p + deep == k) after(row, rows, column, columns);
    });
  }
}

// dw (out, in) = or += dy^T x over many rows, dy (rows, out), x (rows, in); and db (out), the sum of dy's rows, on the way: what
// is packed is summed.
template <class T, class Device>
void gemm_of_rows(Device& device, std::int64_t rows, std::int64_t out, std::int64_t in, const T* dy, const T* x, const Sink<T>& dw,
                  const Sink<T>& db) {
  if (db.mode == Write::assign) std::fill_n(db.to, out, T(0));
  T* const sums = db.skipped() ? nullptr : db.to;
  if (!dw.skipped())
    return gemm(device, out, in, rows, Operand<T>{dy, out, true}, Operand<T>{x, in}, result(dw.to, in, dw.mode == Write::add), sums);
  if (sums == nullptr) return;
  reduce_rows(device, rows, 256, out, &db, 1, [&](std::int64_t begin, std::int64_t end, T* sum) {
    for (std::int64_t r = begin; r < end; ++r)
      for (std::int64_t i = 0; i < out; ++i) sum[i] += dy[r * out + i];
  });
}

}  // namespace vitrail::cpu
