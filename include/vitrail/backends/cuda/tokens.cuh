// Kernels that move tokens: patchify, gather, scatter, concat, slice, mean_tokens. A warp moves a token; what may
// come from several places is looked for among the sequence's indices by the one who receives it, in their order: no atomics.
#pragma once
#include "elementwise.cuh"

namespace vitrail {

namespace cuda {

template <class C, class T>
VITRAIL_DEVICE void put_row(C& c, const Sink<T>& to, i64 at, const T* from, int dim) {
  for (int i = c.lane(); i < dim; i += 32) put(to, at + i, from[i]);
}

template <class T>
struct PatchElement {
  T* y;
  const T* x;
  const int* index;  // or null
  op::Patchify o;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const int side = o.patch / o.shrink;
    const int column = static_cast<int>(i % side), row = static_cast<int>(i / side % side);
    const i64 rest = i / side / side, place = rest / o.channels, plane = place / o.to * o.channels + rest % o.channels;
    const int n = index == nullptr ? static_cast<int>(place % o.to) : index[place];
    const int top = n / o.grid() * o.patch + row * o.shrink, left = n % o.grid() * o.patch + column * o.shrink;
    const T* const corner = x + (plane * o.image + top) * o.image + left;
    wide<T> sum = 0;
    for (int u = 0; u < o.shrink; ++u)
      for (int v = 0; v < o.shrink; ++v) sum += corner[u * o.image + v];
    y[i] = static_cast<T>(o.shrink == 1 ? sum : sum * (wide<T>(1) / static_cast<wide<T>>(o.shrink * o.shrink)));
  }
};
// to[row] = from[lead + index[row]] within a sequence: gather's forward, scatter's backward, complete's backward.
template <class T>
struct TakeRow {
  Sink<T> to;
  const T* from;
  const int* index;
  int count, many, lead, dim;  // rows of `to` and of `from` in a sequence
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 b = row / count;
    put_row(c, to, row * dim, from + (b * many + lead + index[row]) * dim, dim);
  }
};
// to[n] = the sum of from[j] over all j with lead + index[j] = n: gather's backward, scatter's forward.
template <class T>
struct CollectRow {
  Sink<T> to;
  const T* from;
  const int* index;
  int count, many, lead, dim;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 b = row / count;
    const int n = static_cast<int>(row % count) - lead;
    int found = 0, one = 0;
    for (int j = 0; j < many; ++j)
      if (index[b * many + j] == n) ++found, one = j;
    for (int i = c.lane(); i < dim; i += 32)
      put(to, row * dim + i, found == 1 ? static_cast<wide<T>>(from[(b * many + one) * dim + i]) : sum(b, n, found, i));
  }

 private:
  VITRAIL_DEVICE wide<T> sum(i64 b, int n, int found, int i) const {
    wide<T> all = 0;
    for (int j = 0; found > 0 && j < many; ++j)
      if (index[b * many + j] == n) all += from[(b * many + j) * dim + i];
    return all;
  }
};
struct TakeId {
  int* y;
  const int *x, *index;
  int from, to;
  VITRAIL_DEVICE void operator()(i64 i) const { y[i] = x[i / to * from + index[i]]; }
};
// Parts of sequences, copied: `count` rows for each of them, from row `from_first` of `from_rows` to row `to_first` of `to_rows`.
template <class T>
struct MoveRow {
  Sink<T> to;
  const T* from;
  int count, to_rows, to_first, from_rows, from_first, dim;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 b = row / count, j = row % count;
    put_row(c, to, (b * to_rows + to_first + j) * dim, from + (b * from_rows + from_first + j) * dim, dim);
  }
};
template <Machine D, class T>
void move_rows(D& device, const char* name, i64 batch, const MoveRow<T>& move) {
  if (!move.to.skipped()) warp_rows(device, name, batch * move.count, move);
}
// A slice's gradient: dy inside, 0 outside.
template <class T>
struct SliceSlopeRow {
  Sink<T> dx;
  const T* dy;
  int from, first, to, dim;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 b = row / from, j = row % from - first;
    const bool inside = j >= 0 && j < to;
    for (int i = c.lane(); i < dim; i += 32) put(dx, row * dim + i, inside ? static_cast<wide<T>>(dy[(b * to + j) * dim + i]) : wide<T>(0));
  }
};
template <class T>
struct MeanTokensElement {
  T* y;
  const T* x;
  int tokens, first, dim;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const T* from = x + (i / dim * tokens + first) * dim + i % dim;
    wide<T> sum = 0;
    for (int n = first; n < tokens; ++n, from += dim) sum += *from;
    y[i] = static_cast<T>(sum * (wide<T>(1) / static_cast<wide<T>>(tokens - first)));
  }
};
template <class T>
struct MeanTokensSlopeRow {
  Sink<T> dx;
  const T* dy;
  int tokens, first, dim;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const wide<T> share = row % tokens < first ? wide<T>(0) : wide<T>(1) / static_cast<wide<T>>(tokens - first);
    for (int i = c.lane(); i < dim; i += 32) put(dx, row * dim + i, share * dy[row / tokens * dim + i]);
  }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::Patchify, D> {
  template <class T>
  static void forward(D& device, const op::Patchify& o, T* y, const T* x, const int* index) {
    const int side = o.patch / o.shrink;
    cuda::each(device, o.name, cuda::i64{o.batch} * o.to * o.channels * side * side, cuda::PatchElement<T>{y, x, index, o});
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

template <cuda::Machine D>
struct Kernel<op::Gather, D> {
  template <class T>
  static void forward(D& device, const op::Gather& o, T* y, const T* x, const int* index) {
    cuda::warp_rows(device, o.name, cuda::i64{o.batch} * o.to, cuda::TakeRow<T>{{y, Write::assign}, x, index, o.to, o.from, o.lead, o.dim});
  }
  template <class T>
  static void backward(D& device, const op::Gather& o, Sink<T> dx, const T* dy, const int* index) {
    if (!dx.skipped())
      cuda::warp_rows(device, o.name, cuda::i64{o.batch} * o.from, cuda::CollectRow<T>{dx, dy, index, o.from, o.to, o.lead, o.dim});
  }
};

template <cuda::Machine D>
struct Kernel<op::GatherIds, D> {
  static void forward(D& device, const op::GatherIds& o, int* y, const int* x, const int* index) {
    cuda::each(device, o.name, cuda::i64{o.batch} * o.to, cuda::TakeId{y, x, index, o.from, o.to});
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

template <cuda::Machine D>
struct Kernel<op::Scatter, D> {
  template <class T>
  static void forward(D& device, const op::Scatter& o, T* y, const T* x, const int* index) {
    cuda::warp_rows(device, o.name, cuda::i64{o.batch} * o.to, cuda::CollectRow<T>{{y, Write::assign}, x, index, o.to, o.from, 0, o.dim});
  }
  template <class T>
  static void backward(D& device, const op::Scatter& o, Sink<T> dx, const T* dy, const int* index) {
    if (!dx.skipped())
      cuda::warp_rows(device, o.name, cuda::i64{o.batch} * o.from, cuda::TakeRow<T>{dx, dy, index, o.from, o.to, 0, o.dim});
  }
};

template <cuda::Machine D>
struct Kernel<op::Concat, D> {
  template <class T>
  static void forward(D& device, const op::Concat& o, T* y, const T* a, const T* b) {
    const int all = o.first + o.second;
    cuda::move_rows(device, o.name, o.batch, cuda::MoveRow<T>{{y, Write::assign}, a, o.first, all, 0, o.first, 0, o.dim});
    cuda::move_rows(device, o.name, o.batch, cuda::MoveRow<T>{{y, Write::assign}, b, o.second, all, o.first, o.second, 0, o.dim});
  }
  template <class T>
  static void backward(D& device, const op::Concat& o, Sink<T> da, Sink<T> db, const T* dy) {
    const int all = o.first + o.second;
    cuda::move_rows(device, o.name, o.batch, cuda::MoveRow<T>{da, dy, o.first, o.first, 0, all, 0, o.dim});
    cuda::move_rows(device, o.name, o.batch, cuda::MoveRow<T>{db, dy, o.second, o.second, 0, all, o.first, o.dim});
  }
};

template <cuda::Machine D>
struct Kernel<op::Slice, D> {
  template <class T>
  static void forward(D& device, const op::Slice& o, T* y, const T* x) {
    cuda::move_rows(device, o.name, o.batch, cuda::MoveRow<T>{{y, Write::assign}, x, o.to, o.to, 0, o.from, o.first, o.dim});
  }
  template <class T>
  static void backward(D& device, const op::Slice& o, Sink<T> dx, const T* dy) {
    if (!dx.skipped())
      cuda::warp_rows(device, o.name, cuda::i64{o.batch} * o.from, cuda::SliceSlopeRow<T>{dx, dy, o.from, o.first, o.to, o.dim});
  }
};

template <cuda::Machine D>
struct Kernel<op::MeanTokens, D> {
  template <class T>
  static void forward(D& device, const op::MeanTokens& o, T* y, const T* x) {
    cuda::each(device, o.name, cuda::i64{o.batch} * o.dim, cuda::MeanTokensElement<T>{y, x, o.tokens, o.first, o.dim});
  }
  template <class T>
  static void backward(D& device, const op::MeanTokens& o, Sink<T> dx, const T* dy) {
    if (!dx.skipped())
      cuda::warp_rows(device, o.name, cuda::i64{o.batch} * o.tokens, cuda::MeanTokensSlopeRow<T>{dx, dy, o.tokens, o.first, o.dim});
  }
};

}  // namespace vitrail
