// batch_norm and its evaluation. A block owns 32 columns of a group of rows: eight warps walk through them, and every sum has one order.
#pragma once
#include <cmath>

#include "../../core/dual.hpp"
#include "group.cuh"

namespace vitrail {

namespace cuda {

struct BatchNormColumns {
  static constexpr int threads = 256, warps = threads / 32;
  i64 rows;
  int dim, groups;

  VITRAIL_HD i64 tiles() const { return (dim + 31) / 32; }
  VITRAIL_HD i64 count(int g) const { return (rows - g + groups - 1) / groups; }  // rows of a group
  template <class T>
  VITRAIL_HD static T share(i64 n) {
    return T(1) / static_cast<T>(n > 1 ? n : 1);
  }
  // The sum of f(r) over the rows r of a group, of the lane's column; the same in all warps.
  template <class T, class C, class F>
  VITRAIL_DEVICE T sum(C& c, int g, bool inside, F f) const {
    T* const sums = reinterpret_cast<T*>(c.shared());
    T own = 0;
    if (inside)
      for (i64 r = g + static_cast<i64>(groups) * c.warp(); r < rows; r += groups * warps) own += f(r);
    sums[c.thread()] = own;
    c.sync();
    T all = 0;
    for (int w = 0; w < warps; ++w) all += sums[w * 32 + c.lane()];
    c.sync();
    return all;
  }
};

template <class T>
struct BatchNormForward {
  static constexpr int threads = BatchNormColumns::threads;
  BatchNormColumns s;
  T* y;
  wide<T> *mean, *rstd, *squares;  // squares (groups, dim): sums of squared distances from the mean
  const T *x, *gain, *shift;
  wide<T> eps;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const int g = static_cast<int>(c.block() / s.tiles());
    const i64 col = c.block() % s.tiles() * 32 + c.lane();
    const bool inside = col < s.dim;
    using W = wide<T>;
    const W share = BatchNormColumns::share<W>(s.count(g));
    const W m = s.sum<W>(c, g, inside, [&](i64 r) { return x[r * s.dim + col]; }) * share;
    const W q = s.sum<W>(c, g, inside, [&](i64 r) { return (x[r * s.dim + col] - m) * (x[r * s.dim + col] - m); });
    const W by = W(1) / math::sqrt(q * share + eps);
    if (!inside) return;
    if (c.warp() == 0) mean[g * s.dim + col] = m, rstd[g * s.dim + col] = by, squares[g * s.dim + col] = q;
    for (i64 r = g + static_cast<i64>(s.groups) * c.warp(); r < s.rows; r += s.groups * BatchNormColumns::warps) {
      const W unit = (x[r * s.dim + col] - m) * by;
      y[r * s.dim + col] = static_cast<T>(gain == nullptr ? unit : unit * gain[col] + shift[col]);
    }
  }
};
// Latest mean and variance: of the groups, the later ones with more weight.
template <class T>
struct BatchNormLatest {
  BatchNormColumns s;
  T *latest_mean, *latest_variance;
  const T *mean, *squares;
  T keep, newest;
  VITRAIL_DEVICE void operator()(i64 col) const {
    T m = 0, v = 0, weight = newest;
    for (int g = s.groups - 1; g >= 0; --g, weight *= keep) {
      m += weight * mean[g * s.dim + col];
      v += weight * squares[g * s.dim + col] * BatchNormColumns::share<T>(s.count(g) - 1);
    }
    latest_mean[col] = m, latest_variance[col] = v;
  }
};
// u = (x - mean) rstd;  dx = (dy - mean(dy) - u mean(dy u)) rstd gain;  dgain = sum of dy u;  dshift = sum of dy
template <class T>
struct BatchNormBackward {
  static constexpr int threads = BatchNormColumns::threads;
  BatchNormColumns s;
  Sink<T> dx;
  wide<T>* partial;  // (groups, 2, dim): what a group adds to dgain and dshift
  const T *dy, *x;
  const wide<T> *mean, *rstd;
  const T* gain;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const int g = static_cast<int>(c.block() / s.tiles());
    const i64 col = c.block() % s.tiles() * 32 + c.lane();
    const bool inside = col < s.dim;
    using W = wide<T>;
    const W m = inside ? mean[g * s.dim + col] : W(0), by = inside ? rstd[g * s.dim + col] : W(0);
    const W a = s.sum<W>(c, g, inside, [&](i64 r) { return dy[r * s.dim + col]; });
    const W b = s.sum<W>(c, g, inside, [&](i64 r) { return dy[r * s.dim + col] * ((x[r * s.dim + col] - m) * by); });
    if (!inside) return;
    if (c.warp() == 0) partial[i64{2} * g * s.dim + col] = b, partial[(i64{2} * g + 1) * s.dim + col] = a;
    if (dx.skipped()) return;
    const W share = BatchNormColumns::share<W>(s.count(g)), slope = gain == nullptr ? by : by * gain[col];
    for (i64 r = g + static_cast<i64>(s.groups) * c.warp(); r < s.rows; r += s.groups * BatchNormColumns::warps) {
      const W unit = (x[r * s.dim + col] - m) * by;
      put(dx, r * s.dim + col, (dy[r * s.dim + col] - a * share - unit * b * share) * slope);
    }
  }
};
template <class T>
struct NormalizeChannelsElement {
  T* y;
  const T* x;
  const wide<T> *mean, *variance;
  const T *gain, *shift;
  int dim;
  wide<T> eps;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const i64 col = i % dim;
    const wide<T> unit = (x[i] - mean[col]) / math::sqrt(variance[col] + eps);
    y[i] = static_cast<T>(gain == nullptr ? unit : unit * gain[col] + shift[col]);
  }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::BatchNorm, D> {
  template <class T>
  static void forward(D& device, const op::BatchNorm& o, T* y, wide<T>* mean, wide<T>* rstd, wide<T>* latest_mean,
                      wide<T>* latest_variance, const T* x, const T* gain, const T* shift) {
    using W = wide<T>;
    const cuda::BatchNormColumns s{o.rows, o.dim, o.groups};
    W* const squares = device.template scratch<W>(cuda::i64{o.groups} * o.dim);
    device.launch(o.name, cuda::BatchNormForward<T>{s, y, mean, rstd, squares, x, gain, shift, static_cast<W>(o.eps)},
                  o.groups * s.tiles(), s.threads * sizeof(W));
    if (latest_mean != nullptr)
      cuda::each(device, o.name, o.dim,
                 cuda::BatchNormLatest<W>{s, latest_mean, latest_variance, mean, squares, static_cast<W>(o.keep),
                                          static_cast<W>((1 - o.keep) / (1 - std::pow(o.keep, o.groups)))});
  }
  template <class T>
  static void backward(D& device, const op::BatchNorm& o, Sink<T> dx, Sink<wide<T>> dgain, Sink<wide<T>> dshift, const T* dy, const T* x,
                       const wide<T>* mean, const wide<T>* rstd, const T* gain) {
    using W = wide<T>;
    const cuda::BatchNormColumns s{o.rows, o.dim, o.groups};
    W* const partial = device.template scratch<W>(cuda::i64{2} * o.groups * o.dim);
    device.launch(o.name, cuda::BatchNormBackward<T>{s, dx, partial, dy, x, mean, rstd, gain}, o.groups * s.tiles(), s.threads * sizeof(W));
    cuda::fold(device, o.name, dgain, static_cast<const W*>(partial), o.groups, o.dim, 2 * o.dim);
    cuda::fold(device, o.name, dshift, static_cast<const W*>(partial) + o.dim, o.groups, o.dim, 2 * o.dim);
  }
};

template <cuda::Machine D>
struct Kernel<op::NormalizeChannels, D> {
  template <class T>
  static void forward(D& device, const op::NormalizeChannels& o, T* y, const T* x, const wide<T>* mean, const wide<T>* variance,
                      const T* gain, const T* shift) {
    cuda::each(device, o.name, o.rows * o.dim,
               cuda::NormalizeChannelsElement<T>{y, x, mean, variance, gain, shift, o.dim, static_cast<wide<T>>(o.eps)});
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

}  // namespace vitrail
