// What a student learns from a teacher's soft targets, and whether the teacher has collapsed. Probabilities of the teacher are made
// where they are used; what is kept are logarithms of sums.
#pragma once
#include "losses.cuh"

namespace vitrail {

namespace cuda {

// lse[row] = the logarithm of the sum of exp((x - centre) by) over a row, by a block; the centre may be null. Its two parts, the largest
// score and the small rest, are kept where there is room for them: a loss that counts from the largest loses no digits.
template <class T>
struct CentredLogSumExpRow {
  static constexpr int threads = 256;
  wide<T> *lse, *parts;  // parts (rows, 2), or null
  const T* x;
  const wide<T>* centre;
  int classes;
  wide<T> by;

  VITRAIL_DEVICE wide<T> score(i64 at, int k) const { return (centre == nullptr ? x[at + k] : x[at + k] - centre[k]) * by; }
  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    wide<T>* const spare = reinterpret_cast<wide<T>*>(c.shared());
    const i64 at = c.block() * classes;
    wide<T> top = score(at, 0), sum = 0;
    for (int k = c.thread(); k < classes; k += threads) {
      const wide<T> s = score(at, k);
      top = s > top ? s : top;
    }
    top = block_max<threads>(c, top, spare);
    for (int k = c.thread(); k < classes; k += threads) sum += math::exp(score(at, k) - top);
    sum = block_sum<threads>(c, sum, spare);
    if (c.thread() != 0) return;
    const wide<T> rest = math::log(sum);
    lse[c.block()] = top + rest;
    if (parts != nullptr) parts[2 * c.block()] = top, parts[2 * c.block() + 1] = rest;
  }
};
template <Machine D, class T>
void centred_log_sum_exp(D& device, const char* name, i64 rows, wide<T>* lse, wide<T>* parts, const T* x, const wide<T>* centre,
                         int classes, wide<T> by) {
  using Row = CentredLogSumExpRow<T>;
  device.launch(name, Row{lse, parts, x, centre, classes, by}, rows, Row::threads / 32 * sizeof(wide<T>));
}

// K: the scalar of the teacher's scores.
template <class K>
struct DistillationSizes {
  op::Distillation o;
  const K* t;
  const wide<K> *teacher_lse, *centre;
  wide<K> by;  // 1 / the teacher's temperature

  VITRAIL_DEVICE int pairs(int v) const { return o.teacher_views - (o.skip && v < o.teacher_views ? 1 : 0); }
  // The sum of the teacher's probabilities of class k over the views that student view v of an image is paired with.
  VITRAIL_DEVICE wide<K> target(i64 image, int v, int k) const {
    wide<K> sum = 0;
    for (int i = 0; i < o.teacher_views; ++i) {
      if (o.skip && v == i) continue;
      const i64 r = image * o.teacher_views + i;
      sum += math::exp((t[r * o.classes + k] - centre[k]) * by - teacher_lse[r]);
    }
    return sum;
  }
};
// What a view of the student loses: the sum over k of target (rest + top - s / temperature).
template <class T, class K>
struct DistillationRow {
  static constexpr int threads = 256;
  DistillationSizes<K> s;
  wide<T>* loss;
  const T* x;
  const wide<T>* parts;
  wide<T> by;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const i64 row = c.block(), image = row / s.o.student_views;
    const int v = static_cast<int>(row % s.o.student_views);
    wide<T> sum = 0;
    for (int k = c.thread(); k < s.o.classes; k += threads)
      sum += s.target(image, v, k) * (parts[2 * row + 1] + (parts[2 * row] - x[row * s.o.classes + k] * by));
    sum = block_sum<threads>(c, sum, reinterpret_cast<wide<T>*>(c.shared()));
    if (c.thread() == 0) loss[row] = sum;
  }
};
// ds[v] = (pairs of v softmax(s[v] / temperature) - target) dy / (temperature pairs)
template <class T, class K>
struct DistillationSlopeElement {
  DistillationSizes<K> s;
  Sink<T> ds;
  const wide<T>* dy;
  const T* x;
  const wide<T>* lse;
  wide<T> by, share;

  VITRAIL_DEVICE void operator()(i64 i) const {
    const i64 row = i / s.o.classes, image = row / s.o.student_views;
    const int v = static_cast<int>(row % s.o.student_views), k = static_cast<int>(i % s.o.classes);
    const wide<T> p = math::exp(x[i] * by - lse[row]);
    put(ds, i, *dy * share * by * (static_cast<wide<T>>(s.pairs(v)) * p - s.target(image, v, k)));
  }
};

// A class's share of the entropy of the mean probabilities, and of their variance; and the mean of its scores.
template <class T>
struct TeacherStatisticsColumn {
  wide<T> *bits, *spread, *mean;
  const T* x;
  const wide<T> *centre, *lse;
  i64 rows;
  int classes;
  wide<T> by, share;

