// norm_mlp: a block's second half. GELU and the gradient of the first bias are made by the products, where the device can, and else by
// kernels between them.
#pragma once
#include "linear.cuh"

namespace vitrail {

template <cuda::Machine D>
struct Kernel<op::NormMlp, D> {
  template <class T>
  static void forward(D& device, const op::NormMlp& o, T* y, wide<T>* mean, wide<T>* rstd, T* before, T* after, const T* x, const T* gain,
                      const T* shift, const T* w1, const T* b1, const T* w2, const T* b2, const T* residual) {
    T* const normalised = device.template scratch<T>(o.rows * o.dim);
    cuda::norm_rows(device, o.name, o.rows, o.dim, o.eps, normalised, mean, rstd, x, gain, shift);
    const cuda::Gemm first{o.rows, o.hidden, o.dim, false, true};
    const T* const u = normalised;
    if (!device.fused_gemm(o.name, first, after, u, w1, cuda::Plus<T>{b1, nullptr}, cuda::Fusion<T>{cuda::Fused::gelu, before})) {
      device.gemm(o.name, first, before, u, w1, cuda::Plus<T>{b1, nullptr});
      cuda::each_by_packs(device, o.name, o.rows * o.hidden, cuda::GeluElement<T>{after, before, true});
    }
    device.gemm(o.name, cuda::Gemm{o.rows, o.dim, o.hidden, false, true}, y, static_cast<const T*>(after), w2, cuda::Plus<T>{b2, residual});
  }

  // With h = gelu(g), g = u W1^T + b1 and u = layer_norm(x):  dW2 = dy^T h;  db2 = sum over rows of dy;  dg = (dy W2) gelu'(g);
  // dW1 = dg^T u;  db1 = sum over rows of dg;  du = dg W1;  dx, dgain and dshift as layer_norm has them.
  template <class T>
  static void backward(D& device, const op::NormMlp& o, Sink<T> dx, Sink<wide<T>> dgain, Sink<wide<T>> dshift, Sink<wide<T>> dw1,
                       Sink<wide<T>> db1, Sink<wide<T>> dw2, Sink<wide<T>> db2, const T* dy, const T* x, const wide<T>* mean,
                       const wide<T>* rstd, const T* before, const T* after, const T* gain, const T* shift, const T* w1, const T* w2) {
    using W = wide<T>;
    const cuda::i64 inner = cuda::room_for<W, T>(o.rows * o.hidden), outer = cuda::room_for<W, T>(o.rows * o.dim);
    const cuda::i64 sum = cuda::room_for<W, T>(o.hidden), partials = cuda::norm_partials(o.rows, o.dim);
    const cuda::i64 weights = std::max(cuda::parameter_room(o.rows, o.dim, o.hidden), cuda::parameter_room(o.rows, o.hidden, o.dim));
    W* const all = device.template scratch<W>(inner + 2 * outer + sum + partials + weights);
    T *const dg = reinterpret_cast<T*>(all), *const du = reinterpret_cast<T*>(all + inner);
    T *const u = reinterpret_cast<T*>(all + inner + outer), *const sums = reinterpret_cast<T*>(all + inner + 2 * outer);
    W *const partial = all + inner + 2 * outer + sum, *const room = partial + partials;
    cuda::parameter_gradients(device, o.name, o.rows, o.hidden, o.dim, dy, after, dw2, db2, room);
    if (dx.skipped() && dgain.skipped() && dshift.skipped() && dw1.skipped() && db1.skipped()) return;
    Sink<W> rest = db1;  // what is still to be summed
    const cuda::Gemm back{o.rows, o.hidden, o.dim};
    if (device.fused_gemm(o.name, back, dg, dy, w2, cuda::Plus<T>{}, cuda::Fusion<T>{cuda::Fused::gelu_slope, before, sums})) {
      if (!db1.skipped()) cuda::each(device, o.name, o.hidden, cuda::PutElement<W, T>{db1, sums});
      rest = {};
    } else {
      device.gemm(o.name, back, dg, dy, w2, cuda::Plus<T>{});
      cuda::each_by_packs(device, o.name, o.rows * o.hidden, cuda::GeluSlopeElement<T>{{dg, Write::assign}, dg, before, true});
    }
    const T* const through = dg;
    device.gemm(o.name, cuda::Gemm{o.rows, o.dim, o.hidden}, du, through, w1, cuda::Plus<T>{});
    cuda::norm_backward(device, o.name, o.rows, o.dim, dx, dgain, dshift, partial, u, static_cast<const T*>(du), x, mean, rstd, gain,
                        shift);
    cuda::parameter_gradients(device, o.name, o.rows, o.dim, o.hidden, through, static_cast<const T*>(u), dw1, rest, room);
  }
};

}  // namespace vitrail
