// batch_norm and its evaluation. A task owns some columns and walks through the rows in order: every sum has one order.
#pragma once
#include <cmath>

#include "../catalog.hpp"
#include "../cpu.hpp"
#include "loops.hpp"

namespace vitrail {

namespace cpu::inline VITRAIL_ABI {
inline constexpr std::int64_t column_block = 64;

// sums[c] = the sum of f(row, column) over the rows g, g + groups, ... of some columns.
template <class T, class F>
void sum_columns(std::int64_t rows, int groups, int g, std::int64_t columns, T* sums, F f) {
  std::fill_n(sums, columns, T(0));
  for (std::int64_t r = g; r < rows; r += groups)
    for (std::int64_t c = 0; c < columns; ++c) sums[c] += f(r, c);
}
}  // namespace cpu::inline VITRAIL_ABI

template <> struct Kernel<op::BatchNorm, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::BatchNorm& o, T* y, T* mean, T* rstd, T* latest_mean, T* latest_variance, const T* x,
                      const T* gain, const T* shift) {
    const std::int64_t d = o.dim;
    const T weights = static_cast<T>(1 - std::pow(o.keep, o.groups));
    cpu::over_ranges(device, d, cpu::column_block, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t columns = end - begin;
      T sum[cpu::column_block];
      if (latest_mean != nullptr) std::fill_n(latest_mean + begin, columns, T(0)), std::fill_n(latest_variance + begin, columns, T(0));
      for (int g = 0; g < o.groups; ++g) {
        const std::int64_t count = (o.rows - g + o.groups - 1) / o.groups;
        const T share = T(1) / static_cast<T>(std::max<std::int64_t>(count, 1));
        const T unbiased = T(1) / static_cast<T>(std::max<std::int64_t>(count - 1, 1));
        const T weight = static_cast<T>((1 - o.keep) * std::pow(o.keep, o.groups - 1 - g)) / weights;
        T *m = mean + g * d + begin, *s = rstd + g * d + begin;
        cpu::sum_columns(o.rows, o.groups, g, columns, sum, [&](std::int64_t r, std::int64_t c) { return x[r * d + begin + c]; });
        for (std::int64_t c = 0; c < columns; ++c) m[c] = sum[c] * share;
        cpu::sum_columns(o.rows, o.groups, g, columns, sum, [&](std::int64_t r, std::int64_t c) {
          const T u = x[r * d + begin + c] - m[c];
          return u * u;
        });
        for (std::int64_t c = 0; c < columns; ++c) s[c] = T(1) / std::sqrt(sum[c] * share + static_cast<T>(o.eps));
        if (latest_mean != nullptr)
          for (std::int64_t c = 0; c < columns; ++c)
            latest_mean[begin + c] += weight * m[c], latest_variance[begin + c] += weight * sum[c] * unbiased;
        for (std::int64_t r = g; r < o.rows; r += o.groups) {
          const T* const from = x + r * d + begin;
          T* const to = y + r * d + begin;
          for (std::int64_t c = 0; c < columns; ++c) to[c] = (from[c] - m[c]) * s[c];
          if (gain != nullptr)
            for (std::int64_t c = 0; c < columns; ++c) to[c] = to[c] * gain[begin + c] + shift[begin + c];
        }
      }
    });
  }
  // u = (x - mean) rstd;  dx = (dy - mean(dy) - u mean(dy u)) rstd gain;  dgain = sum of dy u;  dshift = sum of dy
  template <class T>
  static void backward(Cpu& device, const op::BatchNorm& o, Sink<T> dx, Sink<T> dgain, Sink<T> dshift, const T* dy, const T* x,
                       const T* mean, const T* rstd, const T* gain) {
    const std::int64_t d = o.dim;
    for (const Sink<T>& sink : {dgain, dshift})
      if (sink.mode == Write::assign) std::fill_n(sink.to, d, T(0));
    cpu::over_ranges(device, d, cpu::column_block, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t columns = end - begin;
      T a[cpu::column_block], b[cpu::column_block];
      for (int g = 0; g < o.groups; ++g) {
        const std::int64_t count = (o.rows - g + o.groups - 1) / o.groups;
        const T share = T(1) / static_cast<T>(std::max<std::int64_t>(count, 1));
        const T *m = mean + g * d + begin, *s = rstd + g * d + begin;
        const auto unit = [&](std::int64_t r, std::int64_t c) { return (x[r * d + begin + c] - m[c]) * s[c]; };
        cpu::sum_columns(o.rows, o.groups, g, columns, a, [&](std::int64_t r, std::int64_t c) { return dy[r * d + begin + c]; });
        cpu::sum_columns(o.rows, o.groups, g, columns, b,
                         [&](std::int64_t r, std::int64_t c) { return dy[r * d + begin + c] * unit(r, c); });
        if (!dshift.skipped())
          for (std::int64_t c = 0; c < columns; ++c) dshift.to[begin + c] += a[c];
        if (!dgain.skipped())
          for (std::int64_t c = 0; c < columns; ++c) dgain.to[begin + c] += b[c];
        cpu::by_mode(dx, [&](auto add) {
          for (std::int64_t r = g; r < o.rows; r += o.groups)
            for (std::int64_t c = 0; c < columns; ++c) {
              const T by = gain == nullptr ? s[c] : s[c] * gain[begin + c];
              cpu::put<add()>(dx.to[r * d + begin + c], (dy[r * d + begin + c] - a[c] * share - unit(r, c) * b[c] * share) * by);
            }
        });
      }
    });
  }
};

template <> struct Kernel<op::NormalizeChannels, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::NormalizeChannels& o, T* y, const T* x, const T* mean, const T* variance, const T* gain,
                      const T* shift) {
    cpu::over_rows(device, o.rows, o.dim, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r)
        for (int c = 0; c < o.dim; ++c) {
          const T unit = (x[r * o.dim + c] - mean[c]) / std::sqrt(variance[c] + static_cast<T>(o.eps));
          y[r * o.dim + c] = gain == nullptr ? unit : unit * gain[c] + shift[c];
        }
    });
  }
  template <class... A> static void backward(A&&...) = delete;
};

}  // namespace vitrail
