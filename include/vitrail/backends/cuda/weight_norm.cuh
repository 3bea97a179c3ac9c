// A linear map whose weight's rows count as vectors of length one.
#pragma once
#include "linear.cuh"

namespace vitrail {

namespace cuda {

template <class T>
struct LengthRow {
  wide<T>* length;
  const T* w;
  int in;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    wide<T> sum = 0;
    for (int i = c.lane(); i < in; i += 32) sum += w[row * in + i] * w[row * in + i];
    sum = warp_sum(c, sum);
    if (c.lane() == 0) length[row] = math::sqrt(sum);
  }
};
template <class T>
struct ShortenedElement {  // to may be from
  T* to;
  const T* from;
  const wide<T>* length;
  int cols;
  VITRAIL_DEVICE void operator()(i64 i) const { to[i] = static_cast<T>(from[i] / length[i % cols]); }
};
// dW = (du - u (u . du)) / |W|, by row
template <class T>
struct WeightNormSlopeRow {
  Sink<wide<T>> dw;
  const wide<T>* du;
  const T* w;
  const wide<T>* length;
  int in;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 at = row * in;
    wide<T> sum = 0;
    for (int i = c.lane(); i < in; i += 32) sum += w[at + i] * du[at + i];
    const wide<T> inverse = wide<T>(1) / length[row], along = warp_sum(c, sum) * inverse * inverse;
    for (int i = c.lane(); i < in; i += 32) put(dw, at + i, (du[at + i] - w[at + i] * along) * inverse);
  }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::WeightNormLinear, D> {
  template <class T>
  static void forward(D& device, const op::WeightNormLinear& o, T* y, wide<T>* norm, const T* x, const T* w) {
    cuda::warp_rows(device, o.name, o.out, cuda::LengthRow<T>{norm, w, o.in});
    device.gemm(o.name, cuda::Gemm{o.rows, o.out, o.in, false, true}, y, x, w, cuda::Plus<T>{});
    cuda::each(device, o.name, o.rows * o.out, cuda::ShortenedElement<T>{y, y, norm, o.out});
  }
  // u = W / |W|;  dx = dy u;  du = dy^T x
  template <class T>
  static void backward(D& device, const op::WeightNormLinear& o, Sink<T> dx, Sink<wide<T>> dw, const T* dy, const T* x, const T* w,
                       const wide<T>* norm) {
    using W = wide<T>;
    const cuda::i64 size = cuda::i64{o.out} * o.in;
    const cuda::i64 front = cuda::room_for<W, T>(o.rows * o.out);
    W* const all = device.template scratch<W>(front + size + cuda::parameter_room(o.rows, o.in, o.out));
    T* const shortened = reinterpret_cast<T*>(all);
    W *const du = all + front, *const room = du + size;
    if (!dx.skipped()) {
      cuda::each(device, o.name, o.rows * o.out, cuda::ShortenedElement<T>{shortened, dy, norm, o.out});
      device.gemm(o.name, cuda::Gemm{o.rows, o.in, o.out}, dx.to, static_cast<const T*>(shortened), w,
                  cuda::Plus<T>{nullptr, dx.mode == Write::add ? dx.to : nullptr});
    }
    if (dw.skipped()) return;
    cuda::parameter_gradients(device, o.name, o.rows, o.in, o.out, dy, x, Sink<W>{du, Write::assign}, Sink<W>{}, room);
    cuda::warp_rows(device, o.name, o.out, cuda::WeightNormSlopeRow<T>{dw, du, w, norm, o.in});
  }
};

}  // namespace vitrail
