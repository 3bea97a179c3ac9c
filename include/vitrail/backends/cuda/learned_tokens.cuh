// Kernels that put learned tokens among others, prepend and complete, or add learned places, add_places, and what reaches those from all
// sequences.
#pragma once
#include "tokens.cuh"

namespace vitrail {

namespace cuda {

template <class T>
struct PrependRow {
  T* y;
  const T *x, *token, *place;
  int tokens, dim;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 b = row / (tokens + 1), j = row % (tokens + 1) - 1;
    for (int i = c.lane(); i < dim; i += 32)
      y[row * dim + i] = static_cast<T>(j < 0 ? token[i] + place[i] : wide<T>(x[(b * tokens + j) * dim + i]));
  }
};
template <class T>
struct FirstTokenTerm {
  const T* dy;
  i64 sequence;  // numbers
  VITRAIL_DEVICE wide<T> operator()(i64 b, i64 col) const { return dy[b * sequence + col]; }
};
template <class T>
struct CompleteRow {
  T* y;
  const T *x, *token, *place;
  const int* seen;
  op::Complete o;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 b = row / (o.lead + o.all);
    const int n = static_cast<int>(row % (o.lead + o.all)) - o.lead;
    int source = n < 0 ? o.lead + n : -1;
    for (int j = 0; n >= 0 && j < o.seen; ++j)
      if (seen[b * o.seen + j] == n) source = o.lead + j;
    for (int i = c.lane(); i < o.dim; i += 32)
      y[row * o.dim + i] =
          static_cast<T>(source >= 0 ? wide<T>(x[(b * (o.lead + o.seen) + source) * o.dim + i]) : token[i] + place[i64{n} * o.dim + i]);
  }
};
template <class T>
struct CompleteSlopeRow {
  Sink<T> dx;
  const T* dy;
  const int* seen;
  op::Complete o;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    const i64 b = row / (o.lead + o.seen);
    const int j = static_cast<int>(row % (o.lead + o.seen)) - o.lead;
    const int source = o.lead + (j < 0 ? j : seen[b * o.seen + j]);
    put_row(c, dx, row * o.dim, dy + (b * (o.lead + o.all) + source) * o.dim, o.dim);
  }
};
// hidden[b, n] = is n in no place of seen[b]?
struct HiddenElement {
  char* hidden;
  const int* seen;
  int all, count;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const i64 b = i / all;
    bool found = false;
    for (int j = 0; j < count; ++j) found = found || seen[b * count + j] == i % all;
    hidden[i] = found ? 0 : 1;
  }
};
template <class T>
struct HiddenTerm {
  const T* dy;
  const char* hidden;
  int all, lead, dim;
  VITRAIL_DEVICE wide<T> operator()(i64 b, i64 col) const {
    return hidden[b * all + col / dim] != 0 ? wide<T>(dy[(b * (all + lead) + lead) * dim + col]) : wide<T>(0);
  }
};

template <class T>
struct AddPlacesElement {
  T* y;
  const T *x, *table;
  const int* index;
  int dim;
  VITRAIL_DEVICE void operator()(i64 i) const { y[i] = static_cast<T>(x[i] + table[i64{index[i / dim]} * dim + i % dim]); }
};
// Which tokens of a sequence have place n: first[b, n], and then next[b, j] after j; -1: none.
struct TokensOfPlaces {
  int *first, *next;
  const int* index;
  int batch, to, places;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const i64 all = i64{batch} * places, b = i < all ? i / places : (i - all) / to;
    const int j = i < all ? -1 : static_cast<int>((i - all) % to), n = j < 0 ? static_cast<int>(i % places) : index[b * to + j];
    int found = j + 1;
    while (found < to && index[b * to + found] != n) ++found;
    (j < 0 ? first[i] : next[i - all]) = found < to ? found : -1;
  }
};
template <class T>
struct PlaceTerm {
  const T* dy;
  const int *first, *next;
  int to, places, dim;
  VITRAIL_DEVICE wide<T> operator()(i64 b, i64 col) const {
    wide<T> sum = 0;
    for (int j = first[b * places + col / dim]; j >= 0; j = next[b * to + j]) sum += dy[(b * to + j) * dim + col % dim];
    return sum;
  }
};
}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::AddPlaces, D> {
  template <class T>
  static void forward(D& device, const op::AddPlaces& o, T* y, const T* x, const T* table, const int* index) {
    cuda::each(device, o.name, cuda::i64{o.batch} * o.to * o.dim, cuda::AddPlacesElement<T>{y, x, table, index, o.dim});
  }
  template <class T>
  static void backward(D& device, const op::AddPlaces& o, Sink<wide<T>> dtable, const T* dy, const int* index) {
    if (dtable.skipped()) return;
    const cuda::i64 table = cuda::i64{o.places} * o.dim, partials = cuda::row_chunks(o.batch) * table;
    const cuda::i64 places = cuda::i64{o.batch} * o.places, lists = places + cuda::i64{o.batch} * o.to;
    wide<T>* const partial = device.template scratch<wide<T>>(partials + cuda::room_for<wide<T>, int>(lists));
    int* const first = reinterpret_cast<int*>(partial + partials);
    cuda::each(device, o.name, lists, cuda::TokensOfPlaces{first, first + places, index, o.batch, o.to, o.places});
    const cuda::PlaceTerm<T> term{dy, first, first + places, o.to, o.places, o.dim};
    cuda::sum_columns(device, o.name, dtable, partial, o.batch, table, term);
  }
};

