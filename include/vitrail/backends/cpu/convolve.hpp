// Convolutions with weights of more than one pixel. Images (C, H, W) are turned over a few lines at a time, so that a pixel's channels
// are neighbours, and lines are padded: what one line of weights meets then lies in one piece, from pixel to pixel a few numbers further,
// and products read it there. No number is copied once for each weight that it meets.
#pragma once
#include "../catalog.hpp"
#include "gemm.hpp"
#include "transpose.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

// y (out, rows, columns) from x (in, height, width): y's pixel (r, s) meets x's from (stride r - top, stride s - left).
struct ConvShape {
  std::int64_t batch, in, height, width, out, rows, columns, kernel_height, kernel_width, stride, top, left;

  explicit ConvShape(const op::Conv2d& o)
      : batch(o.batch),
        in(o.in),
        height(o.height),
        width(o.width),
        out(o.out),
        rows(o.rows()),
        columns(o.columns()),
        kernel_height(o.kernel_height),
        kernel_width(o.kernel_width),
        stride(o.stride),
        top(o.padding),
        left(o.padding) {}
  // The one that makes dx from dy where the stride is 1: by weights whose lines and columns run backwards.
  ConvShape mirrored() const {
    ConvShape m = *this;
    m.in = out, m.height = rows, m.width = columns, m.out = in, m.rows = height, m.columns = width;
    m.top = kernel_height - 1 - top, m.left = kernel_width - 1 - left;
    return m;
  }
  std::int64_t taps() const { return kernel_height * kernel_width; }
  std::int64_t pitch() const { return (columns - 1) * stride + kernel_width; }  // pixels of a padded line
  std::int64_t met_lines(std::int64_t lines) const { return (lines - 1) * stride + kernel_height; }
};

// Lines first .. first + lines - 1 of `channels` channels of an image, padded: x (channels, height, width) -> (lines, pitch, channels).
template <class T>
void channels_last(Arithmetic how, const ConvShape& g, const T* x, std::int64_t channels, std::int64_t first, std::int64_t lines, T* to) {
  const std::int64_t line = g.pitch() * channels;
  const std::int64_t before = std::min(g.left, g.pitch()), columns = std::min(g.width, g.pitch() - before);
  for (std::int64_t l = 0; l < lines; ++l, to += line) {
    const std::int64_t row = first + l;
    if (row < 0 || row >= g.height) {
      std::fill_n(to, line, T(0));
      continue;
    }
    T* const begin = to + before * channels;
    std::fill(to, begin, T(0));
    transpose(how, begin, channels, x + row * g.width, g.height * g.width, channels, columns);
    std::fill(begin + columns * channels, to + line, T(0));
  }
}

// What each pixel of a line of y meets, copied together: met, from the first line that they meet -> (columns, taps, channels).
template <class T>
void join_lines(const ConvShape& g, std::int64_t channels, const T* met, T* to) {
  const std::int64_t line = g.kernel_width * channels;
  for (std::int64_t s = 0; s < g.columns; ++s)
    for (std::int64_t i = 0; i < g.kernel_height; ++i, to += line) std::copy_n(met + (i * g.pitch() + s * g.stride) * channels, line, to);
}

constexpr std::int64_t pieces(std::int64_t n, std::int64_t piece) { return (n + piece - 1) / piece; }

