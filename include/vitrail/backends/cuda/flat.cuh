// Passes over a model's flat buffers: AdamW, the norm of the gradient, moving averages.
#pragma once
#include <cmath>

#include "../../core/dual.hpp"
#include "elementwise.cuh"

namespace vitrail {

namespace cuda {

// `rounded`, of scalar R, gets w as kernels read it, unless it is null. Stretches are few: a warp's neighbours look through them alike.
template <class T, class R>
struct AdamWElement {
  struct Stretch {
    i64 end;
    T keep, step, root, scale;
  };
  T *w, *m, *v;
  R* rounded;
  const T* gradient;
  T b1, b2, eps;
  Stretch stretches[op::AdamW::most];
  VITRAIL_DEVICE void operator()(i64 i) const {
    int s = 0;
    while (i >= stretches[s].end) ++s;
    const Stretch& own = stretches[s];
    const T g = gradient[i] * own.scale;
    const T mean = b1 * m[i] + (T(1) - b1) * g, square = b2 * v[i] + (T(1) - b2) * g * g;
    m[i] = mean, v[i] = square;
    const T moved = own.keep * w[i] - own.step * mean / (math::sqrt(square) * own.root + eps);
    w[i] = moved;
    if (rounded != nullptr) rounded[i] = static_cast<R>(moved);
  }
};
template <class T>
struct BlendElement {
  T* y;
  const T* x;
  T keep, rest;
  VITRAIL_DEVICE void operator()(i64 i) const { y[i] = keep * y[i] + rest * x[i]; }
};
template <class T>
struct SquareTerm {
  const T* x;
  VITRAIL_DEVICE double operator()(i64 i) const { return static_cast<double>(x[i]) * static_cast<double>(x[i]); }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::AdamW, D> {
  // m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w = w - rate (m / c1 / (sqrt(v / c2) + eps) + decay w), one kernel for all stretches
  template <class T>
  static void forward(D& device, const op::AdamW& o, T* w, T* m, T* v, const T* gradient) {
    forward(device, o, w, m, v, static_cast<T*>(nullptr), gradient);
  }
  template <class T, class R>
  static void forward(D& device, const op::AdamW& o, T* w, T* m, T* v, R* rounded, const T* gradient) {
    cuda::AdamWElement<T, R> each{w, m, v, rounded, gradient, static_cast<T>(o.beta1), static_cast<T>(o.beta2), static_cast<T>(o.eps), {}};
    cuda::i64 end = 0;
    for (int i = 0; i < o.count; ++i) {
      const op::AdamW::Stretch& s = o.stretches[i];
      each.stretches[i] = {end += s.n, static_cast<T>(1 - s.rate * s.decay), static_cast<T>(s.rate / s.correction1),
                           static_cast<T>(1 / std::sqrt(s.correction2)), static_cast<T>(s.gradient_scale)};
    }
    cuda::each(device, o.name, end, each);
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

template <cuda::Machine D>
struct Kernel<op::Round, D> {
  template <class Y, class X>
  static void forward(D& device, const op::Round& o, Y* y, const X* x) {
    cuda::each(device, o.name, o.n, cuda::RoundElement<Y, X>{y, x});
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

template <cuda::Machine D>
struct Kernel<op::SumSquares, D> {
  template <class T>
  static void forward(D& device, const op::SumSquares& o, double* y, const T* x) {
    double* const partial = device.template scratch<double>(cuda::sum_parts(o.n));
    cuda::sum_all(device, o.name, y, partial, o.n, 1.0, cuda::SquareTerm<T>{x});
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

template <cuda::Machine D>
struct Kernel<op::Blend, D> {
  template <class T>
  static void forward(D& device, const op::Blend& o, T* y, const T* x) {
    cuda::each(device, o.name, o.n, cuda::BlendElement<T>{y, x, static_cast<T>(o.keep), static_cast<T>(1 - o.keep)});
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

}  // namespace vitrail
