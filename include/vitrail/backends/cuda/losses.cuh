// Kernels that end in one number: cross-entropies, squared error. Sums over rows have one order.
#pragma once
#include "elementwise.cuh"
#include "rows.cuh"

namespace vitrail {

namespace cuda {

// 1 / n; means over no rows are 0.
template <class T>
T share_of(i64 n) {
  return n == 0 ? T(0) : T(1) / static_cast<T>(n);
}
// unit = x / max(|x|, 1e-12), and that length, neither rounded.
template <Machine D, class T>
void unit_rows(D& device, const char* name, i64 rows, int dim, wide<T>* unit, wide<T>* norm, const T* x) {
  using W = wide<T>;
  warp_rows(device, name, rows, NormalizeRow<W, T>{unit, norm, x, dim, static_cast<W>(1e-12), false});
}
// The log of the sum of exponentials of a row, by a block: top + rest. A loss adds its terms to the small `rest`.
template <class T>
struct LogSumExp {
  T top, rest;
};
template <int threads, class C, class T>
VITRAIL_DEVICE LogSumExp<wide<T>> log_sum_exp(C& c, const T* row, int n) {
  wide<T>* const spare = reinterpret_cast<wide<T>*>(c.shared());
  wide<T> top = row[0], sum = 0;
  for (int k = c.thread(); k < n; k += threads) {
    const wide<T> x = row[k];
    top = x > top ? x : top;
  }
  top = block_max<threads>(c, top, spare);
  for (int k = c.thread(); k < n; k += threads) sum += math::exp(row[k] - top);
  return {top, math::log(block_sum<threads>(c, sum, spare))};
}

template <class T>
struct CrossEntropyRow {
  static constexpr int threads = 128;
  wide<T> *lse, *loss;
  const T* x;
  const int* target;
  int classes;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const i64 row = c.block();
    const T* const from = x + row * classes;
    const LogSumExp<wide<T>> sum = log_sum_exp<threads>(c, from, classes);
    if (c.thread() == 0) lse[row] = sum.top + sum.rest, loss[row] = sum.rest + (sum.top - from[target[row]]);
  }
};
// dx = (softmax(x) - one_hot(target)) dy / rows
template <class T>
struct CrossEntropySlopeElement {
  Sink<T> dx;
  const wide<T>* dy;
  const T* x;
  const wide<T>* lse;
  const int* target;
  int classes;
  wide<T> share;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const i64 row = i / classes;
    const wide<T> p = math::exp(x[i] - lse[row]);
    put(dx, i, *dy * share * (i % classes == target[row] ? p - wide<T>(1) : p));
  }
};
// Shares of a row's target, of its other one, and of every class.
template <class T>
struct MixedShares {
  T own, rest, even;
  explicit MixedShares(const op::MixedCrossEntropy& o)
      : own(static_cast<T>((1 - o.smoothing) * o.share)),
        rest(static_cast<T>((1 - o.smoothing) * (1 - o.share))),
        even(static_cast<T>(o.smoothing / o.used)) {}
};
template <class T>
struct MixedCrossEntropyRow {
  static constexpr int threads = 128;
  wide<T> *lse, *loss;
  const T* x;
  const int *target, *other;
  int classes, used;
  MixedShares<wide<T>> share;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const i64 row = c.block();
    const T* const from = x + row * classes;
    const LogSumExp<wide<T>> sum = log_sum_exp<threads>(c, from, used);
    wide<T> all = 0;
    for (int k = c.thread(); k < used; k += threads) all += sum.top - from[k];
    all = block_sum<threads>(c, all, reinterpret_cast<wide<T>*>(c.shared()));
    if (c.thread() != 0) return;
    lse[row] = sum.top + sum.rest;
    loss[row] = sum.rest + share.own * (sum.top - from[target[row]]) + share.rest * (sum.top - from[other[row]]) + share.even * all;
  }
};
// dx = (softmax(x) - q) dy / rows
template <class T>
struct MixedCrossEntropySlopeElement {
  Sink<T> dx;
  const wide<T>* dy;
  const T* x;
  const wide<T>* lse;
  const int *target, *other;
  int classes, used;
  wide<T> by;
  MixedShares<wide<T>> share;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const i64 row = i / classes, k = i % classes;
    const wide<T> none = 0, q = share.even + (k == target[row] ? share.own : none) + (k == other[row] ? share.rest : none);
    put(dx, i, k < used ? *dy * by * (math::exp(x[i] - lse[row]) - q) : none);
  }
};
// P: the scalar of the targets, which need not be kept as the scores are.
template <class T, class P>
struct SoftCrossEntropyRow {
  static constexpr int threads = 128;
  wide<T> *lse, *loss;
  const T* x;
  const P* target;
  int classes;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const i64 row = c.block();
    const T* const from = x + row * classes;
    const P* const p = target + row * classes;
    const LogSumExp<wide<T>> sum = log_sum_exp<threads>(c, from, classes);
    wide<T> part = 0;
    for (int k = c.thread(); k < classes; k += threads) part += p[k] * (sum.rest + (sum.top - from[k]));
    part = block_sum<threads>(c, part, reinterpret_cast<wide<T>*>(c.shared()));
    if (c.thread() == 0) lse[row] = sum.top + sum.rest, loss[row] = part;
  }
};
// dx = (softmax(x) sum(p) - p) dy / rows
template <class T, class P>
struct SoftCrossEntropySlopeRow {
  Sink<T> dx;
  const wide<T>* dy;
  const T* x;
  const wide<T>* lse;
  const P* target;
  int classes;
  wide<T> share;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 at = row * classes;
    wide<T> total = 0;
    for (int k = c.lane(); k < classes; k += 32) total += target[at + k];
    total = warp_sum(c, total);
    for (int k = c.lane(); k < classes; k += 32)
      put(dx, at + k, *dy * share * (total * math::exp(x[at + k] - lse[row]) - target[at + k]));
  }
};
template <class T>
struct SquaredErrorTerm {
  const T *a, *b;
  VITRAIL_DEVICE wide<T> operator()(i64 i) const { return (a[i] - b[i]) * (a[i] - b[i]); }
};
template <class T>
struct SquaredErrorSlopeElement {
  Sink<T> da, db;
  const wide<T>* dy;
  const T *a, *b;
  wide<T> twice;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const wide<T> g = *dy * twice * (a[i] - b[i]);
    put(da, i, g), put(db, i, -g);
  }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::CrossEntropy, D> {
  template <class T>
  static void forward(D& device, const op::CrossEntropy& o, wide<T>* y, wide<T>* lse, const T* x, const int* target) {
    wide<T>* const loss = device.template scratch<wide<T>>(o.rows);
    using Row = cuda::CrossEntropyRow<T>;
    device.launch(o.name, Row{lse, loss, x, target, o.classes}, o.rows, Row::threads / 32 * sizeof(wide<T>));
    cuda::sum_few(device, o.name, y, static_cast<const wide<T>*>(loss), o.rows, cuda::share_of<wide<T>>(o.rows));
  }
  template <class T>
  static void backward(D& device, const op::CrossEntropy& o, Sink<T> dx, const wide<T>* dy, const T* x, const wide<T>* lse,
                       const int* target) {
    if (!dx.skipped())
      cuda::each(device, o.name, o.rows * o.classes,
                 cuda::CrossEntropySlopeElement<T>{dx, dy, x, lse, target, o.classes, cuda::share_of<wide<T>>(o.rows)});
  }
};

