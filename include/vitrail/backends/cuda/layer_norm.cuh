// layer_norm: a warp per row; and the sums over rows that its parameters' gradients are.
#pragma once
#include <type_traits>

#include "norm_packs.cuh"

namespace vitrail {

namespace cuda {

// y = (x - mean) rstd gain + shift, with the row's statistics.
template <class T>
struct NormRow {
  T* y;
  wide<T> *mean, *rstd;
  const T *x, *gain, *shift;
  int dim;
  wide<T> eps;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const T* const from = x + row * dim;
    const wide<T> share = wide<T>(1) / static_cast<wide<T>>(dim);
    wide<T> sum = 0, squares = 0;
    for (int i = c.lane(); i < dim; i += 32) sum += from[i];
    const wide<T> m = warp_sum(c, sum) * share;
    for (int i = c.lane(); i < dim; i += 32) squares += (from[i] - m) * (from[i] - m);
    const wide<T> r = wide<T>(1) / math::sqrt(warp_sum(c, squares) * share + eps);
    for (int i = c.lane(); i < dim; i += 32) y[row * dim + i] = static_cast<T>((from[i] - m) * r * gain[i] + shift[i]);
    if (c.lane() == 0) mean[row] = m, rstd[row] = r;
  }
};

// With u = (x - mean) rstd and g = dy gain:  dx = (g - mean(g) - u mean(g u)) rstd;  dgain = sum of dy u;  dshift = sum of dy.
// Eight rows at a time, one per warp; every thread adds its columns of all rows. `again` gets what forward gave, if it is there.
template <class T>
struct NormBackward {
  static constexpr int threads = 256, warps = threads / 32;
  Sink<T> dx;
  wide<T>* partial;  // (chunks, 2 dim), or null
  T* again;          // (rows, dim), or null
  const T *dy, *x;
  const wide<T> *mean, *rstd;
  const T *gain, *shift;
  i64 rows, chunk;
  int dim;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    wide<T>* const sums = reinterpret_cast<wide<T>*>(c.shared());  // (2 dim), each by one thread alone
    for (int i = c.thread(); i < 2 * dim; i += threads) sums[i] = 0;
    c.sync();
    const i64 begin = c.block() * chunk, end = begin + chunk < rows ? begin + chunk : rows;
    for (i64 first = begin; first < end; first += warps) {
      const i64 row = first + c.warp();
      if (row < end && !dx.skipped()) through(c, row);
      for (int i = c.thread(); i < dim; i += threads) columns(sums, i, first, first + warps < end ? first + warps : end);
    }
    if (partial == nullptr) return;
    c.sync();
    for (int i = c.thread(); i < 2 * dim; i += threads) partial[c.block() * 2 * dim + i] = sums[i];
  }

 private:
  template <class C>
  VITRAIL_DEVICE void through(C& c, i64 row) const {
    const T *const g = dy + row * dim, *const from = x + row * dim;
    const wide<T> m = mean[row], r = rstd[row], share = wide<T>(1) / static_cast<wide<T>>(dim);
    wide<T> a = 0, b = 0;
    for (int i = c.lane(); i < dim; i += 32) a += g[i] * gain[i], b += g[i] * gain[i] * (from[i] - m);
    a = warp_sum(c, a) * share, b = warp_sum(c, b) * share * r;
    for (int i = c.lane(); i < dim; i += 32) put(dx, row * dim + i, (g[i] * gain[i] - a - (from[i] - m) * r * b) * r);
  }
  VITRAIL_DEVICE void columns(wide<T>* sums, int i, i64 first, i64 last) const {
    for (i64 row = first; row < last; ++row) {
      const wide<T> g = dy[row * dim + i], u = (x[row * dim + i] - mean[row]) * rstd[row];
      sums[i] += g * u, sums[dim + i] += g;
      if (again != nullptr) again[row * dim + i] = static_cast<T>(u * gain[i] + shift[i]);
    }
  }
};

template <Machine D, class T>
void norm_rows(D& device, const char* name, i64 rows, int dim, double eps, T* y, wide<T>* mean, wide<T>* rstd, const T* x, const T* gain,
               const T* shift) {
  const bool packed = with_row_packs<T>(dim, on_sixteen_bytes(y, x, gain, shift), [&](auto per) {
    warp_rows(device, name, rows, NormRowPacks<T, per()>{y, mean, rstd, x, gain, shift, dim, static_cast<wide<T>>(eps)});
  });
  if (!packed) warp_rows(device, name, rows, NormRow<T>{y, mean, rstd, x, gain, shift, dim, static_cast<wide<T>>(eps)});
}
constexpr i64 norm_partials(i64 rows, int dim) { return row_chunks(rows) * 2 * dim; }
// `partial`: norm_partials(rows, dim) numbers.
template <Machine D, class T>
void norm_backward(D& device, const char* name, i64 rows, int dim, Sink<T> dx, Sink<wide<T>> dgain, Sink<wide<T>> dshift, wide<T>* partial,
                   T* again, const T* dy, const T* x, const wide<T>* mean, const wide<T>* rstd, const T* gain, const T* shift) {
  const bool sums = !dgain.skipped() || !dshift.skipped();
  const i64 chunks = row_chunks(rows);
  const std::size_t shared = 2 * static_cast<std::size_t>(dim) * sizeof(wide<T>);
  const auto launch = [&]<class Body>(std::type_identity<Body>) {
    device.launch(name, Body{dx, sums ? partial : nullptr, again, dy, x, mean, rstd, gain, shift, rows, row_chunk(rows), dim}, chunks,
                  shared);
  };
  if (sums || again != nullptr || !dx.skipped()) {
    const bool packed = with_row_packs<T>(dim, on_sixteen_bytes(dx.to, again, dy, x, gain, shift),
                                          [&](auto per) { launch(std::type_identity<NormBackwardPacks<T, per()>>{}); });
    if (!packed) launch(std::type_identity<NormBackward<T>>{});
  }
  fold(device, name, dgain, static_cast<const wide<T>*>(partial), chunks, dim, 2 * dim);
  fold(device, name, dshift, static_cast<const wide<T>*>(partial) + dim, chunks, dim, 2 * dim);
}

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::LayerNorm, D> {
  template <class T>
  static void forward(D& device, const op::LayerNorm& o, T* y, wide<T>* mean, wide<T>* rstd, const T* x, const T* gain, const T* shift) {
    cuda::norm_rows(device, o.name, o.rows, o.dim, o.eps, y, mean, rstd, x, gain, shift);
  }
  template <class T>
  static void backward(D& device, const op::LayerNorm& o, Sink<T> dx, Sink<wide<T>> dgain, Sink<wide<T>> dshift, const T* dy, const T* x,
                       const wide<T>* mean, const wide<T>* rstd, const T* gain) {
    wide<T>* const partial = device.template scratch<wide<T>>(cuda::norm_partials(o.rows, o.dim));
    const T* const none = nullptr;
    cuda::norm_backward(device, o.name, o.rows, o.dim, dx, dgain, dshift, partial, static_cast<T*>(nullptr), dy, x, mean, rstd, gain, none);
  }
};

}  // namespace vitrail
