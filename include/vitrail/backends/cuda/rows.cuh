// Kernels that look at one row at a time: softmax, normalize, and sums.
#pragma once
#include "../../core/dual.hpp"
#include "group.cuh"

namespace vitrail {

namespace cuda {

template <class T>
struct SoftmaxRow {
  T* y;
  const T* x;
  int classes;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const T* const from = x + row * classes;
    T* const to = y + row * classes;
    wide<T> top = from[0], sum = 0;
    for (int k = c.lane(); k < classes; k += 32) top = from[k] > top ? static_cast<wide<T>>(from[k]) : top;
    top = warp_max(c, top);
    for (int k = c.lane(); k < classes; k += 32) sum += math::exp(from[k] - top);
    const wide<T> inverse = wide<T>(1) / warp_sum(c, sum);
    for (int k = c.lane(); k < classes; k += 32) to[k] = static_cast<T>(math::exp(from[k] - top) * inverse);
  }
};
// dx = y (dy - sum(dy y))
template <class T>
struct SoftmaxSlopeRow {
  Sink<T> dx;
  const T *dy, *y;
  int classes;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 at = row * classes;
    wide<T> sum = 0;
    for (int k = c.lane(); k < classes; k += 32) sum += y[at + k] * dy[at + k];
    const wide<T> dot = warp_sum(c, sum);
    for (int k = c.lane(); k < classes; k += 32) put(dx, at + k, y[at + k] * (dy[at + k] - dot));
  }
};
// y = x / max(|x|, eps), and that length. Y: the scalar of y, which may be wider than x.
template <class Y, class T>
struct NormalizeRow {
  Y* y;
  wide<T>* norm;
  const T* x;
  int dim;
  wide<T> eps;
  bool keep_raw;  // norm is |x| however small
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 at = row * dim;
    wide<T> sum = 0;
    for (int i = c.lane(); i < dim; i += 32) sum += x[at + i] * x[at + i];
    const wide<T> raw = math::sqrt(warp_sum(c, sum)), length = raw > eps ? raw : eps;
    for (int i = c.lane(); i < dim; i += 32) y[at + i] = static_cast<Y>(x[at + i] / length);
    if (c.lane() == 0) norm[row] = keep_raw ? raw : length;
  }
};
// dx = (dy - y (y . dy)) / |x|;  under eps the length is a constant: dx = dy / eps
template <class Y, class T>
struct NormalizeSlopeRow {
  Sink<T> dx;
  const Y *dy, *y;
  const wide<T>* norm;
  int dim;
  wide<T> eps;
  bool constant;  // always
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 at = row * dim;
    wide<T> sum = 0;
    for (int i = c.lane(); i < dim; i += 32) sum += y[at + i] * dy[at + i];
    sum = warp_sum(c, sum);
    const wide<T> dot = constant || norm[row] < eps ? wide<T>(0) : sum, length = norm[row] > eps ? norm[row] : eps;
    for (int i = c.lane(); i < dim; i += 32) put(dx, at + i, (dy[at + i] - y[at + i] * dot) / length);
  }
};
// y = (x - mean) rstd, by the variance without bias
template <class T>
struct StandardizeRow {
  T* y;
  wide<T>* rstd;
  const T* x;
  int dim;
  wide<T> eps;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 at = row * dim;
    wide<T> sum = 0, squares = 0;
    for (int i = c.lane(); i < dim; i += 32) sum += x[at + i];
    const wide<T> mean = warp_sum(c, sum) / static_cast<wide<T>>(dim);
    for (int i = c.lane(); i < dim; i += 32) squares += (x[at + i] - mean) * (x[at + i] - mean);
    const wide<T> r = wide<T>(1) / math::sqrt(warp_sum(c, squares) / static_cast<wide<T>>(dim - 1) + eps);
    for (int i = c.lane(); i < dim; i += 32) y[at + i] = static_cast<T>((x[at + i] - mean) * r);
    if (c.lane() == 0) rstd[row] = r;
  }
};
// dx = (dy - mean(dy) - y (y . dy) / (dim - 1)) rstd
template <class T>
struct StandardizeSlopeRow {
  Sink<T> dx;
  const T *dy, *y;
  const wide<T>* rstd;
  int dim;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 at = row * dim;
    wide<T> sum = 0, dot = 0;
    for (int i = c.lane(); i < dim; i += 32) sum += dy[at + i], dot += y[at + i] * dy[at + i];
    const wide<T> mean = warp_sum(c, sum) / static_cast<wide<T>>(dim), part = warp_sum(c, dot) / static_cast<wide<T>>(dim - 1);
    for (int i = c.lane(); i < dim; i += 32) put(dx, at + i, (dy[at + i] - mean - y[at + i] * part) * rstd[row]);
  }
};
template <class T>
struct SumRow {
  T* y;
  const T* x;
  int dim;
  wide<T> by;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    wide<T> sum = 0;
    for (int i = c.lane(); i < dim; i += 32) sum += x[row * dim + i];
    sum = warp_sum(c, sum);
    if (c.lane() == 0) y[row] = static_cast<T>(by * sum);
  }
};
template <class T>
struct NumberTerm {
  const T* x;
  VITRAIL_DEVICE wide<T> operator()(i64 i) const { return x[i]; }
};
// dx[i] = or += by dy[i / per]; Y: the scalar of what was summed.
template <class T, class Y>
struct SpreadElement {
  Sink<T> dx;
  const Y* dy;
  i64 per;
  wide<T> by;
  VITRAIL_DEVICE void operator()(i64 i) const { put(dx, i, by * dy[i / per]); }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::Softmax, D> {
  template <class T>
  static void forward(D& device, const op::Softmax& o, T* y, const T* x) {
    cuda::warp_rows(device, o.name, o.rows, cuda::SoftmaxRow<T>{y, x, o.classes});
  }
  template <class T>
  static void backward(D& device, const op::Softmax& o, Sink<T> dx, const T* dy, const T* y) {
    if (!dx.skipped()) cuda::warp_rows(device, o.name, o.rows, cuda::SoftmaxSlopeRow<T>{dx, dy, y, o.classes});
  }
};

template <cuda::Machine D>
struct Kernel<op::Normalize, D> {
  template <class T>
  static void forward(D& device, const op::Normalize& o, T* y, wide<T>* norm, const T* x) {
    cuda::warp_rows(device, o.name, o.rows, cuda::NormalizeRow<T, T>{y, norm, x, o.dim, static_cast<wide<T>>(o.eps), true});
  }
  template <class T>
  static void backward(D& device, const op::Normalize& o, Sink<T> dx, const T* dy, const T* y, const wide<T>* norm) {
    if (!dx.skipped())
      cuda::warp_rows(device, o.name, o.rows, cuda::NormalizeSlopeRow<T, T>{dx, dy, y, norm, o.dim, static_cast<wide<T>>(o.eps), false});
  }
};

template <cuda::Machine D>
struct Kernel<op::Standardize, D> {
  template <class T>
  static void forward(D& device, const op::Standardize& o, T* y, wide<T>* rstd, const T* x) {
    cuda::warp_rows(device, o.name, o.rows, cuda::StandardizeRow<T>{y, rstd, x, o.dim, static_cast<wide<T>>(o.eps)});
  }
  template <class T>
  static void backward(D& device, const op::Standardize& o, Sink<T> dx, const T* dy, const T* y, const wide<T>* rstd) {
    if (!dx.skipped()) cuda::warp_rows(device, o.name, o.rows, cuda::StandardizeSlopeRow<T>{dx, dy, y, rstd, o.dim});
  }
};

template <cuda::Machine D>
struct Kernel<op::SumAll, D> {
  template <class T>
  static void forward(D& device, const op::SumAll& o, wide<T>* y, const T* x) {
    wide<T>* const partial = device.template scratch<wide<T>>(cuda::sum_parts(o.n));
    cuda::sum_all(device, o.name, y, partial, o.n, static_cast<wide<T>>(o.by), cuda::NumberTerm<T>{x});
  }
  template <class T>
  static void backward(D& device, const op::SumAll& o, Sink<T> dx, const wide<T>* dy) {
    if (!dx.skipped()) cuda::each(device, o.name, o.n, cuda::SpreadElement<T, wide<T>>{dx, dy, o.n, static_cast<wide<T>>(o.by)});
  }
};

template <cuda::Machine D>
struct Kernel<op::SumRows, D> {
  template <class T>
  static void forward(D& device, const op::SumRows& o, T* y, const T* x) {
    cuda::warp_rows(device, o.name, o.rows, cuda::SumRow<T>{y, x, o.dim, static_cast<wide<T>>(o.by)});
  }
  template <class T>
  static void backward(D& device, const op::SumRows& o, Sink<T> dx, const T* dy) {
    if (!dx.skipped()) cuda::each(device, o.name, o.rows * o.dim, cuda::SpreadElement<T, T>{dx, dy, o.dim, static_cast<wide<T>>(o.by)});
  }
};

}  // namespace vitrail
