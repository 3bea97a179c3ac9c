// A square table seen at another size: a fixed linear map of its cells, and the map's transpose.
#pragma once
#include "../../core/resample_filter.hpp"
#include "../catalog.hpp"
#include "../cpu.hpp"
#include "loops.hpp"

namespace vitrail {

namespace cpu::inline VITRAIL_ABI {
// f(cell of the table, weight) for the sixteen cells that cell (row, column) of the target reads.
template <class F> void each_tap(const op::AddResampled& o, int row, int column, F f) {
  const CubicTaps down(row, o.from, o.step), across(column, o.from, o.step);
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) f(std::int64_t{down.cell[i]} * o.from + across.cell[j], down.weight[i] * across.weight[j]);
}
}  // namespace cpu::inline VITRAIL_ABI

template <> struct Kernel<op::AddResampled, Cpu> {
  template <class T> static void forward(Cpu& device, const op::AddResampled& o, T* y, const T* x, const T* table) {
    const std::int64_t n = o.cells();
    T* const seen = device.template scratch<T>(n);
    cpu::over_ranges(device, std::int64_t{o.to} * o.to, 8, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t cell = begin; cell < end; ++cell) {
        T* const to = seen + cell * o.dim;
        std::fill_n(to, o.dim, T(0));
        cpu::each_tap(o, static_cast<int>(cell / o.to), static_cast<int>(cell % o.to), [&](std::int64_t from, double weight) {
          for (int i = 0; i < o.dim; ++i) to[i] += static_cast<T>(weight) * table[from * o.dim + i];
        });
      }
    });
    cpu::over_rows(device, o.batch, n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r)
        for (std::int64_t i = 0; i < n; ++i) y[r * n + i] = x[r * n + i] + seen[i];
    });
  }
  template <class T> static void backward(Cpu& device, const op::AddResampled& o, Sink<T> dtable, const T* dy) {
    if (dtable.skipped()) return;
    if (dtable.mode == Write::assign) device.fill(dtable.to, std::int64_t{o.from} * o.from * o.dim, T(0));
    const std::int64_t n = o.cells();
    T* const sum = device.template scratch<T>(n);
    cpu::over_elements(device, n, [&](std::int64_t begin, std::int64_t end) {  // places: every sum has one order
      std::fill(sum + begin, sum + end, T(0));
      for (std::int64_t r = 0; r < o.batch; ++r)
        for (std::int64_t i = begin; i < end; ++i) sum[i] += dy[r * n + i];
    });
    cpu::over_ranges(device, o.dim, 64, [&](std::int64_t begin, std::int64_t end) {  // channels
      for (int row = 0; row < o.to; ++row)
        for (int column = 0; column < o.to; ++column)
          cpu::each_tap(o, row, column, [&](std::int64_t from, double weight) {
            const T* const g = sum + (std::int64_t{row} * o.to + column) * o.dim;
            for (std::int64_t i = begin; i < end; ++i) dtable.to[from * o.dim + i] += static_cast<T>(weight) * g[i];
          });
    });
  }
};

}  // namespace vitrail
