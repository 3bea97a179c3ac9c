// What images (B, C, H, W) need besides convolutions, plane by plane: max pooling, resizing, maps of channels.
#pragma once
#include <cmath>

#include "../catalog.hpp"
#include "../cpu.hpp"
#include "gemm.hpp"

namespace vitrail {

template <>
struct Kernel<op::MaxPool2d, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::MaxPool2d& o, T* y, const T* x) {
    each_plane(device, o, [&](std::int64_t plane) {
      T* const to = y + plane * o.rows() * o.columns();
      const T* const from = x + plane * o.height * o.width;
      each_window(o, from, [&](std::int64_t pixel, std::int64_t largest) { to[pixel] = from[largest]; });
    });
  }
  // The gradient goes to the largest, which is looked for once more.
  template <class T>
  static void backward(Cpu& device, const op::MaxPool2d& o, Sink<T> dx, const T* dy, const T* x) {
    if (dx.skipped()) return;
    each_plane(device, o, [&](std::int64_t plane) {
      const std::int64_t size = std::int64_t{o.height} * o.width;
      T* const to = dx.to + plane * size;
      const T* const from = dy + plane * o.rows() * o.columns();
      if (dx.mode == Write::assign) std::fill_n(to, size, T(0));
      each_window(o, x + plane * size, [&](std::int64_t pixel, std::int64_t largest) { to[largest] += from[pixel]; });
    });
  }

 private:
  template <class F>
  static void each_plane(Cpu& device, const op::MaxPool2d& o, F f) {
    cpu::over_rows(device, o.planes, std::int64_t{o.height} * o.width, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t plane = begin; plane < end; ++plane) f(plane);
    });
  }
  // f(pixel of y, place of the largest); what is no number counts as larger than all, so that it is not lost.
  template <class T, class F>
  static void each_window(const op::MaxPool2d& o, const T* x, F f) {
    std::int64_t pixel = 0;
    for (int r = 0; r < o.rows(); ++r)
      for (int s = 0; s < o.columns(); ++s, ++pixel) {
        const int top = r * o.stride - o.padding, left = s * o.stride - o.padding;
        const int bottom = std::min(top + o.kernel, o.height), right = std::min(left + o.kernel, o.width);
        std::int64_t largest = std::int64_t{std::max(top, 0)} * o.width + std::max(left, 0);
        for (int i = std::max(top, 0); i < bottom; ++i)
          for (int j = std::max(left, 0); j < right; ++j) {
            const std::int64_t at = std::int64_t{i} * o.width + j;
            if (x[at] > x[largest] || x[at] != x[at]) largest = at;
          }
        f(pixel, largest);
      }
  }
};