// y = or += the weights by what they meet. A task has some lines of one image. Weights (out, kernel height, kernel width, in), in
// `turned`; bias (out), or null, is what y begins with.
template <class T, class Device>
void convolve(Device& device, const ConvShape& g, const Sink<T>& y, const T* x, const T* w, const T* bias) {
  const Arithmetic how = arithmetic<T>(device);
  // A line of weights of few channels is too short for a product: then the lines that a pixel meets are joined first.
  const std::int64_t line = g.kernel_width * g.in;
  const bool joined = line < 64 && g.kernel_height > 1;
  const std::int64_t products = joined ? 1 : g.kernel_height, k = g.kernel_height / products * line, size = right_size(k, g.out);
  T* const packed = device.template packed<T>(products * size);
  Right<T> weights{};  // the first of them, in the end
  for (std::int64_t i = products - 1; i >= 0; --i)
    weights = shared_right(device, how, Operand<T>{w + i * k, g.taps() * g.in, true}, k, g.out, packed + i * size);

  constexpr std::int64_t cached = 96 * 1024;  // numbers
  const std::int64_t pitch = g.pitch() * g.in, out = whole_lines<T>(g.out), row_size = joined ? whole_lines<T>(g.columns * k) : 0;
  const std::int64_t fit = (cached - (g.kernel_height - g.stride) * pitch) / (g.stride * pitch + g.columns * out);
  const std::int64_t lines = std::clamp<std::int64_t>(fit, 1, std::max<std::int64_t>(1, std::min(g.rows, g.batch * g.rows / 8)));
  const std::int64_t bands = pieces(g.rows, lines);
  const std::int64_t met_size = whole_lines<T>(g.met_lines(lines) * pitch), result_size = lines * g.columns * out;
  const std::int64_t each = met_size + result_size + row_size;
  T* const all = device.template rows<T>(each * device.threads());
  device.parallel(static_cast<int>(g.batch * bands), [&](int task, int worker) {
    const TaskSpace<T> own(all, each, worker);
    T *const met = own.at(), *const results = met + met_size, *const row = results + result_size;
    const std::int64_t b = task / bands, first = task % bands * lines, count = std::min(lines, g.rows - first);
    channels_last(how, g, x + b * g.in * g.height * g.width, g.in, first * g.stride - g.top, g.met_lines(count), met);
    for (std::int64_t i = 0; i < products; ++i) {
      Right<T> right = weights;
      right.plain = right.plain.from(i * k, 0);
      if (right.panels != nullptr) right.panels += i * size;
      for (std::int64_t l = 0; l < count; ++l) {
        const T* const begin = met + (l * g.stride + i) * pitch;
        Operand<T> left{begin, g.stride * g.in};
        if (joined) {
          join_lines(g, g.in, begin, row);
          left = {row, k};
        }
        Result<T> to = result(results + l * g.columns * out, out, i > 0);
        if (i == 0) to.bias = bias;
        multiply(how, g.columns, g.out, k, left, right, to);
      }
    }
    T* const at = y.to + b * g.out * g.rows * g.columns + first * g.columns;
    put_transposed(how, g.out, count * g.columns, results, out, result(at, g.rows * g.columns, y.mode == Write::add));
  });
}

// Weights (out, in, kernel height, kernel width) as convolve() takes them: (out, kernel height, kernel width, in) for g; for g.mirrored()
// (in, kernel height, kernel width, out), lines and columns backwards.
template <class T, class Device>
const T* weights_channels_last(Device& device, const ConvShape& g, const T* w, bool mirrored) {
  const Arithmetic how = arithmetic<T>(device);
  const std::int64_t taps = g.taps(), outer = mirrored ? g.in : g.out, inner = mirrored ? g.out : g.in, size = taps * inner;
  const std::int64_t from_outer = mirrored ? taps : size, from_inner = mirrored ? g.in * taps : taps;
  T* const to = device.template turned<T>(outer * size);
  over_ranges(device, outer, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t o = begin; o < end; ++o) {
      T* const first = to + o * size + (mirrored ? (taps - 1) * inner : 0);
      transpose(how, first, mirrored ? -inner : inner, w + o * from_outer, from_inner, inner, taps);
    }
  });
  return to;
}

