// InfoNCE among the descriptors of a batch, and against the keys of a teacher.
#pragma once
#include "losses.cuh"

namespace vitrail {

namespace cuda {

// A row of inner products becomes a softmax over those that the row may choose among.
template <class T>
struct InfoNceRow {
  T *share, *loss, *nearest;
  int rows;
  T temperature;
  bool both_branches;
  VITRAIL_DEVICE bool allowed(i64 r, int c) const { return both_branches ? r != c : ((r ^ c) & 1) != 0; }
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 r) const {
    T* const row = share + r * rows;
    const T own = row[r ^ 1];
    T top = own, sum = 0;
    for (int k = c.lane(); k < rows; k += 32)
      if (allowed(r, k) && row[k] > top) top = row[k];
    top = warp_max(c, top);
    for (int k = c.lane(); k < rows; k += 32) {
      const T e = allowed(r, k) ? math::exp((row[k] - top) / temperature) : T(0);
      row[k] = e, sum += e;
    }
    sum = warp_sum(c, sum);
    for (int k = c.lane(); k < rows; k += 32) row[k] /= sum;
    if (c.lane() == 0) loss[r] = math::log(sum) - (own - top) / temperature, nearest[r] = own >= top ? T(1) : T(0);
  }
};
template <class T>
struct InfoNceBothElement {  // G + G^T
  T* both;
  const T *dy, *share;
  i64 rows;
  T by;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const i64 r = i / rows, c = i % rows;
    both[i] = *dy * by * (share[i] + share[c * rows + r] - (c == (r ^ 1) ? T(2) : T(0)));
  }
};
// dq = (du - u (u . du)) / |q| with du = g (share keys - pair's key)
template <class T>
struct KeyedSlopeRow {
  Sink<T> dq;
  wide<T>* du;  // share keys; becomes the gradient of the unit row
  const wide<T> *dy, *unit, *norm, *keys;
  int dim;
  wide<T> by;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 at = row * dim, pair = (row ^ 1) * dim;
    wide<T> sum = 0;
    for (int i = c.lane(); i < dim; i += 32) {
      du[at + i] = *dy * by * (du[at + i] - keys[pair + i]);
      sum += unit[at + i] * du[at + i];
    }
    const wide<T> dot = warp_sum(c, sum);
    for (int i = c.lane(); i < dim; i += 32) put(dq, at + i, (du[at + i] - unit[at + i] * dot) / norm[row]);
  }
};

}  // namespace cuda

// u = z / |z|;  S = u u^T / t;  row r may choose among c with a different parity (the opposite branch), or among all c != r;
// loss = mean over r of -log softmax(S[r])[pair of r].
template <cuda::Machine D>
struct Kernel<op::InfoNce, D> {
  template <class T>
  static void forward(D& device, const op::InfoNce& o, wide<T>* y, wide<T>* accuracy, wide<T>* unit, wide<T>* norm, wide<T>* share,
                      const T* z) {
    using W = wide<T>;
    const cuda::i64 rows = o.rows();
    if (o.unit_length) {
      cuda::unit_rows(device, o.name, rows, o.dim, unit, norm, z);
    } else {
      cuda::each(device, o.name, rows * o.dim, cuda::RoundElement<W, T>{unit, z});
      cuda::each(device, o.name, rows, cuda::FillElement<W>{norm, W(1)});
    }
    device.gemm(o.name, cuda::Gemm{rows, rows, o.dim, false, true}, share, static_cast<const W*>(unit), static_cast<const W*>(unit),
                cuda::Plus<W>{});
    W* const loss = device.template scratch<W>(2 * rows);
    cuda::warp_rows(device, o.name, rows,
                    cuda::InfoNceRow<W>{share, loss, loss + rows, static_cast<int>(rows), static_cast<W>(o.temperature), o.both_branches});
    cuda::sum_few(device, o.name, y, static_cast<const W*>(loss), rows, cuda::share_of<W>(rows));
    cuda::sum_few(device, o.name, accuracy, static_cast<const W*>(loss) + rows, rows, cuda::share_of<W>(rows));
  }
  // G = (share - pairs) dy / (rows t);  du = (G + G^T) u;  dz = (du - u (u . du)) / |z|
  template <class T>
  static void backward(D& device, const op::InfoNce& o, Sink<T> dz, const wide<T>* dy, const wide<T>* unit, const wide<T>* norm,
                       const wide<T>* share) {
    using W = wide<T>;
    if (dz.skipped()) return;
    const cuda::i64 rows = o.rows();
    W* const both = device.template scratch<W>(rows * rows + rows * o.dim);
    W* const du = both + rows * rows;
    cuda::each(device, o.name, rows * rows,
               cuda::InfoNceBothElement<W>{both, dy, share, rows, cuda::share_of<W>(rows) / static_cast<W>(o.temperature)});
    device.gemm(o.name, cuda::Gemm{rows, o.dim, rows}, du, static_cast<const W*>(both), unit, cuda::Plus<W>{});
    cuda::warp_rows(device, o.name, rows, cuda::NormalizeSlopeRow<W, T>{dz, du, unit, norm, o.dim, W(0), !o.unit_length});
  }
};

// The same with keys of their own, of scalar K, which receive no gradient; a row chooses among those of the other parity.
template <cuda::Machine D>
struct Kernel<op::KeyedInfoNce, D> {
  template <class T, class K>
  static void forward(D& device, const op::KeyedInfoNce& o, wide<T>* y, wide<T>* accuracy, wide<T>* unit, wide<T>* norm, wide<T>* keys,
                      wide<T>* share, const T* q, const K* k) {
    using W = wide<T>;
    const cuda::i64 rows = o.rows();
    W* const loss = device.template scratch<W>(2 * rows);
    cuda::unit_rows(device, o.name, rows, o.dim, unit, norm, q);
    cuda::unit_rows(device, o.name, rows, o.dim, keys, loss, k);
    device.gemm(o.name, cuda::Gemm{rows, rows, o.dim, false, true}, share, static_cast<const W*>(unit), static_cast<const W*>(keys),
                cuda::Plus<W>{});
    cuda::warp_rows(device, o.name, rows,
                    cuda::InfoNceRow<W>{share, loss, loss + rows, static_cast<int>(rows), static_cast<W>(o.temperature), false});
    cuda::sum_few(device, o.name, y, static_cast<const W*>(loss), rows, cuda::share_of<W>(rows));
    cuda::sum_few(device, o.name, accuracy, static_cast<const W*>(loss) + rows, rows, cuda::share_of<W>(rows));
  }
  template <class T>
  static void backward(D& device, const op::KeyedInfoNce& o, Sink<T> dq, const wide<T>* dy, const wide<T>* unit, const wide<T>* norm,
                       const wide<T>* keys, const wide<T>* share) {
    using W = wide<T>;
    if (dq.skipped()) return;
    const cuda::i64 rows = o.rows();
    W* const du = device.template scratch<W>(rows * o.dim);
    device.gemm(o.name, cuda::Gemm{rows, o.dim, rows}, du, share, keys, cuda::Plus<W>{});
    cuda::warp_rows(device, o.name, rows,
                    cuda::KeyedSlopeRow<T>{dq, du, dy, unit, norm, keys, o.dim, cuda::share_of<W>(rows) / static_cast<W>(o.temperature)});
  }
};

}  // namespace vitrail
