// Passes over a model's flat buffers: AdamW, the norm of the gradient, moving averages.
#pragma once
#include <cmath>

#include "../catalog.hpp"
#include "../cpu.hpp"
#include "loops.hpp"

namespace vitrail {

template <>
struct Kernel<op::AdamW, Cpu> {
  // m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w = w - rate (m / c1 / (sqrt(v / c2) + eps) + decay w), in one pass
  template <class T>
  static void forward(Cpu& device, const op::AdamW& o, T* w, T* m, T* v, const T* gradient) {
    for (int s = 0; s < o.count; ++s) {
      const op::AdamW::Stretch& stretch = o.stretches[s];
      update(device, o, stretch, w, m, v, gradient);
      w += stretch.n, m += stretch.n, v += stretch.n, gradient += stretch.n;
    }
  }
  template <class... A>
  static void backward(A&&...) = delete;

 private:
  template <class T>
  static void update(Cpu& device, const op::AdamW& o, const op::AdamW::Stretch& s, T* w, T* m, T* v, const T* gradient) {
    device.kept_weights().changed(w);
    const T b1 = static_cast<T>(o.beta1), b2 = static_cast<T>(o.beta2), keep = static_cast<T>(1 - s.rate * s.decay);
    const T step = static_cast<T>(s.rate / s.correction1), root = static_cast<T>(1 / std::sqrt(s.correction2));
    const T eps = static_cast<T>(o.eps), scale = static_cast<T>(s.gradient_scale);
    cpu::over_elements(device, s.n, [&](std::int64_t begin, std::int64_t end) {
      std::int64_t i = begin;
#if VITRAIL_X86
      if constexpr (std::is_same_v<T, float>)
        if (device.isa() >= Isa::avx2) i = eights(begin, end, w, m, v, gradient, {b1, b2, keep, step, root, eps, scale});
#endif
      for (; i < end; ++i) {
        const T g = gradient[i] * scale;
        m[i] = b1 * m[i] + (T(1) - b1) * g;
        v[i] = b2 * v[i] + (T(1) - b2) * g * g;
        w[i] = keep * w[i] - step * m[i] / (std::sqrt(v[i]) * root + eps);
      }
    });
  }
#if VITRAIL_X86
  struct Numbers {
    float b1, b2, keep, step, root, eps, scale;
  };
  // The same formula, eight at a time; returns where it stopped. By hand, because a square root that may set errno is no vector code.
  VITRAIL_AVX2 static std::int64_t eights(std::int64_t i, std::int64_t end, float* w, float* m, float* v, const float* gradient,
                                          const Numbers& n) {
    const __m256 b1 = _mm256_set1_ps(n.b1), c1 = _mm256_set1_ps(1 - n.b1), b2 = _mm256_set1_ps(n.b2), c2 = _mm256_set1_ps(1 - n.b2);
    const __m256 keep = _mm256_set1_ps(n.keep), step = _mm256_set1_ps(n.step), root = _mm256_set1_ps(n.root);
    const __m256 eps = _mm256_set1_ps(n.eps), scale = _mm256_set1_ps(n.scale);
    for (; i + 8 <= end; i += 8) {
      const __m256 g = _mm256_mul_ps(_mm256_loadu_ps(gradient + i), scale);
      const __m256 mean = _mm256_fmadd_ps(b1, _mm256_loadu_ps(m + i), _mm256_mul_ps(c1, g));
      const __m256 square = _mm256_fmadd_ps(b2, _mm256_loadu_ps(v + i), _mm256_mul_ps(_mm256_mul_ps(c2, g), g));
      const __m256 by = _mm256_div_ps(_mm256_mul_ps(step, mean), _mm256_fmadd_ps(_mm256_sqrt_ps(square), root, eps));
      _mm256_storeu_ps(m + i, mean), _mm256_storeu_ps(v + i, square);
      _mm256_storeu_ps(w + i, _mm256_fmsub_ps(keep, _mm256_loadu_ps(w + i), by));
    }
    return i;
  }
#endif
};

template <>
struct Kernel<op::SumSquares, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::SumSquares& o, double* y, const T* x) {
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
  template <class... A>
  static void backward(A&&...) = delete;
};

template <>
struct Kernel<op::Blend, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::Blend& o, T* y, const T* x) {
    device.kept_weights().changed(y);
    const T keep = static_cast<T>(o.keep), rest = static_cast<T>(1 - o.keep);
    cpu::over_elements(device, o.n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) y[i] = keep * y[i] + rest * x[i];
    });
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

}  // namespace vitrail
