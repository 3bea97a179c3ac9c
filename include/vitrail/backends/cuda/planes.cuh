// What images (B, C, H, W) need besides convolutions, plane by plane: max pooling, resizing, maps of channels. Gradients are fetched by
// the pixel that they belong to.
#pragma once
#include "../../core/resample_filter.hpp"
#include "group.cuh"

namespace vitrail {

namespace cuda {

struct PoolSizes {
  int height, width, kernel, stride, padding, rows, columns;
  explicit PoolSizes(const op::MaxPool2d& o)
      : height(o.height), width(o.width), kernel(o.kernel), stride(o.stride), padding(o.padding), rows(o.rows()), columns(o.columns()) {}

  // The place of the largest in the window of pixel (r, s) of y; what is no number counts as larger than all.
  template <class T>
  VITRAIL_DEVICE int largest(const T* x, int r, int s) const {
    const int top = r * stride - padding, left = s * stride - padding;
    const int first_row = top > 0 ? top : 0, first_column = left > 0 ? left : 0;
    int best = first_row * width + first_column;
    for (int i = first_row; i < top + kernel && i < height; ++i)
      for (int j = first_column; j < left + kernel && j < width; ++j) {
        const wide<T> value = x[i * width + j];
        if (value > x[best] || value != value) best = i * width + j;
      }
    return best;
  }
};
template <class T>
struct MaxPoolElement {
  PoolSizes s;
  T* y;
  const T* x;
  VITRAIL_DEVICE void operator()(i64 at) const {
    const T* const plane = x + at / (s.rows * s.columns) * s.height * s.width;
    y[at] = plane[s.largest(plane, static_cast<int>(at / s.columns % s.rows), static_cast<int>(at % s.columns))];
  }
};
template <class T>
struct MaxPoolSlopeElement {
  PoolSizes s;
  Sink<T> dx;
  const T *dy, *x;
  VITRAIL_DEVICE void operator()(i64 at) const {
    const i64 size = i64{s.height} * s.width, plane = at / size;
    const int own = static_cast<int>(at % size), row = own / s.width + s.padding, column = own % s.width + s.padding;
    wide<T> sum = 0;
    for (int r = first(row); r < s.rows && r * s.stride <= row; ++r)  // the windows that see it
      for (int c = first(column); c < s.columns && c * s.stride <= column; ++c)
        if (s.largest(x + plane * size, r, c) == own) sum += dy[(plane * s.rows + r) * s.columns + c];
    put(dx, at, sum);
  }

 private:
  VITRAIL_DEVICE int first(int place) const { return place < s.kernel ? 0 : (place - s.kernel) / s.stride + 1; }
};

// The weights of an axis of `from` pixels that becomes one of `to`: `reach` for each.
struct ResizeAxis {
  int from, to, reach;
  double step, widen;  // pixels of the source from one to the next; of the source in one of the filter
  ResampleFilter filter;