// dW = or += the sum over images and pixels of dy by what it meets. What a pixel of dy meets is copied together here: the sum runs over
// pixels, and each copy is read for all channels of dy that a task has. A task has some weights, for all images, or, where these are too
// few tasks, for some of the images; parts are then added in order.
template <class T, class Device>
void convolution_weights(Device& device, const ConvShape& g, const Sink<T>& dw, const T* dy, const T* x) {
  const Arithmetic how = arithmetic<T>(device);
  const std::int64_t out = std::min<std::int64_t>(g.out, 128), in = std::min<std::int64_t>(g.in, 16), taps = g.taps();
  const std::int64_t down = pieces(g.out, out), across = pieces(g.in, in), blocks = down * across;
  const std::int64_t parts = std::clamp<std::int64_t>(8 / blocks, 1, std::max<std::int64_t>(1, g.batch));
  const std::int64_t pixels = g.rows * g.columns;
  const std::int64_t lines = std::clamp<std::int64_t>(256 / g.columns, 1, g.rows), most = lines * g.columns;
  const std::int64_t stride = whole_lines<T>(most) + 16, sum_size = whole_lines<T>(out * taps * in);
  const std::int64_t met_size = whole_lines<T>(g.met_lines(lines) * g.pitch() * in), joined_size = whole_lines<T>(most * taps * in);
  const std::int64_t each = met_size + joined_size + out * stride + whole_lines<T>(right_size(most, taps * in));
  T* const all = device.template rows<T>(each * device.threads());
  T* const sums = device.template packed<T>(blocks * parts * sum_size);
  const auto part_begin = [&](std::int64_t part) { return part * g.batch / parts; };
  device.parallel(static_cast<int>(blocks * parts), [&](int task, int worker) {
    const TaskSpace<T> own(all, each, worker);
    T *const met = own.at(), *const joined = met + met_size, *const gradients = joined + joined_size;
    T *const space = gradients + out * stride, *const sum = sums + task * sum_size;
    const std::int64_t block = task / parts, part = task % parts, o = block / across * out, c = block % across * in;
    const std::int64_t os = std::min(out, g.out - o), cs = std::min(in, g.in - c), n = taps * cs;
    std::fill_n(sum, os * n, T(0));
    for (std::int64_t b = part_begin(part); b < part_begin(part + 1); ++b)
      for (std::int64_t first = 0; first < g.rows; first += lines) {
        const std::int64_t count = std::min(lines, g.rows - first), k = count * g.columns;
        channels_last(how, g, x + (b * g.in + c) * g.height * g.width, cs, first * g.stride - g.top, g.met_lines(count), met);
        for (std::int64_t l = 0; l < count; ++l) join_lines(g, cs, met + l * g.stride * g.pitch() * cs, joined + l * g.columns * n);
        for (std::int64_t r = 0; r < os; ++r) std::copy_n(dy + (b * g.out + o + r) * pixels + first * g.columns, k, gradients + r * stride);
        const Right<T> right = right_in_place(how, Operand<T>{joined, n}, k, n, space);
        multiply(how, os, n, k, Operand<T>{gradients, stride}, right, result(sum, n, true));
      }
  });
  over_ranges(device, blocks, 1, [&](std::int64_t block, std::int64_t) {
    const std::int64_t o = block / across * out, c = block % across * in;
    const std::int64_t os = std::min(out, g.out - o), cs = std::min(in, g.in - c), n = taps * cs;
    T* const sum = sums + block * parts * sum_size;
    for (std::int64_t part = 1; part < parts; ++part)
      for (std::int64_t i = 0; i < os * n; ++i) sum[i] += sum[part * sum_size + i];
    for (std::int64_t r = 0; r < os; ++r)
      for (std::int64_t t = 0; t < taps; ++t) {
        const T* const from = sum + r * n + t * cs;
        T* const to = dw.to + ((o + r) * g.in + c) * taps + t;
        for (std::int64_t q = 0; q < cs; ++q) to[q * taps] = (dw.mode == Write::add ? to[q * taps] : T(0)) + from[q];
      }
  });
}

}  // namespace vitrail::cpu::inline VITRAIL_ABI
