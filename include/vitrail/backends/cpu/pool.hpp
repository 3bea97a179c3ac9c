// Poolings of images, plane by plane.
#pragma once
#include "../catalog.hpp"
#include "../cpu.hpp"
#include "loops.hpp"

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

}  // namespace vitrail