template <cuda::Machine D>
struct Kernel<op::Prepend, D> {
  template <class T>
  static void forward(D& device, const op::Prepend& o, T* y, const T* x, const T* token, const T* place) {
    cuda::warp_rows(device, o.name, cuda::i64{o.batch} * (o.tokens + 1), cuda::PrependRow<T>{y, x, token, place, o.tokens, o.dim});
  }
  template <class T>
  static void backward(D& device, const op::Prepend& o, Sink<T> dx, Sink<wide<T>> dtoken, Sink<wide<T>> dplace, const T* dy) {
    cuda::move_rows(device, o.name, o.batch, cuda::MoveRow<T>{dx, dy, o.tokens, o.tokens, 0, o.tokens + 1, 1, o.dim});
    wide<T>* const partial = device.template scratch<wide<T>>(cuda::row_chunks(o.batch) * o.dim);
    const cuda::FirstTokenTerm<T> term{dy, (o.tokens + cuda::i64{1}) * o.dim};
    for (const Sink<wide<T>>& sink : {dtoken, dplace}) cuda::sum_columns(device, o.name, sink, partial, o.batch, o.dim, term);
  }
};

template <cuda::Machine D>
struct Kernel<op::Complete, D> {
  template <class T>
  static void forward(D& device, const op::Complete& o, T* y, const T* x, const T* token, const T* place, const int* seen) {
    cuda::warp_rows(device, o.name, cuda::i64{o.batch} * (o.lead + o.all), cuda::CompleteRow<T>{y, x, token, place, seen, o});
  }
  // What reaches each place from all sequences; the token's share is the sum over places.
  template <class T>
  static void backward(D& device, const op::Complete& o, Sink<T> dx, Sink<wide<T>> dtoken, Sink<wide<T>> dplace, const T* dy,
                       const int* seen) {
    if (!dx.skipped())
      cuda::warp_rows(device, o.name, cuda::i64{o.batch} * (o.lead + o.seen), cuda::CompleteSlopeRow<T>{dx, dy, seen, o});
    if (dtoken.skipped() && dplace.skipped()) return;
    const cuda::i64 table = cuda::i64{o.all} * o.dim, places = cuda::i64{o.batch} * o.all, partials = cuda::row_chunks(o.batch) * table;
    wide<T>* const sum = device.template scratch<wide<T>>(table + partials + cuda::pieces(places, sizeof(wide<T>)));
    wide<T>* const partial = sum + table;
    char* const hidden = reinterpret_cast<char*>(partial + partials);
    cuda::each(device, o.name, places, cuda::HiddenElement{hidden, seen, o.all, o.seen});
    cuda::sum_columns(device, o.name, Sink<wide<T>>{sum, Write::assign}, partial, o.batch, table,
                      cuda::HiddenTerm<T>{dy, hidden, o.all, o.lead, o.dim});
    if (!dplace.skipped()) cuda::each(device, o.name, table, cuda::PassElement<wide<T>>{dplace, sum, nullptr, wide<T>(1)});
    cuda::fold(device, o.name, dtoken, static_cast<const wide<T>*>(sum), o.all, o.dim, o.dim);
  }
};

}  // namespace vitrail
