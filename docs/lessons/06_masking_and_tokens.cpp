// Lesson 6: hides half of an image in two ways, and says it in words of three vocabularies. See 06_masking_and_tokens.md.
#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/base64.hpp>
#include <vitrail/io/file.hpp>
#include <vitrail/io/png.hpp>
#include <vitrail/io/textured_shapes.hpp>
#include <vitrail/masking/split.hpp>
#include <vitrail/nn/model.hpp>
#include <vitrail/tokenizers/random_patches.hpp>

using namespace vitrail;

// [policies]
constexpr int side = 64, patch = 4, grid = side / patch, N = grid * grid, P = 3 * patch * patch, count = 400;
using Scattered = RandomSplit<N, 50>;  // each half sees any patches
using Blocks = BlockSplit<grid, 50>;   // one half sees a few rectangles, the other one what is left
static_assert(2 * Scattered::visible == N && 2 * Scattered::masked == N);  // together: all is seen, all is guessed
// [/policies]
template <int K> using Words = Codebook<TokenizerConfig{.channels = 3, .patch = patch, .vocabulary = K}>;
std::size_t at(int i) { return static_cast<std::size_t>(i); }
// [copy]
// Per cent of the hidden patches that have the same word as the nearest patch that is seen.
template <class Split> double right_by_copying(const int* words) {
  int right = 0;
  for (int image = 0; image < count; ++image, words += N) {
    Random random = Random{12}.stream(static_cast<std::uint64_t>(image));
    int seen[Split::visible], hidden[Split::visible];
    Split::draw(random, seen, hidden);
    for (const int h : hidden) {
      const auto far = [h](int n) { return std::hypot(n % grid - h % grid, n / grid - h / grid); };
      right += words[h] == words[*std::min_element(seen, seen + N / 2, [&](int m, int n) { return far(m) < far(n); })];
    }
  }
  return 100.0 * right / (count * N / 2);
}
// [/copy]

struct Said { Image image{side, side, 3}, book{}; };  // the last image as its words tell it, and what each word means
template <int K> Said say(Cpu& device, const Tensor<Shape<dyn, 3, side, side>, Cpu, float>& images, const std::vector<float>& patches) {
  // [say]
  Model<Words<K>, Cpu> tokenizer{device, Random{1}};
  tokenizer->assign(random_patches(patches, P, K, Random{2}));  // K patches of the images, scaled to length one
  const auto words = (*tokenizer)(images);                      // (B, N) integers: the row with the largest inner product
  std::vector<double> times(K), mean(at(K * P));                // how often a word came; the mean of what it stood for
  for (int n = 0; n < count * N; ++n) ++times[at(words.data()[n])];
  for (int i = 0; i < count * N * P; ++i) mean[at(words.data()[i / P] * P + i % P)] += patches[at(i)] / times[at(words.data()[i / P])];
  double entropy = 0;
  for (const double t : times)
    if (t > 0) entropy -= t / (count * N) * std::log(t / (count * N));
  // [/say]
  std::cout << std::fixed << std::setprecision(1) << K << " words: ln " << K << " = " << std::log(K) << " nats, entropy " << entropy
            << std::setprecision(0) << "; right by copying: " << right_by_copying<Scattered>(words.data()) << " % scattered, "
            << right_by_copying<Blocks>(words.data()) << " % blocks\n";
  const auto paint = [&](Image& to, int n, int word) {
    for (int p = 0, wide = to.width / patch; p < P; ++p)
      to.at(n % wide * patch + p % patch, n / wide * patch + p / patch % patch)[p / patch / patch] =
          static_cast<std::uint8_t>(127.5 * (mean[at(word * P + p)] + 1));
  };
  Said out{.book = Image(8 * patch, K / 8 * patch, 3)};
  for (int n = 0; n < N; ++n) paint(out.image, n, words.data()[(count - 1) * N + n]);
  for (int word = 0; word < K; ++word) paint(out.book, word, word);
  return out;
}

std::string panel(int i, const std::string& title, const Image& image, const int* hidden = nullptr) {
  std::string svg = "<g transform='translate(" + std::to_string(i % 4 * 200) + " " + std::to_string(i / 4 * 222) + ")'><text y='16'>" + title +
      "</text><image y='24' width='192' height='192' style='image-rendering:pixelated' href='data:image/png;base64," + base64(encode_png(image)) + "'/>";
  for (int n = 0; hidden != nullptr && n < N / 2; ++n)
    svg += "<rect width='12.5' height='12.5' shape-rendering='crispEdges' fill='#ddd' x='" + std::to_string(hidden[n] % grid * 12) + "' y='" + std::to_string(hidden[n] / grid * 12 + 24) + "'/>";
  return svg + "</g>";
}
int main() {
  Cpu device{{.threads = 1}};
  Arena<Cpu> memory{device};
  const TexturedShapes set({.count = count, .size = side, .seed = 8});
  const auto images = make_tensor<Shape<dyn, 3, side, side>, float>(memory, Shape<dyn, 3, side, side>(count));
  for (int b = 0; b < count; ++b) {
    const Image image = set.image(b);
    for (int i = 0; i < 3 * side * side; ++i)
      images.data()[(b * 3 + i % 3) * side * side + i / 3] = static_cast<float>(image.pixels[at(i)]) / 127.5f - 1;
  }
  const auto cut = patchify<patch>(images);  // (B, N, P)
  const std::vector<float> patches(cut.data(), cut.data() + count * N * P);
  const Said few = say<8>(device, images, patches), some = say<64>(device, images, patches), many = say<1024>(device, images, patches);
  const Image image = set.image(count - 1);
  int a[N / 2], b[N / 2], c[N / 2], d[N / 2];
  Random random{1};
  Scattered::draw(random, a, b), Blocks::draw(random, c, d);
  write_atomically("06_masking_and_tokens.svg", "<svg xmlns='http://www.w3.org/2000/svg' viewBox='-4 0 800 446' font-family='sans-serif' font-size='14'><rect x='-4' width='800' height='446' fill='#fff'/>" +
      panel(0, "an image", image) + panel(1, "scattered: half is hidden", image, b) + panel(2, "blocks: half is hidden", image, d) + panel(3, "and the other half", image, c) +
      panel(4, "64 words", some.book) + panel(5, "said in 8 words", few.image) + panel(6, "said in 64 words", some.image) + panel(7, "said in 1024 words", many.image) + "</svg>\n");
}
