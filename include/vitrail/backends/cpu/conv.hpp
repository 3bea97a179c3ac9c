// Convolutions of images (B, C, H, W): products of the weights by the pixels that each of them meets ("im2col"), which are copied
// together a piece at a time and never exist as a whole. With 1 x 1 weights and stride 1 they are the image itself.
#pragma once
#include "../catalog.hpp"
#include "../cpu.hpp"
#include "gemm.hpp"

namespace vitrail {

namespace cpu::inline VITRAIL_ABI {

// The matrix of one image: a row for each of o.inner() weights (c, i, j), a column for each pixel of y; where weight meets pixel
// stands the number that they multiply. f(at, count, begin, end, from) for every line of y among columns first .. first +
// columns - 1: the line has columns at .. at + count - 1 (counted from `first`); those from begin to end meet the image, the first
// at x[from] and the others `stride` apart; the rest meet the padding.
template <class F>
void each_line(const op::Conv2d& o, std::int64_t weight, std::int64_t first, std::int64_t columns, F f) {
  const std::int64_t j = weight % o.kernel_width, i = weight / o.kernel_width % o.kernel_height;
  const std::int64_t channel = weight / o.kernel_width / o.kernel_height, width = o.columns();
  const std::int64_t low = j >= o.padding ? 0 : (o.padding - j + o.stride - 1) / o.stride;
  const std::int64_t last = o.width - 1 + o.padding - j, high = last < 0 ? 0 : last / o.stride + 1;
  for (std::int64_t p = first; p < first + columns;) {
    const std::int64_t line = p / width, column = p % width, count = std::min(width - column, first + columns - p);
    const std::int64_t row = line * o.stride + i - o.padding;
    std::int64_t begin = std::clamp(low, column, column + count), end = std::clamp(high, begin, column + count);
    if (row < 0 || row >= o.height) begin = end = column;
    f(p - first, count, p - first + begin - column, p - first + end - column,
      (channel * o.height + row) * o.width + begin * o.stride + j - o.padding);
    p += count;
  }
}

// Rows weight .. weight + rows - 1 of the matrix, as an operand: copied to `space` (rows, columns), or where they lie.
template <class T>
Operand<T> met_pixels(const op::Conv2d& o, const T* x, std::int64_t weight, std::int64_t rows, std::int64_t first, std::int64_t columns,
                      T* space) {
  if (o.pointwise()) return {x + weight * o.pixels() + first, o.pixels()};
  for (std::int64_t r = 0; r < rows; ++r) {
    T* const to = space + r * columns;
    each_line(o, weight + r, first, columns, [&](auto at, auto count, auto begin, auto end, auto from) {
      std::fill(to + at, to + begin, T(0));
      if (o.stride == 1) std::copy_n(x + from * (begin < end), end - begin, to + begin);
      else
        for (std::int64_t k = begin; k < end; ++k) to[k] = x[from + (k - begin) * o.stride];
      std::fill(to + end, to + at + count, T(0));
    });
  }
  return {space, columns};
}
// Its adjoint: x += what `from` (rows, columns) says of each pixel.
template <class T>
void add_to_met_pixels(const op::Conv2d& o, T* x, std::int64_t weight, std::int64_t rows, std::int64_t first, std::int64_t columns,
                       const T* values) {
  for (std::int64_t r = 0; r < rows; ++r)
    each_line(o, weight + r, first, columns, [&](auto, auto, auto begin, auto end, auto from) {
      const T* const value = values + r * columns;
      for (std::int64_t k = begin; k < end; ++k) x[from + (k - begin) * o.stride] += value[k];
    });
}

// Sizes depend on the op alone, never on threads.
struct ConvSizes {
  std::int64_t pixels, inner, x, y;  // of a channel of y; of the matrix; numbers of one image
  explicit ConvSizes(const op::Conv2d& o)
      : pixels(o.pixels()), inner(o.inner()), x(std::int64_t{o.in} * o.height * o.width), y(std::int64_t{o.out} * o.pixels()) {}
};
constexpr std::int64_t pieces(std::int64_t n, std::int64_t piece) { return (n + piece - 1) / piece; }

// y = or += W (out, inner) matrix; a task has some pixels of one image. bias (out), or null, is what y begins with where it is
// assigned.
template <class T>
void convolve(Cpu& device, const op::Conv2d& o, const Sink<T>& y, const T* x, const T* w, const T* bias) {
  if (y.skipped()) return;
  const ConvSizes s(o);
  const Arithmetic how = arithmetic<T>(device);
  const std::int64_t wide = std::min<std::int64_t>(s.pixels, o.batch * s.pixels < 2048 ? 64 : 256), across = pieces(s.pixels, wide);
  const std::int64_t depth = depth_block(s.inner), high = std::min(s.inner, std::max(depth, 768 / depth * depth));
  const std::int64_t size = o.pointwise() ? 0 : whole_lines<T>(high * wide);
  T* const all = device.template rows<T>(size * device.threads());
  device.parallel(static_cast<int>(o.batch * across), [&](int task, int worker) {
    const TaskSpace<T> own(all, size, worker);
    const std::int64_t b = task / across, first = task % across * wide, columns = std::min(wide, s.pixels - first);
    T* const to = y.to + b * s.y + first;
    if (y.mode == Write::assign)
      for (std::int64_t c = 0; c < o.out; ++c) std::fill_n(to + c * s.pixels, columns, bias == nullptr ? T(0) : bias[c]);
    for (std::int64_t k = 0; k < s.inner; k += high) {
      const std::int64_t rows = std::min(high, s.inner - k);
      const Operand<T> met = met_pixels(o, x + b * s.x, k, rows, first, columns, own.at());
      product(o.out, columns, rows, Operand<T>{w + k, s.inner}, met, result(to, s.pixels, true), how);
    }
  });
}

// x = or += W^T y, added where weights and pixels meet; a task has some channels of one image. bias (in) as above.
template <class T>
void convolve_back(Cpu& device, const op::Conv2d& o, const Sink<T>& x, const T* y, const T* w, const T* bias) {
  if (x.skipped()) return;
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

// dW = or += the sum over images of y matrix^T; a task has some columns of W, for all images.
template <class T>
void convolution_weights(Cpu& device, const op::Conv2d& o, const Sink<T>& dw, const T* y, const T* x) {
  if (dw.skipped()) return;
  const ConvSizes s(o);
  const Arithmetic how = arithmetic<T>(device);
  const std::int64_t rows = std::clamp<std::int64_t>((s.inner / 8 + 7) / 8 * 8, 8, 64);
  const std::int64_t wide = std::min<std::int64_t>(s.pixels, 384), size = o.pointwise() ? 0 : whole_lines<T>(rows * wide);
  T* const all = device.template rows<T>(size * device.threads());
  device.parallel(static_cast<int>(pieces(s.inner, rows)), [&](int task, int worker) {
    const TaskSpace<T> own(all, size, worker);
    const std::int64_t first = task * rows, count = std::min(rows, s.inner - first);
    const Result<T> to = result(dw.to + first, s.inner, true);
    if (dw.mode == Write::assign)
      for (std::int64_t c = 0; c < o.out; ++c) std::fill_n(to.y + c * s.inner, count, T(0));
    for (std::int64_t b = 0; b < o.batch; ++b)
      for (std::int64_t p = 0; p < s.pixels; p += wide) {
        const std::int64_t columns = std::min(wide, s.pixels - p);
        Operand<T> met = met_pixels(o, x + b * s.x, first, count, p, columns, own.at());
        met.transposed = true;
        product(o.out, count, columns, Operand<T>{y + b * s.y + p, s.pixels}, met, to, how);
      }
  });
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