  VITRAIL_DEVICE int first(int i) const {
    const int at = static_cast<int>(std::floor((i + 0.5) * step)) - reach / 2;
    return at > 0 ? at : 0;
  }
  VITRAIL_DEVICE int count(int i) const { return reach < from - first(i) ? reach : from - first(i); }
  VITRAIL_DEVICE double weight(int i, int k) const { return filter((first(i) + k + 0.5 - (i + 0.5) * step) / widen); }
};
inline ResizeAxis resize_axis(const op::Resize& o, int from, int to) {
  const double step = static_cast<double>(from) / to;
  return {from, to, o.reach(from, to), step, std::max(step, 1.0), o.filter};
}
template <class T>
struct ResizeWeights {
  ResizeAxis axis;
  T* weights;  // (to, reach)
  VITRAIL_DEVICE void operator()(i64 at) const {
    const int i = static_cast<int>(at);
    double sum = 0;
    for (int k = 0; k < axis.count(i); ++k) sum += axis.weight(i, k);
    for (int k = 0; k < axis.reach; ++k) weights[at * axis.reach + k] = k < axis.count(i) ? static_cast<T>(axis.weight(i, k) / sum) : T(0);
  }
};
// y (outer, to, inner) from x (outer, from, inner): one axis at a time, and between the two nothing is rounded.
template <class Y, class X>
struct ResizeElement {
  ResizeAxis axis;
  Y* y;
  const X* x;
  const wide<Y>* weights;
  i64 inner;
  VITRAIL_DEVICE void operator()(i64 at) const {
    const int i = static_cast<int>(at / inner % axis.to);
    const X* const from = x + (at / inner / axis.to * axis.from + axis.first(i)) * inner + at % inner;
    wide<Y> sum = 0;
    for (int k = 0; k < axis.count(i); ++k) sum += weights[i * axis.reach + k] * from[k * inner];
    y[at] = static_cast<Y>(sum);
  }
};
template <class X, class Y>
struct ResizeSlopeElement {
  ResizeAxis axis;
  Sink<X> dx;
  const Y* dy;
  const wide<Y>* weights;
  i64 inner;
  VITRAIL_DEVICE void operator()(i64 at) const {
    const int own = static_cast<int>(at / inner % axis.from);
    const Y* const from = dy + at / inner / axis.from * axis.to * inner + at % inner;
    wide<X> sum = 0;
    for (int i = 0; i < axis.to; ++i) {
      const int k = own - axis.first(i);
      if (k >= 0 && k < axis.count(i)) sum += weights[i * axis.reach + k] * from[i * inner];
    }
    put(dx, at, sum);
  }
};

template <class T>
struct AffinePlanesElement {
  op::AffinePlanes o;
  T* y;
  const T* x;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const i64 c = i / o.pixels % o.channels;
    using W = wide<T>;
    const W low = static_cast<W>(o.low), high = static_cast<W>(o.high), value = static_cast<W>(o.by[c]) * x[i] + static_cast<W>(o.plus[c]);
    y[i] = static_cast<T>(value < low ? low : value > high ? high : value);
  }
};
template <class T>
struct LargestPlaneElement {
  int* ids;
  const T* x;
  int channels;
  i64 pixels;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const T* const from = x + i / pixels * channels * pixels + i % pixels;
    int best = 0;
    for (int c = 1; c < channels; ++c)
      if (from[c * pixels] > from[best * pixels]) best = c;
    ids[i] = best;
  }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::MaxPool2d, D> {
  template <class T>
  static void forward(D& device, const op::MaxPool2d& o, T* y, const T* x) {
    cuda::each(device, o.name, o.planes * o.rows() * o.columns(), cuda::MaxPoolElement<T>{cuda::PoolSizes(o), y, x});
  }
  template <class T>
  static void backward(D& device, const op::MaxPool2d& o, Sink<T> dx, const T* dy, const T* x) {
    if (!dx.skipped())
      cuda::each(device, o.name, o.planes * o.height * o.width, cuda::MaxPoolSlopeElement<T>{cuda::PoolSizes(o), dx, dy, x});
  }
};

template <cuda::Machine D>
struct Kernel<op::Resize, D> {
  template <class T>
  static void forward(D& device, const op::Resize& o, T* y, const T* x) {
    using W = wide<T>;
    with_weights<W>(device, o, [&](const cuda::ResizeAxis& down, const cuda::ResizeAxis& across, const W* rows, const W* columns, W* half) {
      cuda::each(device, o.name, o.planes * o.to_height * o.width, cuda::ResizeElement<W, T>{down, half, x, rows, o.width});
      cuda::each(device, o.name, o.planes * o.to_height * o.to_width, cuda::ResizeElement<T, W>{across, y, half, columns, 1});
    });
  }
  template <class T>
  static void backward(D& device, const op::Resize& o, Sink<T> dx, const T* dy) {
    if (dx.skipped()) return;
    using W = wide<T>;
    with_weights<W>(device, o, [&](const cuda::ResizeAxis& down, const cuda::ResizeAxis& across, const W* rows, const W* columns, W* half) {
      cuda::each(device, o.name, o.planes * o.to_height * o.width,
                 cuda::ResizeSlopeElement<W, T>{across, Sink<W>{half, Write::assign}, dy, columns, 1});
      cuda::each(device, o.name, o.planes * o.height * o.width, cuda::ResizeSlopeElement<T, W>{down, dx, half, rows, o.width});
    });
  }

 private:
  // f(axes, their weights, room for planes (to_height, width))
  template <class T, class F>
  static void with_weights(D& device, const op::Resize& o, F f) {
    const cuda::ResizeAxis down = cuda::resize_axis(o, o.height, o.to_height), across = cuda::resize_axis(o, o.width, o.to_width);
    const cuda::i64 of_rows = cuda::i64{down.to} * down.reach, of_columns = cuda::i64{across.to} * across.reach;
    T* const rows = device.template scratch<T>(of_rows + of_columns + o.planes * o.to_height * o.width);
    T* const columns = rows + of_rows;
    cuda::each(device, o.name, down.to, cuda::ResizeWeights<T>{down, rows});
    cuda::each(device, o.name, across.to, cuda::ResizeWeights<T>{across, columns});
    f(down, across, static_cast<const T*>(rows), static_cast<const T*>(columns), columns + of_columns);
  }
};

template <cuda::Machine D>
struct Kernel<op::AffinePlanes, D> {
  template <class T>
  static void forward(D& device, const op::AffinePlanes& o, T* y, const T* x) {
    cuda::each(device, o.name, o.batch * o.channels * o.pixels, cuda::AffinePlanesElement<T>{o, y, x});
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

template <cuda::Machine D>
struct Kernel<op::LargestPlane, D> {
  template <class T>
  static void forward(D& device, const op::LargestPlane& o, int* ids, const T* x) {
    cuda::each(device, o.name, o.batch * o.pixels, cuda::LargestPlaneElement<T>{ids, x, o.channels, o.pixels});
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

}  // namespace vitrail
