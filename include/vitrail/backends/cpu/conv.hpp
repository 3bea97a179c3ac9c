// Convolutions of images (B, C, H, W): those with weights of one pixel are products as they are; of the others see convolve.hpp.
#pragma once
#include "../cpu.hpp"
#include "convolve.hpp"

namespace vitrail {

namespace cpu::inline VITRAIL_ABI {

// Sizes depend on the op alone, never on threads.
struct ConvSizes {
  std::int64_t pixels, inner, x, y;  // of a channel of y; of the matrix; numbers of one image
  explicit ConvSizes(const op::Conv2d& o)
      : pixels(o.pixels()), inner(o.inner()), x(std::int64_t{o.in} * o.height * o.width), y(std::int64_t{o.out} * o.pixels()) {}
};

// y = or += W (out, in) x (in, pixels); a task has some pixels of one image. bias (out), or null, is what y begins with where it is
// assigned.
template <class T>
void convolve_pixels(Cpu& device, const op::Conv2d& o, const Sink<T>& y, const T* x, const T* w, const T* bias) {
  const ConvSizes s(o);
  const Arithmetic how = arithmetic<T>(device);
  const std::int64_t wide = std::min<std::int64_t>(s.pixels, o.batch * s.pixels < 2048 ? 64 : 256), across = pieces(s.pixels, wide);
  device.parallel(static_cast<int>(o.batch * across), [&](int task, int) {
    const std::int64_t b = task / across, first = task % across * wide, columns = std::min(wide, s.pixels - first);
    T* const to = y.to + b * s.y + first;
    if (y.mode == Write::assign)
      for (std::int64_t c = 0; c < o.out; ++c) std::fill_n(to + c * s.pixels, columns, bias == nullptr ? T(0) : bias[c]);
    product(o.out, columns, s.inner, Operand<T>{w, s.inner}, Operand<T>{x + b * s.x + first, s.pixels}, result(to, s.pixels, true), how);
  });
}
// dW = or += the sum over images of dy x^T; a task has some columns of W, for all images.
template <class T>
void pixel_weights(Cpu& device, const op::Conv2d& o, const Sink<T>& dw, const T* y, const T* x) {
  const ConvSizes s(o);
  const Arithmetic how = arithmetic<T>(device);
  const std::int64_t rows = std::clamp<std::int64_t>((s.inner / 8 + 7) / 8 * 8, 8, 64);
  device.parallel(static_cast<int>(pieces(s.inner, rows)), [&](int task, int) {
    const std::int64_t first = task * rows, count = std::min(rows, s.inner - first);
    const Result<T> to = result(dw.to + first, s.inner, true);
    if (dw.mode == Write::assign)
      for (std::int64_t c = 0; c < o.out; ++c) std::fill_n(to.y + c * s.inner, count, T(0));
    for (std::int64_t b = 0; b < o.batch; ++b) {
      const Operand<T> met{x + b * s.x + first * s.pixels, s.pixels, true};
      product(o.out, count, s.pixels, Operand<T>{y + b * s.y, s.pixels}, met, to, how);
    }
  });
}

// x += what values (rows, columns) say of the pixels that weights meet: row r is weight `weight` + r, in the order (c, i, j); columns are
// pixels first .. first + columns - 1 of y.
template <class T>
void add_to_met_pixels(const op::Conv2d& o, T* x, std::int64_t weight, std::int64_t rows, std::int64_t first, std::int64_t columns,
                       const T* values) {
  const std::int64_t width = o.columns();
  for (const std::int64_t end = weight + rows; weight < end; ++weight, values += columns) {
    const std::int64_t j = weight % o.kernel_width, i = weight / o.kernel_width % o.kernel_height;
    const std::int64_t channel = weight / o.kernel_width / o.kernel_height;
    // Columns of y that meet x, not the padding beside it.
    const std::int64_t low = j >= o.padding ? 0 : (o.padding - j + o.stride - 1) / o.stride;
    const std::int64_t last = o.width - 1 + o.padding - j, high = last < 0 ? 0 : last / o.stride + 1;
    for (std::int64_t p = first; p < first + columns;) {  // line by line
      const std::int64_t column = p % width, line_end = std::min(width, column + first + columns - p);
      const std::int64_t row = p / width * o.stride + i - o.padding;
      if (row >= 0 && row < o.height) {
        T* const to = x + (channel * o.height + row) * o.width + j - o.padding;
        const T* const from = values + p - first - column;
        for (std::int64_t s = std::max(low, column); s < std::min(high, line_end); ++s) to[s * o.stride] += from[s];
      }
      p += line_end - column;
    }
  }
}

// x = or += W^T y, added where weights and pixels meet; a task has some channels of one image. bias (in) as above.
template <class T>
void convolve_back_by_pixels(Cpu& device, const op::Conv2d& o, const Sink<T>& x, const T* y, const T* w, const T* bias) {
  const ConvSizes s(o);
  const Arithmetic how = arithmetic<T>(device);
  const std::int64_t area = std::int64_t{o.kernel_height} * o.kernel_width, plane = std::int64_t{o.height} * o.width;
  const std::int64_t channels = std::clamp<std::int64_t>(64 / area, 1, o.in), groups = pieces(o.in, channels);
  const std::int64_t wide = std::min<std::int64_t>(s.pixels, 512), size = o.pointwise() ? 0 : whole_lines<T>(channels * area * wide);
  T* const all = device.template rows<T>(size * device.threads());
  device.parallel(static_cast<int>(o.batch * groups), [&](int task, int worker) {
    const TaskSpace<T> own(all, size, worker);
    const std::int64_t b = task / groups, channel = task % groups * channels, count = std::min<std::int64_t>(channels, o.in - channel);
    T* const to = x.to + b * s.x;
    if (x.mode == Write::assign)
      for (std::int64_t c = channel; c < channel + count; ++c) std::fill_n(to + c * plane, plane, bias == nullptr ? T(0) : bias[c]);
    for (std::int64_t first = 0; first < s.pixels; first += wide) {
      const std::int64_t columns = std::min(wide, s.pixels - first);
      const Operand<T> left{w + channel * area, s.inner, true}, right{y + b * s.y + first, s.pixels};
      if (o.pointwise()) {
        product(count, columns, o.out, left, right, result(to + channel * plane + first, plane, true), how);
        continue;
      }
      product(count * area, columns, o.out, left, right, result(own.at(), columns), how);
      add_to_met_pixels(o, to, channel * area, count * area, first, columns, own.at());
    }
  });
}

// Forward, and the two gradients, of any convolution.
template <class T>
void convolve(Cpu& device, const op::Conv2d& o, const Sink<T>& y, const T* x, const T* w, const T* bias) {
  if (y.skipped()) return;
  if (o.pointwise()) return convolve_pixels(device, o, y, x, w, bias);
  const ConvShape shape(o);
  convolve(device, shape, y, x, weights_channels_last(device, shape, w, false), bias);
}
template <class T>
void convolve_back(Cpu& device, const op::Conv2d& o, const Sink<T>& x, const T* y, const T* w, const T* bias) {
  if (x.skipped()) return;
  const ConvShape shape(o), mirrored = shape.mirrored();
  const bool whole_products = o.stride == 1 && !o.pointwise() && mirrored.top >= 0 && mirrored.left >= 0 && o.in >= 16;
  if (!whole_products) return convolve_back_by_pixels(device, o, x, y, w, bias);
  convolve(device, mirrored, x, y, weights_channels_last(device, shape, w, true), bias);
}
template <class T>
void convolution_weights(Cpu& device, const op::Conv2d& o, const Sink<T>& dw, const T* y, const T* x) {
  if (dw.skipped()) return;
  if (o.pointwise()) return pixel_weights(device, o, dw, y, x);
  convolution_weights(device, ConvShape(o), dw, y, x);
}

// sums (channels) = or += the sum of each channel of x (batch, channels, plane).
template <class T>
void sum_planes(Cpu& device, std::int64_t batch, std::int64_t channels, std::int64_t plane, const Sink<T>& sums, const T* x) {
  by_mode(sums, [&](auto add) {
    over_rows(device, channels, batch * plane, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        T sum = 0;
        for (std::int64_t b = 0; b < batch; ++b)
          sum += lane_sum<T>(plane, [from = x + (b * channels + c) * plane](std::int64_t i) { return from[i]; });
        put<add()>(sums.to[c], sum);
      }
    });
  });
}

}  // namespace cpu::inline VITRAIL_ABI

