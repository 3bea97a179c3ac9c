// layer_norm, and a linear map of what it gives: there the normalised rows exist only while they are multiplied.
#pragma once
#include <cmath>

#include "../catalog.hpp"
#include "../cpu.hpp"
#include "gemm.hpp"

namespace vitrail {

namespace cpu::inline VITRAIL_ABI {

// One row of length n, its statistics, and the parameters.
template <class T>
struct Norm {
  int n;
  const T *gain, *shift;
  T share = T(1) / static_cast<T>(n);

  void statistics(const T* x, double eps, T& mean, T& rstd) const {
    mean = lane_sum<T>(n, [&](std::int64_t i) { return x[i]; }) * share;
    const T m = mean;
    const T variance = lane_sum<T>(n, [&](std::int64_t i) { return (x[i] - m) * (x[i] - m); }) * share;
    rstd = T(1) / std::sqrt(variance + static_cast<T>(eps));
  }
  // y = (x - mean) rstd gain + shift
  void apply(T* VITRAIL_RESTRICT y, const T* VITRAIL_RESTRICT x, T mean, T rstd) const {
    for (int i = 0; i < n; ++i) y[i] = (x[i] - mean) * rstd * gain[i] + shift[i];
  }
  // u = (x - mean) rstd;  g = dy gain;  dx = (g - mean(g) - u mean(g u)) rstd
  void gradient(const Sink<T>& dx, std::int64_t at, const T* dy, const T* x, T mean, T rstd) const {
    const T a = lane_sum<T>(n, [&](std::int64_t i) { return dy[i] * gain[i]; }) * share;
    const T b = lane_sum<T>(n, [&](std::int64_t i) { return dy[i] * gain[i] * (x[i] - mean); }) * share * rstd;
    by_mode(dx, [&](auto add) {
      T* const to = dx.to + at;
      for (int i = 0; i < n; ++i) put<add()>(to[i], (dy[i] * gain[i] - a - (x[i] - mean) * rstd * b) * rstd);
    });
  }
  // dgain += dy u;  dshift += dy, into sums (2 n)
  void add_parameter_gradients(T* VITRAIL_RESTRICT sums, const T* VITRAIL_RESTRICT dy, const T* VITRAIL_RESTRICT x, T mean, T rstd) const {
    for (int i = 0; i < n; ++i) sums[i] += dy[i] * (x[i] - mean) * rstd;
    for (int i = 0; i < n; ++i) sums[n + i] += dy[i];
  }
};

}  // namespace cpu::inline VITRAIL_ABI

template <>
struct Kernel<op::LayerNorm, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::LayerNorm& o, T* y, T* mean, T* rstd, const T* x, const T* gain, const T* shift) {
    const cpu::Norm<T> norm{o.dim, gain, shift};
    cpu::over_rows(device, o.rows, o.dim, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        norm.statistics(x + r * o.dim, o.eps, mean[r], rstd[r]);
        norm.apply(y + r * o.dim, x + r * o.dim, mean[r], rstd[r]);
      }
    });
  }
  template <class T>
  static void backward(Cpu& device, const op::LayerNorm& o, Sink<T> dx, Sink<T> dgain, Sink<T> dshift, const T* dy, const T* x,
                       const T* mean, const T* rstd, const T* gain) {
    const cpu::Norm<T> norm{o.dim, gain, nullptr};
    const Sink<T> sinks[] = {dgain, dshift};
    cpu::reduce_rows(device, o.rows, 64, o.dim, sinks, 2, [&](std::int64_t begin, std::int64_t end, T* sums) {
      for (std::int64_t r = begin; r < end; ++r) {
        const T *row = x + r * o.dim, *g = dy + r * o.dim;
        norm.add_parameter_gradients(sums, g, row, mean[r], rstd[r]);  // before dx, which may lie where dy lies
        norm.gradient(dx, r * o.dim, g, row, mean[r], rstd[r]);
      }
    });
  }
};

template <>
struct Kernel<op::NormLinear, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::NormLinear& o, T* y, T* mean, T* rstd, const T* x, const T* gain, const T* shift, const T* w,
                      const T* b) {
    const cpu::Norm<T> norm{o.in, gain, shift};
    const auto normalised = cpu::computed_rows<T>(o.in, [&](std::int64_t row, std::int64_t rows, T* to) {
      for (std::int64_t r = row; r < row + rows; ++r, to += o.in) {
        norm.statistics(x + r * o.in, o.eps, mean[r], rstd[r]);
        norm.apply(to, x + r * o.in, mean[r], rstd[r]);
      }
    });
    cpu::gemm(device, o.rows, o.out, o.in, normalised, cpu::Operand<T>{w, o.in, true}, cpu::Result<T>{y, o.out, b});
  }
  // du = dy W, a block of rows at a time;  dx, dgain, dshift as layer_norm has them;  dW = dy^T u;  db = sum over rows of dy
  template <class T>
  static void backward(Cpu& device, const op::NormLinear& o, Sink<T> dx, Sink<T> dgain, Sink<T> dshift, Sink<T> dw, Sink<T> db, const T* dy,
                       const T* x, const T* mean, const T* rstd, const T* gain, const T* shift, const T* w) {
    const cpu::Norm<T> norm{o.in, gain, shift};
    if (!dx.skipped() || !dgain.skipped() || !dshift.skipped()) through_norm(device, o, norm, dx, dgain, dshift, dy, x, mean, rstd, w);
    const auto normalised = cpu::computed_rows<T>(o.in, [&](std::int64_t row, std::int64_t rows, T* to) {
      for (std::int64_t r = row; r < row + rows; ++r, to += o.in) norm.apply(to, x + r * o.in, mean[r], rstd[r]);
    });
    cpu::parameter_gradients(device, o.rows, o.in, o.out, dy, normalised, dw, db);
  }

 private:
  template <class T>
  static void through_norm(Cpu& device, const op::NormLinear& o, const cpu::Norm<T>& norm, Sink<T> dx, Sink<T> dgain, Sink<T> dshift,
                           const T* dy, const T* x, const T* mean, const T* rstd, const T* w) {
    const Sink<T> sinks[] = {dgain, dshift};
    cpu::gemm_reduced(device, o.rows, o.in, o.out, cpu::Operand<T>{dy, o.out}, cpu::Operand<T>{w, o.in}, o.in, sinks, 2,
                      [&](std::int64_t row, std::int64_t rows, const T* du, T* sums) {
                        for (std::int64_t r = row; r < row + rows; ++r, du += o.in) {
                          norm.add_parameter_gradients(sums, du, x + r * o.in, mean[r], rstd[r]);
                          norm.gradient(dx, r * o.in, du, x + r * o.in, mean[r], rstd[r]);
                        }
                      });
  }
};

}  // namespace vitrail
