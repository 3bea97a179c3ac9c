// Lesson 3: attention with no learned number takes the noise out of a picture. See 03_attention.md.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/base64.hpp>
#include <vitrail/io/file.hpp>
#include <vitrail/io/png.hpp>
#include <vitrail/io/textured_shapes.hpp>
#include <vitrail/ops/attention.hpp>
#include <vitrail/ops/matmul.hpp>
#include <vitrail/ops/softmax.hpp>

using namespace vitrail;

// [tokens]
constexpr int S = 48, N = S * S;     // every pixel is a token
constexpr int around = 2, P = 3 * 25, D = P + 1;  // it knows the 5 x 5 pixels around it, and one number more
using Tokens = Tensor<Shape<dyn, N, D>, Cpu, float>;
// [/tokens]
constexpr double noise = 0.12, h = 0.65;

// [roles]
// q . k = -|a - b|^2 / 2 h^2 + something that depends on the query alone, where a and b are the surroundings of two pixels.
void fill_roles(const Tokens& q, const Tokens& k, const Tokens& v, const std::vector<float>& pixels) {
  for (int n = 0; n < N; ++n) {
    float length = 0;
    for (int p = 0; p < P; ++p) {
      const int c = p / 25, y = std::clamp(n / S + p / 5 % 5 - around, 0, S - 1), x = std::clamp(n % S + p % 5 - around, 0, S - 1);
      const float value = pixels[static_cast<std::size_t>((y * S + x) * 3 + c)] / static_cast<float>(h);
      q.data()[n * D + p] = k.data()[n * D + p] = value;
      length += value * value;
    }
    q.data()[n * D + P] = 1, k.data()[n * D + P] = -length / 2;
    for (int d = 0; d < D; ++d) v.data()[n * D + d] = d < 3 ? pixels[static_cast<std::size_t>(n * 3 + d)] : 0;  // what it tells: its colour
  }
}
// [/roles]

std::string panel(int left, const std::string& title, const auto& colour, int mark = -1) {
  Image image(S, S, 3);
  for (int n = 0; n < N; ++n)
    for (int c = 0; c < 3; ++c) image.at(n % S, n / S)[c] = static_cast<std::uint8_t>(255 * std::clamp(colour(n, c), 0.0f, 1.0f));
  std::string svg = "<g transform='translate(" + std::to_string(left) + ")'><text y='16'>" + title +
                    "</text><image y='24' width='192' height='192' style='image-rendering:pixelated' href='data:image/png;base64," + base64(encode_png(image)) + "'/>";
  if (mark >= 0) svg += "<circle cx='" + std::to_string(mark % S * 4 + 2) + "' cy='" + std::to_string(mark / S * 4 + 26) + "' r='7' fill='none' stroke='#fff' stroke-width='2'/>";
  return svg + "</g>";
}

int main() {
  Cpu device{{.threads = 1}};
  Arena<Cpu> memory{device};
  const Shape<dyn, N, D> shape(1);
  const Tokens q = make_tensor<Shape<dyn, N, D>, float>(memory, shape), k = make_tensor<Shape<dyn, N, D>, float>(memory, shape);
  const Tokens v = make_tensor<Shape<dyn, N, D>, float>(memory, shape);
  const Image image = TexturedShapes({.count = 10, .size = S, .seed = 4}).image(1);
  Random random{3};
  std::vector<float> clean(image.pixels.begin(), image.pixels.end()), noisy;
  for (float& x : clean) noisy.push_back((x /= 255) + static_cast<float>(noise * random.normal()));
  fill_roles(q, k, v, noisy);

  // [attention]
  const auto scores = matmul_transposed(q, k);  // (1, N, D) x (1, D, N) -> (1, N, N): each query against each key
  const auto weights = softmax(scores);         // rows are positive and sum to one
  const auto y = matmul(weights, v);            // (1, N, N) x (1, N, D) -> (1, N, D): means of values
  // [/attention]

  // [fused]
  // The library's op: q, k and v side by side, one head; it divides scores by sqrt(D) itself.
  const auto qkv = make_tensor<Shape<dyn, N, 3 * D>, float>(memory, Shape<dyn, N, 3 * D>(1));
  for (int i = 0; i < N * D; ++i) {
    float* row = qkv.data() + i / D * 3 * D + i % D;
    row[0] = q.data()[i] * std::sqrt(float{D}), row[D] = k.data()[i], row[2 * D] = v.data()[i];
  }
  const auto fused = attention<1>(qkv);  // (1, N, D)
  // [/fused]
  double before = 0, after = 0, apart = 0;
  for (int i = 0; i < 3 * N; ++i) {
    const auto n = static_cast<std::size_t>(i);
    const float out = y.data()[i / 3 * D + i % 3];
    before += std::pow(noisy[n] - clean[n], 2) / (3 * N), after += std::pow(out - clean[n], 2) / (3 * N);
    apart = std::max<double>(apart, std::abs(out - fused.data()[i / 3 * D + i % 3]));
  }
  std::cout << "q " << text(q.shape) << ", scores " << text(scores.shape) << ", y " << text(y.shape) << "\n"
            << "noise left: " << std::round(100 * std::sqrt(after / before)) << " %\n"
            << "op by op as the fused op: " << (apart < 1e-3 ? "yes" : "no") << "\n";
  const auto heat = [&](int query) {
    const float* row = weights.data() + query * N;
    float top = 0;  // of the others
    for (int n = 0; n < N; ++n) top = n == query ? top : std::max(top, row[n]);
    return [row, top](int n, int c) { const float s = std::sqrt(row[n] / top); return c == 0 ? 2 * s : c == 1 ? 2 * s - 1 : 0.1f; };
  };
  const int spot = 20 * S + 22, edge = 19 * S + 5;
  write_atomically("03_attention.svg", "<svg xmlns='http://www.w3.org/2000/svg' viewBox='-4 0 800 220' font-family='sans-serif' font-size='14'><rect x='-4' width='800' height='220' fill='#fff'/>" +
      panel(0, "noisy", [&](int n, int c) { return noisy[static_cast<std::size_t>(3 * n + c)]; }) + panel(200, "after attention", [&](int n, int c) { return y.data()[n * D + c]; }) +
      panel(400, "whom a spot listens to", heat(spot), spot) + panel(600, "whom the edge listens to", heat(edge), edge) + "</svg>\n");
}
