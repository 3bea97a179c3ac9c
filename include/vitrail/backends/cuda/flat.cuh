// Passes over a model's flat buffers: AdamW, the norm of the gradient, moving averages.
#pragma once
#include <cmath>

#include "../../core/dual.hpp"
#include "elementwise.cuh"

namespace vitrail {

namespace cuda {

// `rounded`, of scalar R, gets w as kernels read it, unless it is null.
template <class T, class R>
struct AdamWElement {
  T *w, *m, *v;
  R* rounded;
  const T* gradient;
  T b1, b2, keep, step, root, eps, scale;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const T g = gradient[i] * scale;
    const T mean = b1 * m[i] + (T(1) - b1) * g, square = b2 * v[i] + (T(1) - b2) * g * g;
    m[i] = mean, v[i] = square;
    const T moved = keep * w[i] - step * mean / (math::sqrt(square) * root + eps);
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
  // m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w = w - rate (m / c1 / (sqrt(v / c2) + eps) + decay w), in one pass
  template <class T>
  static void forward(D& device, const op::AdamW& o, T* w, T* m, T* v, const T* gradient) {
    forward(device, o, w, m, v, static_cast<T*>(nullptr), gradient);
  }
  template <class T, class R>
  static void forward(D& device, const op::AdamW& o, T* w, T* m, T* v, R* rounded, const T* gradient) {
    cuda::each(device, o.name, o.n,
               cuda::AdamWElement<T, R>{w, m, v, rounded, gradient, static_cast<T>(o.beta1), static_cast<T>(o.beta2),
                                     static_cast<T>(1 - o.rate * o.decay), static_cast<T>(o.rate / o.correction1),
                                     static_cast<T>(1 / std::sqrt(o.correction2)), static_cast<T>(o.eps),
                                     static_cast<T>(o.gradient_scale)});
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
