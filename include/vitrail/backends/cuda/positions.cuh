// Positions beyond a table that is added: one seen at another size, and the biases of attention with relative positions.
#pragma once
#include "../../core/resample_filter.hpp"
#include "elementwise.cuh"

namespace vitrail {

namespace cuda {

// The table as the cells of another size see it.
template <class T>
struct ResampledElement {
  T* seen;
  const T* table;
  op::AddResampled o;

  VITRAIL_DEVICE void operator()(i64 i) const {
    const int cell = static_cast<int>(i / o.dim), channel = static_cast<int>(i % o.dim);
    const CubicTaps down(cell / o.to, o.from, o.step), across(cell % o.to, o.from, o.step);
    wide<T> sum = 0;
    for (int a = 0; a < 4; ++a)
      for (int b = 0; b < 4; ++b)
        sum += static_cast<wide<T>>(down.weight[a] * across.weight[b]) *
               table[(i64{down.cell[a]} * o.from + across.cell[b]) * o.dim + channel];
    seen[i] = static_cast<T>(sum);
  }
};
// A number of the table fetches what all cells that see it have: nothing is added by two threads.
template <class T>
struct ResampledSlopeElement {
  Sink<T> dtable;
  const T* dseen;
  op::AddResampled o;

  // With how much weight cell i of an axis sees cell `own` of the table's.
  VITRAIL_DEVICE double weight(int i, int own) const {
    const CubicTaps taps(i, o.from, o.step);
    double sum = 0;
    for (int k = 0; k < 4; ++k) sum += taps.cell[k] == own ? taps.weight[k] : 0.0;
    return sum;
  }
  VITRAIL_DEVICE void operator()(i64 i) const {
    const int cell = static_cast<int>(i / o.dim), channel = static_cast<int>(i % o.dim);
    T sum = 0;
    for (int row = 0; row < o.to; ++row) {
      const double down = weight(row, cell / o.from);
      if (down == 0) continue;
      for (int column = 0; column < o.to; ++column)
        sum += static_cast<T>(down * weight(column, cell % o.from)) * dseen[(i64{row} * o.to + column) * o.dim + channel];
    }
    put(dtable, i, sum);
  }
};

template <class T>
struct RelativeBiasElement {
  T* y;
  const T* table;
  op::RelativeBias o;

  VITRAIL_DEVICE void operator()(i64 i) const {
    const int tokens = o.tokens(), key = static_cast<int>(i % tokens), query = static_cast<int>(i / tokens % tokens);
    const i64 head = i / tokens / tokens;
    y[i] = table[i64{o.place(query, key)} * o.heads + head];
  }
};
// A number of the table fetches what all pairs of tokens that lie so have.
template <class T>
struct RelativeBiasSlopeElement {
  Sink<wide<T>> dtable;
  const T* dy;
  op::RelativeBias o;

  VITRAIL_DEVICE void operator()(i64 i) const {
    const int tokens = o.tokens(), span = o.span(), place = static_cast<int>(i / o.heads), front = place - span * span;
    const T* const from = dy + i % o.heads * tokens * tokens;
    wide<T> sum = 0;
    if (front < 0) {
      const int down = place / span - (o.grid - 1), across = place % span - (o.grid - 1);  // from key to query
      for (int row = down > 0 ? down : 0; row < o.grid + (down < 0 ? down : 0); ++row)
        for (int column = across > 0 ? across : 0; column < o.grid + (across < 0 ? across : 0); ++column) {
          const int query = o.lead + row * o.grid + column, key = query - down * o.grid - across;
          sum += from[query * tokens + key];
        }
    } else if (front == 0) {
      for (int key = o.lead; key < tokens; ++key) sum += from[key];
    } else if (front == 1) {
      for (int query = o.lead; query < tokens; ++query) sum += from[query * tokens];
    } else {
      sum = from[0];
    }
    put(dtable, i, sum);
  }
};

template <class T>
struct QueryValueElement {
  T* y;
  const T *q, *v;
  int dim;
  VITRAIL_DEVICE void operator()(i64 i) const { y[i] = i < dim ? q[i] : i < 2 * dim ? T(0) : v[i - 2 * dim]; }
};
template <class T>
struct QueryValueSlopeElement {
  Sink<wide<T>> dq, dv;
  const T* dy;
  int dim;
  VITRAIL_DEVICE void operator()(i64 i) const { put(dq, i, dy[i]), put(dv, i, dy[2 * dim + i]); }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::AddResampled, D> {
  template <class T>
  static void forward(D& device, const op::AddResampled& o, T* y, const T* x, const T* table) {
    T* const seen = device.template scratch<T>(o.cells());
    cuda::each(device, o.name, o.cells(), cuda::ResampledElement<T>{seen, table, o});
    cuda::each(device, o.name, o.batch * o.cells(), cuda::AddTableElement<T>{y, x, seen, o.cells()});
  }
  template <class T>
  static void backward(D& device, const op::AddResampled& o, Sink<wide<T>> dtable, const T* dy) {
    using W = wide<T>;
    if (dtable.skipped()) return;
    W* const sum = device.template scratch<W>(o.cells() * (1 + cuda::row_chunks(o.batch)));
    cuda::sum_columns(device, o.name, Sink<W>{sum, Write::assign}, sum + o.cells(), o.batch, o.cells(), cuda::TermOf<T>{dy, o.cells()});
    cuda::each(device, o.name, cuda::i64{o.from} * o.from * o.dim, cuda::ResampledSlopeElement<W>{dtable, sum, o});
  }
};

template <cuda::Machine D>
struct Kernel<op::RelativeBias, D> {
  template <class T>
  static void forward(D& device, const op::RelativeBias& o, T* y, const T* table) {
    cuda::each(device, o.name, cuda::i64{o.heads} * o.tokens() * o.tokens(), cuda::RelativeBiasElement<T>{y, table, o});
  }
  template <class T>
  static void backward(D& device, const op::RelativeBias& o, Sink<wide<T>> dtable, const T* dy) {
    if (!dtable.skipped()) cuda::each(device, o.name, cuda::i64{o.rows()} * o.heads, cuda::RelativeBiasSlopeElement<T>{dtable, dy, o});
  }
};

template <cuda::Machine D>
struct Kernel<op::QueryValueBias, D> {
  template <class T>
  static void forward(D& device, const op::QueryValueBias& o, T* y, const T* q, const T* v) {
    cuda::each(device, o.name, cuda::i64{3} * o.dim, cuda::QueryValueElement<T>{y, q, v, o.dim});
  }
  template <class T>
  static void backward(D& device, const op::QueryValueBias& o, Sink<wide<T>> dq, Sink<wide<T>> dv, const T* dy) {
    cuda::each(device, o.name, o.dim, cuda::QueryValueSlopeElement<T>{dq, dv, dy, o.dim});
  }
};

}  // namespace vitrail
