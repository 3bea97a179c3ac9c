// Kernels made of matrix products: linear, norm_linear, gelu_linear, matmul, nearest_code.
#pragma once
#include "elementwise.cuh"
#include "layer_norm.cuh"

namespace vitrail {

namespace cuda {

// A gradient of weights (out, in) has few tiles and long sums: cut into slices of rows whose products are added in order. Their
// number depends on the sizes alone; 264 tiles of 128 x 128 are two for each multiprocessor of an H100 or H200.
constexpr i64 slices(i64 rows, i64 in, i64 out) {
  const i64 tiles = pieces(out, 128) * pieces(in, 128);
  return std::max<i64>(1, std::min({pieces(264, tiles), rows / 1024, i64{32}}));
}
constexpr i64 parameter_room(i64 rows, i64 in, i64 out) {
  const i64 s = slices(rows, in, out);
  return (s > 1 ? s * in * out : 0) + row_chunks(rows) * out;
}
// dW = dy^T x;  db = sum over rows of dy, by the products themselves where the device can. `room`: parameter_room() numbers.
template <Machine D, class T, class B>
void parameter_gradients(D& device, const char* name, i64 rows, i64 in, i64 out, const T* dy, const T* x, Sink<wide<T>> dw, Sink<B> db,
                         wide<T>* room) {
  using W = wide<T>;
  const i64 count = slices(rows, in, out), each_rows = rows / count, done = count * each_rows, rest = rows - done, size = in * out;
  W* const sums = count > 1 ? room + count * size : room;  // of slices: (count + 1, out)
  const auto multiply = [&](const Gemm& g, W* y, i64 first, const Plus<W>& plus, W* own_sums) {
    const T *const a = dy + first * out, *const b = x + first * in;
    if (!db.skipped() && device.fused_gemm(name, g, y, a, b, plus, Fusion<W>{Fused::sums_of_a, nullptr, own_sums, g.batch > 1 ? out : 0}))
      return true;
    device.gemm(name, g, y, a, b, plus);
    return false;
  };
  bool summed = false;
  if (!dw.skipped() && count == 1) {
    summed = multiply(Gemm{out, in, rows, true, false}, dw.to, 0, Plus<W>{nullptr, dw.mode == Write::add ? dw.to : nullptr}, sums);
  } else if (!dw.skipped()) {
    summed = multiply(Gemm{out, in, each_rows, true, false, count, each_rows * out, each_rows * in, size}, room, 0, Plus<W>{}, sums);
    if (rest > 0) summed = multiply(Gemm{out, in, rest, true, false}, room, done, Plus<W>{nullptr, room}, sums + count * out) && summed;
    fold(device, name, dw, static_cast<const W*>(room), count, size, size);
  }
  if (summed) fold(device, name, db, static_cast<const W*>(sums), count + (rest > 0 ? 1 : 0), out, out);
  else sum_rows_of(device, name, db, sums, rows, out, dy);
}

template <class T>
struct CentreRow {
  wide<T>* y;
  const T* x;
  int dim;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    wide<T> sum = 0;
    for (int i = c.lane(); i < dim; i += 32) sum += x[row * dim + i];
    const wide<T> mean = warp_sum(c, sum) / static_cast<wide<T>>(dim);
    for (int i = c.lane(); i < dim; i += 32) y[row * dim + i] = x[row * dim + i] - mean;
  }
};
// The first of the largest.
template <class T>
struct LargestOfRow {
  int* ids;
  const T* score;
  int codes;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const T* const from = score + row * codes;
    int best = c.lane() < codes ? c.lane() : 0;
    for (int k = best; k < codes; k += 32)
      if (from[k] > from[best]) best = k;
    wide<T> top = from[best];
    for (int mask = 16; mask > 0; mask /= 2) {
      const wide<T> other = c.shuffle_xor(top, mask);
      const int place = c.shuffle_xor(best, mask);
      if (other > top || (other == top && place < best)) top = other, best = place;
    }
    if (c.lane() == 0) ids[row] = best;
  }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::Linear, D> {
  template <class T>
  static void forward(D& device, const op::Linear& o, T* y, const T* x, const T* w, const T* b, const T* residual) {
    device.gemm(o.name, cuda::Gemm{o.rows, o.out, o.in, false, true}, y, x, w, cuda::Plus<T>{b, residual});
  }
  template <class T>
  static void backward(D& device, const op::Linear& o, Sink<T> dx, Sink<wide<T>> dw, Sink<wide<T>> db, const T* dy, const T* x,
                       const T* w) {
    if (!dx.skipped())
      device.gemm(o.name, cuda::Gemm{o.rows, o.in, o.out}, dx.to, dy, w,
                  cuda::Plus<T>{nullptr, dx.mode == Write::add ? dx.to : nullptr});
    wide<T>* const room = device.template scratch<wide<T>>(cuda::parameter_room(o.rows, o.in, o.out));
    cuda::parameter_gradients(device, o.name, o.rows, o.in, o.out, dy, x, dw, db, room);
  }
};

template <cuda::Machine D>
struct Kernel<op::NormLinear, D> {
  template <class T>
  static void forward(D& device, const op::NormLinear& o, T* y, wide<T>* mean, wide<T>* rstd, const T* x, const T* gain, const T* shift,
                      const T* w, const T* b) {
    T* const normalised = device.template scratch<T>(o.rows * o.in);
    cuda::norm_rows(device, o.name, o.rows, o.in, o.eps, normalised, mean, rstd, x, gain, shift);
    device.gemm(o.name, cuda::Gemm{o.rows, o.out, o.in, false, true}, y, static_cast<const T*>(normalised), w,
                cuda::Plus<T>{b, nullptr});
  }
  // du = dy W;  dx, dgain, dshift as layer_norm has them;  dW = dy^T u;  db = sum over rows of dy
  // B: the scalar of the bias's gradient, which may be a value.
  template <class T, class B>
  static void backward(D& device, const op::NormLinear& o, Sink<T> dx, Sink<wide<T>> dgain, Sink<wide<T>> dshift, Sink<wide<T>> dw,
                       Sink<B> db, const T* dy, const T* x, const wide<T>* mean, const wide<T>* rstd, const T* gain, const T* shift,
                       const T* w) {
    const cuda::i64 size = cuda::room_for<wide<T>, T>(o.rows * o.in), partials = cuda::norm_partials(o.rows, o.in);
    wide<T>* const all = device.template scratch<wide<T>>(2 * size + partials + cuda::parameter_room(o.rows, o.in, o.out));
    T *const du = reinterpret_cast<T*>(all), *const normalised = reinterpret_cast<T*>(all + size);
    wide<T> *const partial = all + 2 * size, *const room = partial + partials;
    device.gemm(o.name, cuda::Gemm{o.rows, o.in, o.out}, du, dy, w, cuda::Plus<T>{});
    cuda::norm_backward(device, o.name, o.rows, o.in, dx, dgain, dshift, partial, normalised, static_cast<const T*>(du), x, mean, rstd,
                        gain, shift);
    cuda::parameter_gradients(device, o.name, o.rows, o.in, o.out, dy, static_cast<const T*>(normalised), dw, db, room);
  }
};

namespace cuda {
// dx = or += da gelu'(x), and gelu(x) once more.
template <class T>
struct GeluBackwardElement {
  static constexpr int size = Pack<T>::size;
  Sink<T> dx;
  T* again;
  const T *da, *x;
  bool packs_allowed() const { return on_sixteen_bytes(dx.to, again, da, x); }
  VITRAIL_DEVICE void pack(i64 i) const {
    const Pack<T> v = load_pack(x + i), g = load_pack(da + i);
    wide<T> slope[size];
    Pack<T> activated{};
    VITRAIL_UNROLL for (int k = 0; k < size; ++k) {
      const wide<T> own = v.x[k];
      slope[k] = g.x[k] * math::gelu_slope(own);
      activated.x[k] = static_cast<T>(math::gelu(own));
    }
    put_pack(dx, i, slope);
    store_pack(again + i, activated);
  }
  VITRAIL_DEVICE void operator()(i64 i) const {
    const wide<T> v = x[i];
    put(dx, i, da[i] * math::gelu_slope(v));
    again[i] = static_cast<T>(math::gelu(v));
  }
};
}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::GeluLinear, D> {
  template <class T>
  static void forward(D& device, const op::GeluLinear& o, T* y, const T* x, const T* w, const T* b, const T* residual) {
    T* const activated = device.template scratch<T>(o.rows * o.in);
    cuda::each_by_packs(device, o.name, o.rows * o.in, cuda::GeluElement<T>{activated, x, false});
    device.gemm(o.name, cuda::Gemm{o.rows, o.out, o.in, false, true}, y, static_cast<const T*>(activated), w,
                cuda::Plus<T>{b, residual});
  }
  // dx = (dy W) gelu'(x);  dW = dy^T gelu(x);  db = sum over rows of dy
  template <class T>
  static void backward(D& device, const op::GeluLinear& o, Sink<T> dx, Sink<wide<T>> dw, Sink<wide<T>> db, const T* dy, const T* x,
                       const T* w) {
    const cuda::i64 size = o.rows * o.in, part = cuda::room_for<wide<T>, T>(size);
    wide<T>* const all = device.template scratch<wide<T>>(2 * part + cuda::parameter_room(o.rows, o.in, o.out));
    T *const da = reinterpret_cast<T*>(all), *const activated = reinterpret_cast<T*>(all + part);
    wide<T>* const room = all + 2 * part;
    device.gemm(o.name, cuda::Gemm{o.rows, o.in, o.out}, da, dy, w, cuda::Plus<T>{});
    cuda::each_by_packs(device, o.name, size, cuda::GeluBackwardElement<T>{dx, activated, da, x});
    cuda::parameter_gradients(device, o.name, o.rows, o.in, o.out, dy, static_cast<const T*>(activated), dw, db, room);
  }
};

template <cuda::Machine D>
struct Kernel<op::MatMul, D> {
  template <class T>
  static void forward(D& device, const op::MatMul& o, T* y, const T* a, const T* b) {
    const cuda::i64 n = o.rows, k = o.inner, m = o.cols;
    device.gemm(o.name, cuda::Gemm{n, m, k, false, o.transpose_b, o.groups, n * k, k * m, n * m}, y, a, b, cuda::Plus<T>{});
  }
  // y = a b: da = dy b^T, db = a^T dy;    y = a b^T: da = dy b, db = dy^T a
  template <class T>
  static void backward(D& device, const op::MatMul& o, Sink<T> da, Sink<T> db, const T* dy, const T* a, const T* b) {
    const cuda::i64 n = o.rows, k = o.inner, m = o.cols;
    const auto plus = [](const Sink<T>& sink) { return cuda::Plus<T>{nullptr, sink.mode == Write::add ? sink.to : nullptr}; };
    if (!da.skipped())
      device.gemm(o.name, cuda::Gemm{n, k, m, false, !o.transpose_b, o.groups, n * m, k * m, n * k}, da.to, dy, b, plus(da));
    if (db.skipped()) return;
    if (o.transpose_b) device.gemm(o.name, cuda::Gemm{m, k, n, true, false, o.groups, n * m, n * k, k * m}, db.to, dy, a, plus(db));
    else device.gemm(o.name, cuda::Gemm{k, m, n, true, false, o.groups, n * k, n * m, k * m}, db.to, a, dy, plus(db));
  }
};

template <cuda::Machine D>
struct Kernel<op::NearestCode, D> {
  template <class T>
  static void forward(D& device, const op::NearestCode& o, int* ids, const T* x, const wide<T>* codes) {
    using W = wide<T>;
    const cuda::i64 at_once = std::max<cuda::i64>(1, device.scores_at_once() / o.codes);
    W* const scores = device.template scratch<W>(std::min(at_once, o.rows) * (cuda::i64{o.codes} + o.dim));
    W* const operand = scores + std::min(at_once, o.rows) * o.codes;
    for (cuda::i64 first = 0; first < o.rows; first += at_once) {
      const cuda::i64 rows = std::min(at_once, o.rows - first);
      const T* const from = x + first * o.dim;
      if (o.centred) cuda::warp_rows(device, o.name, rows, cuda::CentreRow<T>{operand, from, o.dim});
      else cuda::each(device, o.name, rows * o.dim, cuda::RoundElement<W, T>{operand, from});
      cuda::Gemm product{rows, o.codes, o.dim, false, true};
      product.exact = true;  // words are never rounded
      device.gemm(o.name, product, scores, static_cast<const W*>(operand), codes, cuda::Plus<W>{});
      cuda::warp_rows(device, o.name, rows, cuda::LargestOfRow<W>{ids + first, scores, o.codes});
    }
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

}  // namespace vitrail