template <>
struct Kernel<op::Resize, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::Resize& o, T* y, const T* x) {
    each_line<T>(device, o, [&](std::int64_t plane, int row, const Taps<T>& rows, const Taps<T>& columns, T* line) {
      const T* const from = x + plane * o.height * o.width + std::int64_t{rows.first(row)} * o.width;
      std::fill_n(line, o.width, T(0));
      for (int k = 0; k < rows.count(row); ++k)
        for (int j = 0; j < o.width; ++j) line[j] += rows.of(row)[k] * from[std::int64_t{k} * o.width + j];
      T* const to = y + (plane * o.to_height + row) * o.to_width;
      for (int j = 0; j < o.to_width; ++j) {
        T sum = 0;
        for (int k = 0; k < columns.count(j); ++k) sum += columns.of(j)[k] * line[columns.first(j) + k];
        to[j] = sum;
      }
    });
  }
  template <class T>
  static void backward(Cpu& device, const op::Resize& o, Sink<T> dx, const T* dy) {
    if (dx.skipped()) return;
    each_line<T>(device, o, [&](std::int64_t plane, int row, const Taps<T>& rows, const Taps<T>& columns, T* line) {
      T* const to = dx.to + plane * o.height * o.width;
      if (row == 0 && dx.mode == Write::assign) std::fill_n(to, std::int64_t{o.height} * o.width, T(0));
      const T* const from = dy + (plane * o.to_height + row) * o.to_width;
      std::fill_n(line, o.width, T(0));
      for (int j = 0; j < o.to_width; ++j)
        for (int k = 0; k < columns.count(j); ++k) line[columns.first(j) + k] += columns.of(j)[k] * from[j];
      for (int k = 0; k < rows.count(row); ++k)
        for (int j = 0; j < o.width; ++j) to[std::int64_t{rows.first(row) + k} * o.width + j] += rows.of(row)[k] * line[j];
    });
  }

 private:
  // The weights of an axis of `from` pixels that becomes one of `to`: `reach` for each, zero where fewer pixels are read.
  template <class T>
  struct Taps {
    int from, to, reach;
    double step, widen;  // pixels of the source from one to the next; of the source in one of the filter
    T* weights;

    Taps(const op::Resize& o, int source, int result, T* space)
        : from(source), to(result), reach(o.reach(source, result)), step(static_cast<double>(from) / to), widen(std::max(step, 1.0)),
          weights(space) {
      for (int i = 0; i < to; ++i) {
        double sum = 0;
        for (int k = 0; k < count(i); ++k) sum += o.filter(distance(i, k));
        for (int k = 0; k < count(i); ++k) weights[std::int64_t{i} * reach + k] = static_cast<T>(o.filter(distance(i, k)) / sum);
      }
    }
    int first(int i) const { return std::max(0, static_cast<int>(std::floor((i + 0.5) * step)) - reach / 2); }
    int count(int i) const { return std::min(reach, from - first(i)); }
    const T* of(int i) const { return weights + std::int64_t{i} * reach; }

   private:
    double distance(int i, int k) const { return (first(i) + k + 0.5 - (i + 0.5) * step) / widen; }
  };
  // f(plane, row of y, weights of rows, of columns, room for a row of x); a task has one plane.
  template <class T, class F>
  static void each_line(Cpu& device, const op::Resize& o, F f) {
    const std::int64_t of_rows = std::int64_t{o.to_height} * o.reach(o.height, o.to_height);
    T* const space = device.template scratch<T>(of_rows + std::int64_t{o.to_width} * o.reach(o.width, o.to_width));
    const Taps<T> rows(o, o.height, o.to_height, space), columns(o, o.width, o.to_width, space + of_rows);
    const std::int64_t size = cpu::whole_lines<T>(o.width);
    T* const all = device.template rows<T>(size * device.threads());
    device.parallel(static_cast<int>(o.planes), [&](int plane, int worker) {
      const cpu::TaskSpace<T> own(all, size, worker);
      for (int row = 0; row < o.to_height; ++row) f(plane, row, rows, columns, own.at());
    });
  }
};

template <>
struct Kernel<op::AffinePlanes, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::AffinePlanes& o, T* y, const T* x) {
    const T low = static_cast<T>(o.low), high = static_cast<T>(o.high);
    cpu::over_rows(device, std::int64_t{o.batch} * o.channels, o.pixels, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t plane = begin; plane < end; ++plane) {
        const T by = static_cast<T>(o.by[plane % o.channels]), plus = static_cast<T>(o.plus[plane % o.channels]);
        for (std::int64_t i = plane * o.pixels; i < (plane + 1) * o.pixels; ++i) y[i] = std::clamp(by * x[i] + plus, low, high);
      }
    });
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

template <>
struct Kernel<op::LargestPlane, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::LargestPlane& o, int* ids, const T* x) {
    constexpr std::int64_t wide = 64;  // pixels at a time: their largest values stay in cache
    const std::int64_t across = (o.pixels + wide - 1) / wide;
    device.parallel(static_cast<int>(o.batch * across), [&](int task, int) {
      const std::int64_t b = task / across, first = task % across * wide, count = std::min(wide, o.pixels - first);
      const T* from = x + b * o.channels * o.pixels + first;
      int* const to = ids + b * o.pixels + first;
      T largest[wide];
      std::copy_n(from, count, largest);
      std::fill_n(to, count, 0);
      for (int c = 1; c < o.channels; ++c) {
        from += o.pixels;
        for (std::int64_t i = 0; i < count; ++i)
          if (from[i] > largest[i]) largest[i] = from[i], to[i] = c;
      }
    });
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

}  // namespace vitrail
