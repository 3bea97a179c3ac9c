// Lesson 1: four matrix products keep the coarse of an image and drop the fine. See 01_shapes_and_matmul.md.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <numbers>
#include <string>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/base64.hpp>
#include <vitrail/io/file.hpp>
#include <vitrail/io/png.hpp>
#include <vitrail/io/textured_shapes.hpp>
#include <vitrail/ops/matmul.hpp>

using namespace vitrail;

// [shapes]
constexpr int S = 64;  // pixels of a side
template <int Rows, int Columns> using Matrices = Tensor<Shape<dyn, Rows, Columns>, Cpu, float>;  // a batch of them

template <class A, class B> concept CanMultiply = InnerExtentsAgree<shape_of<A>, shape_of<B>>;  // the rule of matmul
static_assert(CanMultiply<Matrices<8, 64>, Matrices<64, 64>>);
static_assert(!CanMultiply<Matrices<64, 64>, Matrices<8, 64>>);  // rows of 64 numbers do not meet columns of 8
// [/shapes]

// The same matrix, entry by entry from f(row, column), once for every image of a batch.
template <int Rows, int Columns> Matrices<Rows, Columns> matrices(Arena<Cpu>& memory, int batch, auto f) {
  const auto m = make_tensor<Shape<dyn, Rows, Columns>, float>(memory, Shape<dyn, Rows, Columns>(batch));
  for (int i = 0; i < batch * Rows * Columns; ++i) m.data()[i] = static_cast<float>(f(i / Columns % Rows, i % Columns));
  return m;
}

// [waves]
// Row k of the cosine transform's matrix: k half waves over S pixels. The rows are orthogonal and of length 1.
double wave(int k, int pixel) { return std::sqrt((k == 0 ? 1.0 : 2.0) / S) * std::cos(std::numbers::pi * k * (pixel + 0.5) / S); }
// [/waves]

// [products]
// K x K numbers instead of S x S pixels, and the image that they stand for.
template <int K> Matrices<S, S> through(Arena<Cpu>& memory, Matrices<S, S> x) {
  const auto c = matrices<K, S>(memory, x.shape.leading(), wave);  // (B, K, S)
  const auto ct = matrices<S, K>(memory, x.shape.leading(), [](int pixel, int k) { return wave(k, pixel); });
  const auto code = matmul(matmul(c, x), ct);                      // (B, K, K)
  static_assert(std::is_same_v<shape_of<decltype(code)>, Shape<dyn, K, K>>);
  return matmul(matmul(ct, code), c);                              // (B, S, S)
}
// [/products]

struct Picture {
  std::string svg;
  int x = 0;
  // (3, S, S), colours between 0 and 255.
  void add(const std::string& title, Matrices<S, S> planes) {
    Image image(S, S, 3);
    for (int i = 0; i < 3 * S * S; ++i) *(image.at(i % S, i / S % S) + i / (S * S)) = static_cast<std::uint8_t>(std::clamp(planes.data()[i], 0.0f, 255.0f));
    svg += "<text x='" + std::to_string(x) + "' y='16'>" + title + "</text><image x='" + std::to_string(x) +
           "' y='24' width='192' height='192' style='image-rendering:pixelated' href='data:image/png;base64," + base64(encode_png(image)) + "'/>";
    x += 200;
  }
};

// [loss]
template <int K> void compress(Picture& picture, Arena<Cpu>& memory, Matrices<S, S> x) {
  const auto y = through<K>(memory, x);
  double lost = 0, all = 0;
  for (std::int64_t i = 0; i < x.shape.size(); ++i) {
    lost += std::pow(x.data()[i] - y.data()[i], 2);
    all += std::pow(x.data()[i] - 128, 2);
  }
  std::cout << K << " waves: " << 3 * K * K << " numbers for " << 3 * S * S << ", lost " << std::round(100 * lost / all) << " %\n";
  picture.add(std::to_string(K) + " x " + std::to_string(K) + " numbers", y);
}
// [/loss]

int main() {
  Cpu device{{.threads = 1}};
  Arena<Cpu> memory{device};
  const Image image = TexturedShapes({.count = 10, .size = S, .seed = 4}).image(1);
  // A batch of three matrices: the colours. matrices() asks for them in order, plane by plane.
  int i = 0;
  const auto x = matrices<S, S>(memory, 3, [&](int row, int column) { return image.at(column, row)[i++ / (S * S)]; });
  std::cout << "x " << text(x.shape) << ", c " << text(matrices<8, S>(memory, 3, wave).shape) << ", c x "
            << text(matmul(matrices<8, S>(memory, 3, wave), x).shape) << "\n";
  Picture picture;
  picture.add("the image", x);
  compress<32>(picture, memory, x);
  compress<16>(picture, memory, x);
  compress<8>(picture, memory, x);
  write_atomically("01_shapes_and_matmul.svg", "<svg xmlns='http://www.w3.org/2000/svg' viewBox='-4 0 800 220' font-family='sans-serif' font-size='14'>"
      "<rect x='-4' width='800' height='220' fill='#fff'/>" + picture.svg + "</svg>\n");
}