template <cuda::Machine D>
struct Kernel<op::MixedCrossEntropy, D> {
  template <class T>
  static void forward(D& device, const op::MixedCrossEntropy& o, wide<T>* y, wide<T>* lse, const T* x, const int* target,
                      const int* other) {
    wide<T>* const loss = device.template scratch<wide<T>>(o.rows);
    using Row = cuda::MixedCrossEntropyRow<T>;
    device.launch(o.name, Row{lse, loss, x, target, other, o.classes, o.used, cuda::MixedShares<wide<T>>(o)}, o.rows,
                  Row::threads / 32 * sizeof(wide<T>));
    cuda::sum_few(device, o.name, y, static_cast<const wide<T>*>(loss), o.rows, cuda::share_of<wide<T>>(o.rows));
  }
  template <class T>
  static void backward(D& device, const op::MixedCrossEntropy& o, Sink<T> dx, const wide<T>* dy, const T* x, const wide<T>* lse,
                       const int* target, const int* other) {
    if (!dx.skipped())
      cuda::each(device, o.name, o.rows * o.classes,
                 cuda::MixedCrossEntropySlopeElement<T>{dx, dy, x, lse, target, other, o.classes, o.used, cuda::share_of<wide<T>>(o.rows),
                                                        cuda::MixedShares<wide<T>>(o)});
  }
};

template <cuda::Machine D>
struct Kernel<op::SoftCrossEntropy, D> {
  template <class T, class P>
  static void forward(D& device, const op::SoftCrossEntropy& o, wide<T>* y, wide<T>* lse, const T* x, const P* target) {
    wide<T>* const loss = device.template scratch<wide<T>>(o.rows);
    using Row = cuda::SoftCrossEntropyRow<T, P>;
    device.launch(o.name, Row{lse, loss, x, target, o.classes}, o.rows, Row::threads / 32 * sizeof(wide<T>));
    cuda::sum_few(device, o.name, y, static_cast<const wide<T>*>(loss), o.rows, cuda::share_of<wide<T>>(o.rows));
  }
  template <class T, class P>
  static void backward(D& device, const op::SoftCrossEntropy& o, Sink<T> dx, const wide<T>* dy, const T* x, const wide<T>* lse,
                       const P* target) {
    if (!dx.skipped())
      cuda::warp_rows(device, o.name, o.rows,
                      cuda::SoftCrossEntropySlopeRow<T, P>{dx, dy, x, lse, target, o.classes, cuda::share_of<wide<T>>(o.rows)});
  }
};

template <cuda::Machine D>
struct Kernel<op::SquaredError, D> {
  template <class T>
  static void forward(D& device, const op::SquaredError& o, wide<T>* y, const T* a, const T* b) {
    wide<T>* const partial = device.template scratch<wide<T>>(cuda::sum_parts(o.n));
    cuda::sum_all(device, o.name, y, partial, o.n, cuda::share_of<wide<T>>(o.n), cuda::SquaredErrorTerm<T>{a, b});
  }
  template <class T>
  static void backward(D& device, const op::SquaredError& o, Sink<T> da, Sink<T> db, const wide<T>* dy, const T* a, const T* b) {
    cuda::each(device, o.name, o.n, cuda::SquaredErrorSlopeElement<T>{da, db, dy, a, b, 2 * cuda::share_of<wide<T>>(o.n)});
  }
};

}  // namespace vitrail
