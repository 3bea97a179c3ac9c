// Kernels that look at one element at a time: gelu, map, add, tables, channels, dropped branches.
#pragma once
#include <tuple>
#include <utility>

#include "../../core/dual.hpp"
#include "../../core/random.hpp"
#include "packs.cuh"

namespace vitrail {

namespace cuda {

template <class T>
struct GeluElement {
  static constexpr int size = Pack<T>::size;
  T* y;
  const T* x;
  bool tanh_form;
  bool packs_allowed() const { return on_sixteen_bytes(y, x); }
  VITRAIL_DEVICE wide<T> of(wide<T> v) const { return tanh_form ? math::gelu_tanh(v) : math::gelu(v); }
  VITRAIL_DEVICE void operator()(i64 i) const { y[i] = static_cast<T>(of(x[i])); }
  VITRAIL_DEVICE void pack(i64 i) const {
    Pack<T> v = load_pack(x + i);
    VITRAIL_UNROLL for (int k = 0; k < size; ++k) v.x[k] = static_cast<T>(of(v.x[k]));
    store_pack(y + i, v);
  }
};
template <class T>
struct GeluSlopeElement {
  static constexpr int size = Pack<T>::size;
  Sink<T> dx;
  const T *dy, *x;
  bool tanh_form;
  bool packs_allowed() const { return on_sixteen_bytes(dx.to, dy, x); }
  VITRAIL_DEVICE wide<T> of(wide<T> v) const { return tanh_form ? math::gelu_tanh_slope(v) : math::gelu_slope(v); }
  VITRAIL_DEVICE void operator()(i64 i) const { put(dx, i, dy[i] * of(x[i])); }
  VITRAIL_DEVICE void pack(i64 i) const {
    const Pack<T> v = load_pack(x + i), g = load_pack(dy + i);
    wide<T> slope[size];
    VITRAIL_UNROLL for (int k = 0; k < size; ++k) slope[k] = g.x[k] * of(v.x[k]);
    put_pack(dx, i, slope);
  }
};
template <class T>
struct AddElement {
  static constexpr int size = Pack<T>::size;
  T* y;
  const T *a, *b;
  bool packs_allowed() const { return on_sixteen_bytes(y, a, b); }
  VITRAIL_DEVICE void operator()(i64 i) const { y[i] = static_cast<T>(a[i] + b[i]); }
  VITRAIL_DEVICE void pack(i64 i) const {
    Pack<T> u = load_pack(a + i);
    const Pack<T> v = load_pack(b + i);
    VITRAIL_UNROLL for (int k = 0; k < size; ++k) u.x[k] = static_cast<T>(u.x[k] + v.x[k]);
    store_pack(y + i, u);
  }
};
template <class T>
struct FillElement {
  T* y;
  T value;
  VITRAIL_DEVICE void operator()(i64 i) const { y[i] = value; }
};
// Gradients of another scalar than what they are put into.
template <class Y, class X>
struct PutElement {
  Sink<Y> y;
  const X* x;
  VITRAIL_DEVICE void operator()(i64 i) const { put(y, i, x[i]); }
};
template <class Y, class X>
struct RoundElement {
  Y* y;
  const X* x;
  VITRAIL_DEVICE void operator()(i64 i) const { y[i] = static_cast<Y>(x[i]); }
};
// sink = or += by * x; `by` is read from the card where a pointer to it is given.
template <class T>
struct PassElement {
  static constexpr int size = Pack<T>::size;
  Sink<T> sink;
  const T* x;
  const wide<T>* factor;
  wide<T> by;
  bool packs_allowed() const { return on_sixteen_bytes(sink.to, x); }
  VITRAIL_DEVICE wide<T> all() const { return factor == nullptr ? by : by * *factor; }
  VITRAIL_DEVICE void operator()(i64 i) const { put(sink, i, all() * x[i]); }
  VITRAIL_DEVICE void pack(i64 i) const {
    const Pack<T> v = load_pack(x + i);
    const wide<T> f = all();
    wide<T> out[size];
    VITRAIL_UNROLL for (int k = 0; k < size; ++k) out[k] = f * v.x[k];
    put_pack(sink, i, out);
  }
};
template <class T>
struct AddTableElement {
  T* y;
  const T *x, *table;
  i64 n;
  VITRAIL_DEVICE void operator()(i64 i) const { y[i] = static_cast<T>(x[i] + table[i % n]); }
};
template <class T>
struct ScaleElement {
  Sink<T> y;
  const T *x, *gamma;
  i64 dim;
  VITRAIL_DEVICE void operator()(i64 i) const { put(y, i, x[i] * gamma[i % dim]); }
};
template <class T>
struct DroppedElement {  // y = x + s branch, or without x
  Sink<T> y;
  const T *x, *branch;
  op::AddDropped o;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const int place = o.part.place(static_cast<int>(i / o.per_sample), o.batch);
    const bool dropped = Random(o.key).stream(static_cast<std::uint64_t>(place)).chance(o.rate);
    const wide<T> s = dropped ? wide<T>(0) : static_cast<wide<T>>(1 / (1 - o.rate));
    put(y, i, x == nullptr ? s * branch[i] : x[i] + s * branch[i]);
  }
};
template <class T>
struct TermOfProduct {
  const T *x, *y;
  i64 cols;
  VITRAIL_DEVICE wide<T> operator()(i64 row, i64 col) const { return x[row * cols + col] * y[row * cols + col]; }
};

template <class T, class F, int Inputs>
struct MapElement {
  T* y;
  const T* x[Inputs];
  F f;
  VITRAIL_DEVICE void operator()(i64 i) const { call(i, std::make_integer_sequence<int, Inputs>{}); }
  template <int... I>
  VITRAIL_DEVICE void call(i64 i, std::integer_sequence<int, I...>) const {
    y[i] = static_cast<T>(static_cast<wide<T>>(f(static_cast<wide<T>>(x[I][i])...)));
  }
};
// All sinks of one element are written together, so that one of them may be dy itself.
template <class T, class F, int Inputs>
struct MapSlopeElement {
  Sink<T> sink[Inputs];
  const T* dy;
  const T* x[Inputs];
  F f;
  VITRAIL_DEVICE void operator()(i64 i) const { call(i, std::make_integer_sequence<int, Inputs>{}); }
  template <int... I>
  VITRAIL_DEVICE void call(i64 i, std::integer_sequence<int, I...>) const {
    using Number = Dual<wide<T>, Inputs>;
    const Number y = f(Number::variable(static_cast<wide<T>>(x[I][i]), I)...);
    const wide<T> g = dy[i];
    for (int k = 0; k < Inputs; ++k) put(sink[k], i, g * y.slope[k]);
  }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::Gelu, D> {
  template <class T>
  static void forward(D& device, const op::Gelu& o, T* y, const T* x) {
    cuda::each_by_packs(device, o.name, o.n, cuda::GeluElement<T>{y, x, o.tanh_form});
  }
  template <class T>
  static void backward(D& device, const op::Gelu& o, Sink<T> dx, const T* dy, const T* x) {
    if (!dx.skipped()) cuda::each_by_packs(device, o.name, o.n, cuda::GeluSlopeElement<T>{dx, dy, x, o.tanh_form});
  }
};

template <class F, int Inputs, cuda::Machine D>
struct Kernel<op::Map<F, Inputs>, D> {
  template <class T, class... X>
  static void forward(D& device, const op::Map<F, Inputs>& o, T* y, const X*... x) {
    cuda::each(device, o.name, o.n, cuda::MapElement<T, F, Inputs>{y, {x...}, o.f});
  }
  template <class T, class... A>
  static void backward(D& device, const op::Map<F, Inputs>& o, Sink<T> first, A... rest) {
    const std::tuple<Sink<T>, A...> all{first, rest...};
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      constexpr std::size_t n = sizeof...(I);
      cuda::each(device, o.name, o.n,
                 cuda::MapSlopeElement<T, F, Inputs>{{std::get<I>(all)...}, std::get<n>(all), {std::get<n + 1 + I>(all)...}, o.f});
    }(std::make_index_sequence<static_cast<std::size_t>(Inputs)>{});
  }
};

template <cuda::Machine D>
struct Kernel<op::Add, D> {
  template <class T>
  static void forward(D& device, const op::Add& o, T* y, const T* a, const T* b) {
    cuda::each_by_packs(device, o.name, o.n, cuda::AddElement<T>{y, a, b});
  }
  template <class T>
  static void backward(D& device, const op::Add& o, Sink<T> dx, const T* dy) {
    if (!dx.skipped()) cuda::each_by_packs(device, o.name, o.n, cuda::PassElement<T>{dx, dy, nullptr, wide<T>(1)});
  }
};

template <cuda::Machine D>
struct Kernel<op::Copy, D> {
  template <class T>
  static void forward(D& device, const op::Copy& o, T* y, const T* x) {
    cuda::each(device, o.name, o.n, cuda::RoundElement<T, T>{y, x});
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

template <cuda::Machine D>
struct Kernel<op::Widen, D> {
  template <class T>
  static void forward(D& device, const op::Widen& o, wide<T>* y, const T* x) {
    cuda::each(device, o.name, o.n, cuda::RoundElement<wide<T>, T>{y, x});
  }
  template <class T>
  static void backward(D& device, const op::Widen& o, Sink<T> dx, const wide<T>* dy) {
    if (!dx.skipped()) cuda::each(device, o.name, o.n, cuda::PutElement<T, wide<T>>{dx, dy});
  }
};

template <cuda::Machine D>
struct Kernel<op::AddTable, D> {
  template <class T>
  static void forward(D& device, const op::AddTable& o, T* y, const T* x, const T* table) {
    cuda::each(device, o.name, o.rows * o.n, cuda::AddTableElement<T>{y, x, table, o.n});
  }
  template <class T>
  static void backward(D& device, const op::AddTable& o, Sink<wide<T>> dtable, const T* dy) {
    wide<T>* const partial = device.template scratch<wide<T>>(cuda::row_chunks(o.rows) * o.n);
    cuda::sum_rows_of(device, o.name, dtable, partial, o.rows, o.n, dy);
  }
};

template <cuda::Machine D>
struct Kernel<op::ScaleChannels, D> {
  template <class T>
  static void forward(D& device, const op::ScaleChannels& o, T* y, const T* x, const T* gamma) {
    cuda::each(device, o.name, o.rows * o.dim, cuda::ScaleElement<T>{{y, Write::assign}, x, gamma, o.dim});
  }
  template <class T>
  static void backward(D& device, const op::ScaleChannels& o, Sink<T> dx, Sink<wide<T>> dgamma, const T* dy, const T* x, const T* gamma) {
    wide<T>* const partial = device.template scratch<wide<T>>(cuda::row_chunks(o.rows) * o.dim);
    cuda::sum_columns(device, o.name, dgamma, partial, o.rows, o.dim, cuda::TermOfProduct<T>{dy, x, o.dim});
    if (!dx.skipped()) cuda::each(device, o.name, o.rows * o.dim, cuda::ScaleElement<T>{dx, dy, gamma, o.dim});
  }
};

template <cuda::Machine D>
struct Kernel<op::AddDropped, D> {
  template <class T>
  static void forward(D& device, const op::AddDropped& o, T* y, const T* x, const T* branch) {
    cuda::each(device, o.name, o.batch * o.per_sample, cuda::DroppedElement<T>{{y, Write::assign}, x, branch, o});
  }
  template <class T>
  static void backward(D& device, const op::AddDropped& o, Sink<T> dbranch, const T* dy) {
    if (!dbranch.skipped())
      cuda::each(device, o.name, o.batch * o.per_sample, cuda::DroppedElement<T>{dbranch, nullptr, dy, o});
  }
};

}  // namespace vitrail