  VITRAIL_DEVICE void operator()(i64 k) const {
    wide<T> sum = 0, squares = 0, scores = 0;
    for (i64 r = 0; r < rows; ++r) {
      const wide<T> score = x[r * classes + k], p = math::exp((score - centre[k]) * by - lse[r]);
      sum += p, squares += p * p, scores += score;
    }
    const wide<T> p = sum * share;
    mean[k] = scores * share;
    bits[k] = p > wide<T>(0) ? -p * math::log(p) : wide<T>(0);
    spread[k] = squares * share - p * p;
  }
};
// (unit - mean)^2, where `sums` are the sums over rows.
template <class T>
struct SpreadTerm {
  const T *unit, *sums;
  int dim;
  T share;
  VITRAIL_DEVICE T operator()(i64 i) const {
    const T off = unit[i] - sums[i % dim] * share;
    return off * off;
  }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::TeacherStatistics, D> {
  template <class T>
  static void forward(D& device, const op::TeacherStatistics& o, wide<T>* entropy, wide<T>* variance, wide<T>* mean, const T* x,
                      const wide<T>* centre) {
    using W = wide<T>;
    W* const lse = device.template scratch<W>(o.rows + 2 * cuda::i64{o.classes});
    W *const bits = lse + o.rows, *const spread = bits + o.classes;
    const W by = static_cast<W>(1 / o.temperature);
    cuda::centred_log_sum_exp(device, o.name, o.rows, lse, nullptr, x, centre, o.classes, by);
    cuda::each(device, o.name, o.classes,
               cuda::TeacherStatisticsColumn<T>{bits, spread, mean, x, centre, lse, o.rows, o.classes, by, cuda::share_of<W>(o.rows)});
    cuda::sum_few(device, o.name, entropy, static_cast<const W*>(bits), o.classes, W(1));
    cuda::sum_few(device, o.name, variance, static_cast<const W*>(spread), o.classes, W(1));
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

template <cuda::Machine D>
struct Kernel<op::UnitVariance, D> {
  template <class T>
  static void forward(D& device, const op::UnitVariance& o, wide<T>* y, const T* x) {
    using W = wide<T>;
    const cuda::i64 d = o.dim, size = o.rows * d;
    W* const unit = device.template scratch<W>(size + o.rows + d + cuda::row_chunks(o.rows) * d + cuda::sum_parts(size));
    W *const norm = unit + size, *const sums = norm + o.rows, *const columns = sums + d;
    W* const parts = columns + cuda::row_chunks(o.rows) * d;
    const W share = cuda::share_of<W>(o.rows);
    cuda::unit_rows(device, o.name, o.rows, o.dim, unit, norm, x);
    cuda::sum_columns(device, o.name, Sink<W>{sums, Write::assign}, columns, o.rows, d, cuda::TermOf<W>{unit, d});
    cuda::sum_all(device, o.name, y, parts, size, share, cuda::SpreadTerm<W>{unit, sums, o.dim, share});
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

template <cuda::Machine D>
struct Kernel<op::Distillation, D> {
  template <class T, class K>
  static void forward(D& device, const op::Distillation& o, wide<T>* y, wide<T>* lse, wide<T>* teacher_lse, const T* s, const K* t,
                      const wide<T>* centre) {
    using W = wide<T>;
    const cuda::i64 rows = cuda::i64{o.images} * o.student_views;
    const W by = static_cast<W>(1 / o.student_temperature), teacher_by = static_cast<W>(1 / o.teacher_temperature);
    W* const loss = device.template scratch<W>(3 * rows);
    W* const parts = loss + rows;
    cuda::centred_log_sum_exp(device, o.name, cuda::i64{o.images} * o.teacher_views, teacher_lse, nullptr, t, centre,
                              o.classes, teacher_by);
    cuda::centred_log_sum_exp(device, o.name, rows, lse, parts, s, nullptr, o.classes, by);
    using Row = cuda::DistillationRow<T, K>;
    device.launch(o.name, Row{{o, t, teacher_lse, centre, teacher_by}, loss, s, parts, by}, rows, Row::threads / 32 * sizeof(W));
    cuda::sum_few(device, o.name, y, static_cast<const W*>(loss), rows, cuda::share_of<W>(o.images * o.pairs_of_image()));
  }
  template <class T, class K>
  static void backward(D& device, const op::Distillation& o, Sink<T> ds, const wide<T>* dy, const T* s, const wide<T>* lse, const K* t,
                       const wide<T>* teacher_lse, const wide<T>* centre) {
    using W = wide<T>;
    if (ds.skipped()) return;
    const W by = static_cast<W>(1 / o.student_temperature), teacher_by = static_cast<W>(1 / o.teacher_temperature);
    cuda::each(device, o.name, cuda::i64{o.images} * o.student_views * o.classes,
               cuda::DistillationSlopeElement<T, K>{{o, t, teacher_lse, centre, teacher_by}, ds, dy, s, lse, by,
                                                 cuda::share_of<W>(o.images * o.pairs_of_image())});
  }
};

}  // namespace vitrail
