// Passes over a model's flat buffers: AdamW, the norm of the gradient, moving averages.
#pragma once
#include <cmath>

#include "../catalog.hpp"
#include "../cpu.hpp"
#include "loops.hpp"

namespace vitrail {

template <> struct Kernel<op::AdamW, Cpu> {
  // m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w = w - rate (m / c1 / (sqrt(v / c2) + eps) + decay w), in one pass
  template <class T> static void forward(Cpu& device, const op::AdamW& o, T* w, T* m, T* v, const T* gradient) {
    const T b1 = static_cast<T>(o.beta1), b2 = static_cast<T>(o.beta2), keep = static_cast<T>(1 - o.rate * o.decay);
    const T step = static_cast<T>(o.rate / o.correction1), root = static_cast<T>(1 / std::sqrt(o.correction2));
    const T eps = static_cast<T>(o.eps), scale = static_cast<T>(o.gradient_scale);
    cpu::over_elements(device, o.n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const T g = gradient[i] * scale;
        m[i] = b1 * m[i] + (T(1) - b1) * g;
        v[i] = b2 * v[i] + (T(1) - b2) * g * g;
        w[i] = keep * w[i] - step * m[i] / (std::sqrt(v[i]) * root + eps);
      }
    });
  }
  template <class... A> static void backward(A&&...) = delete;
};

template <> struct Kernel<op::SumSquares, Cpu> {
  template <class T> static void forward(Cpu& device, const op::SumSquares& o, double* y, const T* x) {
    constexpr std::int64_t chunk = 16384;
    double* partial = device.template scratch<double>((o.n + chunk - 1) / chunk);
    cpu::over_ranges(device, o.n, chunk, [&](std::int64_t begin, std::int64_t end) {
      partial[begin / chunk] = cpu::lane_sum<double>(end - begin, [&](std::int64_t i) {
        const double value = static_cast<double>(x[begin + i]);
        return value * value;
      });
    });
    *y = 0;
    for (std::int64_t c = 0; c < (o.n + chunk - 1) / chunk; ++c) *y += partial[c];
  }
  template <class... A> static void backward(A&&...) = delete;
};

template <> struct Kernel<op::Blend, Cpu> {
  template <class T> static void forward(Cpu& device, const op::Blend& o, T* y, const T* x) {
    const T keep = static_cast<T>(o.keep), rest = static_cast<T>(1 - o.keep);
    cpu::over_elements(device, o.n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) y[i] = keep * y[i] + rest * x[i];
    });
  }
  template <class... A> static void backward(A&&...) = delete;
};

}  // namespace vitrail
