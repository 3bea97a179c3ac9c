// Convolutions of images (B, C, H, W) as products of the weights by the pixels that each of them meets ("im2col"): a matrix for each
// image, of some images at a time. With 1 x 1 weights and stride 1 it is the image itself. What goes back is fetched by its pixel.
#pragma once
#include "linear.cuh"

namespace vitrail {

namespace cuda {

// A convolution's sizes where kernels can read them.
struct ConvSizes {
  int in, height, width, kernel_height, kernel_width, stride, padding, rows, columns;
  i64 pixels, inner, x, y;  // of a channel of y; rows of the matrix; numbers of an image, and of its result
  bool pointwise;
  explicit ConvSizes(const op::Conv2d& o)
      : in(o.in), height(o.height), width(o.width), kernel_height(o.kernel_height), kernel_width(o.kernel_width), stride(o.stride),
        padding(o.padding), rows(o.rows()), columns(o.columns()), pixels(o.pixels()), inner(o.inner()), x(i64{o.in} * o.height * o.width),
        y(i64{o.out} * o.pixels()), pointwise(o.pointwise()) {}
};
// met (images, inner, pixels)
template <class T>
struct MetPixelsElement {
  ConvSizes s;
  T* met;
  const T* x;
  VITRAIL_DEVICE void operator()(i64 at) const {
    const i64 pixel = at % s.pixels, weight = at / s.pixels % s.inner, image = at / s.pixels / s.inner;
    const int j = static_cast<int>(weight % s.kernel_width), i = static_cast<int>(weight / s.kernel_width % s.kernel_height);
    const int channel = static_cast<int>(weight / s.kernel_width / s.kernel_height);
    const int row = static_cast<int>(pixel / s.columns) * s.stride + i - s.padding;
    const int column = static_cast<int>(pixel % s.columns) * s.stride + j - s.padding;
    const bool inside = row >= 0 && row < s.height && column >= 0 && column < s.width;
    met[at] = inside ? x[image * s.x + (i64{channel} * s.height + row) * s.width + column] : T(0);
  }
};
// x = or += bias [channel] + the sum of met over the weights that meet a pixel.
template <class T>
struct BackToPixelsElement {
  ConvSizes s;
  Sink<T> x;
  const T *met, *bias;
  VITRAIL_DEVICE void operator()(i64 at) const {
    const int column = static_cast<int>(at % s.width), row = static_cast<int>(at / s.width % s.height);
    const int channel = static_cast<int>(at / s.width / s.height % s.in);
    const T* const own = met + (at / s.x * s.inner + i64{channel} * s.kernel_height * s.kernel_width) * s.pixels;
    wide<T> sum = bias == nullptr ? wide<T>(0) : wide<T>(bias[channel]);
    for (int i = 0; i < s.kernel_height; ++i) {
      const int down = row + s.padding - i, r = down / s.stride;
      if (down < 0 || down % s.stride != 0 || r >= s.rows) continue;
      for (int j = 0; j < s.kernel_width; ++j) {
        const int across = column + s.padding - j, c = across / s.stride;
        if (across < 0 || across % s.stride != 0 || c >= s.columns) continue;
        sum += own[(i64{i} * s.kernel_width + j) * s.pixels + i64{r} * s.columns + c];
      }
    }
    put(x, at, sum);
  }
};
template <class T>
struct FillPlanesElement {  // y (images, channels, plane) = bias [channel]
  T* y;
  const T* bias;
  i64 plane, channels;
  VITRAIL_DEVICE void operator()(i64 i) const { y[i] = bias[i / plane % channels]; }
};
// sums[channel] = or += the sum of a channel of x (batch, channels, plane), by a block.
template <class T>
struct PlaneSum {
  static constexpr int threads = 256;
  Sink<wide<T>> sums;
  const T* x;
  i64 batch, channels, plane;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    wide<T> sum = 0;
    for (i64 i = c.thread(); i < batch * plane; i += threads) sum += x[(i / plane * channels + c.block()) * plane + i % plane];
    sum = block_sum<threads>(c, sum, reinterpret_cast<wide<T>*>(c.shared()));
    if (c.thread() == 0) put(sums, c.block(), sum);
  }
};
template <Machine D, class T>
void sum_planes(D& device, const char* name, i64 batch, i64 channels, i64 plane, const Sink<wide<T>>& sums, const T* x) {
  if (!sums.skipped())
    device.launch(name, PlaneSum<T>{sums, x, batch, channels, plane}, channels, PlaneSum<T>::threads / 32 * sizeof(wide<T>));
}

// f(first image, how many, their matrices, `extra` numbers for each), of as many images as the device's working memory has room for. The
// matrices are x's own numbers where they can be; else f fills or reads `room`.
template <Machine D, class T, class F>
void some_images(D& device, const op::Conv2d& o, const ConvSizes& s, i64 extra, F f) {
  const i64 most = std::max<i64>(1, device.scores_at_once() / std::max<i64>(1, (s.pointwise ? 0 : s.inner * s.pixels) + extra));
  const i64 count = std::min<i64>(most, o.batch);
  const i64 matrices = s.pointwise ? 0 : room_for<wide<T>, T>(count * s.inner * s.pixels);
  wide<T>* const all = device.template scratch<wide<T>>(matrices + count * extra);
  for (i64 first = 0; first < o.batch; first += count)
    f(first, std::min<i64>(count, o.batch - first), reinterpret_cast<T*>(all), all + matrices);
}
template <Machine D, class T>
const T* met_pixels(D& device, const char* name, const ConvSizes& s, i64 images, const T* x, T* room) {
  if (s.pointwise) return x;
  each(device, name, images * s.inner * s.pixels, MetPixelsElement<T>{s, room, x});
  return room;
}

// y = or += W (out, inner) matrix. bias (out), or null, is what y begins with where it is assigned.
template <Machine D, class T>
void convolve(D& device, const char* name, const op::Conv2d& o, const Sink<T>& y, const T* x, const T* w, const T* bias) {
  if (y.skipped()) return;
  const ConvSizes s(o);
  const bool begun = y.mode == Write::add || bias != nullptr;
  if (y.mode == Write::assign && bias != nullptr) each(device, name, o.batch * s.y, FillPlanesElement<T>{y.to, bias, s.pixels, o.out});
  some_images<D, T>(device, o, s, 0, [&](i64 first, i64 images, T* room, wide<T>*) {
    const T* const met = met_pixels(device, name, s, images, x + first * s.x, room);
    T* const to = y.to + first * s.y;
    device.gemm(name, Gemm{o.out, s.pixels, s.inner, false, false, images, 0, s.inner * s.pixels, s.y}, to, w, met,
                Plus<T>{nullptr, begun ? to : nullptr});
  });
}
// x = or += W^T y, added where weights and pixels meet. bias (in) as above.
template <Machine D, class T>
void convolve_back(D& device, const char* name, const op::Conv2d& o, const Sink<T>& x, const T* y, const T* w, const T* bias) {
  if (x.skipped()) return;
  const ConvSizes s(o);
  const Gemm back{s.inner, s.pixels, o.out, true, false, 1, 0, s.y, s.inner * s.pixels};
  if (s.pointwise && x.mode == Write::assign && bias != nullptr)
    each(device, name, o.batch * s.x, FillPlanesElement<T>{x.to, bias, s.pixels, o.in});
  some_images<D, T>(device, o, s, 0, [&](i64 first, i64 images, T* room, wide<T>*) {
    Gemm product = back;
    product.batch = images;
    T* const to = x.to + first * s.x;
    const bool begun = x.mode == Write::add || bias != nullptr;
    device.gemm(name, product, s.pointwise ? to : room, w, y + first * s.y, Plus<T>{nullptr, s.pointwise && begun ? to : nullptr});
    if (!s.pointwise) each(device, name, images * s.x, BackToPixelsElement<T>{s, Sink<T>{to, x.mode}, room, bias});
  });
}
// dW = or += the sum over images of y matrix^T, in the order of the images.
template <Machine D, class T>
void convolution_weights(D& device, const char* name, const op::Conv2d& o, const Sink<wide<T>>& dw, const T* y, const T* x) {
  using W = wide<T>;
  if (dw.skipped()) return;
  const ConvSizes s(o);
  const i64 size = o.out * s.inner;
  if (o.batch == 0 && dw.mode == Write::assign) device.fill(dw.to, size, W(0));
  some_images<D, T>(device, o, s, size, [&](i64 first, i64 images, T* room, W* sums) {
    const T* const met = met_pixels(device, name, s, images, x + first * s.x, room);
    device.gemm(name, Gemm{o.out, s.inner, s.pixels, false, true, images, s.y, s.inner * s.pixels, size}, sums, y + first * s.y, met,
                Plus<W>{});
    fold(device, name, Sink<W>{dw.to, first == 0 ? dw.mode : Write::add}, static_cast<const W*>(sums), images, size, size);
  });
}

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::Conv2d, D> {
  template <class T>
  static void forward(D& device, const op::Conv2d& o, T* y, const T* x, const T* w, const T* bias) {
    cuda::convolve(device, o.name, o, Sink<T>{y, Write::assign}, x, w, bias);
  }
  template <class T>
  static void backward(D& device, const op::Conv2d& o, Sink<T> dx, Sink<wide<T>> dw, Sink<wide<T>> db, const T* dy, const T* x,
                       const T* w) {
    cuda::convolve_back(device, o.name, o, dx, dy, w, static_cast<const T*>(nullptr));
    cuda::convolution_weights(device, o.name, o, dw, dy, x);
    cuda::sum_planes(device, o.name, o.batch, o.out, o.pixels(), db, dy);
  }
};

// The same with forward and backward exchanged.
template <cuda::Machine D>
struct Kernel<op::ConvTranspose2d, D> {
  template <class T>
  static void forward(D& device, const op::ConvTranspose2d& o, T* y, const T* x, const T* w, const T* bias) {
    cuda::convolve_back(device, o.name, o.of, Sink<T>{y, Write::assign}, x, w, bias);
  }
  template <class T>
  static void backward(D& device, const op::ConvTranspose2d& o, Sink<T> dx, Sink<wide<T>> dw, Sink<wide<T>> db, const T* dy, const T* x,
                       const T* w) {
    cuda::convolve(device, o.name, o.of, dx, dy, w, static_cast<const T*>(nullptr));
    cuda::convolution_weights(device, o.name, o.of, dw, x, dy);
    cuda::sum_planes(device, o.name, o.of.batch, o.of.in, cuda::i64{o.of.height} * o.of.width, db, dy);
  }
};

}  // namespace vitrail
