// A linear map whose weight's rows count as vectors of length one.
#pragma once
#include <cmath>

#include "../catalog.hpp"
#include "../cpu.hpp"
#include "gemm.hpp"

namespace vitrail {

template <> struct Kernel<op::WeightNormLinear, Cpu> {
  template <class T> static void forward(Cpu& device, const op::WeightNormLinear& o, T* y, T* norm, const T* x, const T* w) {
    cpu::over_rows(device, o.out, o.in, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) {
        const T* const row = w + k * o.in;
        norm[k] = std::sqrt(cpu::lane_sum<T>(o.in, [&](std::int64_t i) { return row[i] * row[i]; }));
      }
    });
    cpu::gemm(device, o.rows, o.out, o.in, cpu::Operand<T>{x, o.in}, cpu::Operand<T>{w, o.in, true}, cpu::result(y, o.out));
    cpu::over_rows(device, o.rows, o.out, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r)
        for (int k = 0; k < o.out; ++k) y[r * o.out + k] /= norm[k];
    });
  }
  // u = W / |W|;  dx = dy u;  dW = (du - u (u . du)) / |W| with du = dy^T x
  template <class T>
  static void backward(Cpu& device, const op::WeightNormLinear& o, Sink<T> dx, Sink<T> dw, const T* dy, const T* x, const T* w,
                       const T* norm) {
    if (!dx.skipped()) {
      const auto shortened = cpu::computed_rows<T>(o.out, [&](std::int64_t row, std::int64_t rows, T* to) {
        for (std::int64_t r = row; r < row + rows; ++r, to += o.out)
          for (int k = 0; k < o.out; ++k) to[k] = dy[r * o.out + k] / norm[k];
      });
      cpu::gemm(device, o.rows, o.in, o.out, shortened, cpu::Operand<T>{w, o.in}, cpu::result(dx.to, o.in, dx.mode == Write::add));
    }
    if (dw.skipped()) return;
    T* const du = device.template scratch<T>(std::int64_t{o.out} * o.in);
    cpu::parameter_gradients(device, o.rows, o.in, o.out, dy, cpu::Operand<T>{x, o.in}, Sink<T>{du, Write::assign}, Sink<T>{});
    cpu::by_mode(dw, [&](auto add) {
      cpu::over_rows(device, o.out, o.in, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t k = begin; k < end; ++k) {
          const T *row = w + k * o.in, *g = du + k * o.in;
          const T inverse = T(1) / norm[k];
          const T along = cpu::lane_sum<T>(o.in, [&](std::int64_t i) { return row[i] * g[i]; }) * inverse * inverse;
          for (int i = 0; i < o.in; ++i) cpu::put<add()>(dw.to[k * o.in + i], (g[i] - row[i] * along) * inverse);
        }
      });
    });
  }
};

}  // namespace vitrail