template <>
struct Kernel<op::Conv2d, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::Conv2d& o, T* y, const T* x, const T* w, const T* bias) {
    cpu::convolve(device, o, Sink<T>{y, Write::assign}, x, w, bias);
  }
  template <class T>
  static void backward(Cpu& device, const op::Conv2d& o, Sink<T> dx, Sink<T> dw, Sink<T> db, const T* dy, const T* x, const T* w) {
    cpu::convolve_back(device, o, dx, dy, w, static_cast<const T*>(nullptr));
    cpu::convolution_weights(device, o, dw, dy, x);
    cpu::sum_planes(device, o.batch, o.out, o.pixels(), db, dy);
  }
};

// The same with forward and backward exchanged.
template <>
struct Kernel<op::ConvTranspose2d, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::ConvTranspose2d& o, T* y, const T* x, const T* w, const T* bias) {
    cpu::convolve_back(device, o.of, Sink<T>{y, Write::assign}, x, w, bias);
  }
  template <class T>
  static void backward(Cpu& device, const op::ConvTranspose2d& o, Sink<T> dx, Sink<T> dw, Sink<T> db, const T* dy, const T* x, const T* w) {
    cpu::convolve(device, o.of, dx, dy, w, static_cast<const T*>(nullptr));
    cpu::convolution_weights(device, o.of, dw, x, dy);
    cpu::sum_planes(device, o.of.batch, o.of.in, std::int64_t{o.of.height} * o.of.width, db, dy);
  }
};

}  // namespace vitrail
