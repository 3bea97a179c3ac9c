// Lesson 6's exercise: what guessing costs by what is known, and what makes a vocabulary rich.
#include <cmath>
#include <iomanip>
#include <iostream>
#include <vector>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/textured_shapes.hpp>
#include <vitrail/nn/model.hpp>
#include <vitrail/tokenizers/kmeans.hpp>
#include <vitrail/tokenizers/random_patches.hpp>

using namespace vitrail;

constexpr int side = 64, patch = 4, K = 64, P = 3 * patch * patch, count = 200, N = (side / patch) * (side / patch);
template <bool Centred> using Words = Codebook<TokenizerConfig{.channels = 3, .patch = patch, .vocabulary = K, .centred = Centred}>;
using Frequencies = std::vector<double>;

// [cost]
// Nats that a word costs on average where it comes as often as `p` says and is guessed as `q` says.
double cost(const Frequencies& p, const Frequencies& q) {
  double sum = 0;
  for (std::size_t word = 0; word < K; ++word)
    if (p[word] > 0) sum -= p[word] * std::log(q[word]);
  return sum;
}
// [/cost]
Frequencies frequencies(const int* words, int images, double start = 0) {  // start: how often every word is taken to have come before
  Frequencies p(K, start / (images * N + K * start));
  for (int n = 0; n < images * N; ++n) p[static_cast<std::size_t>(words[n])] += 1 / (images * N + K * start);
  return p;
}

int main() {
  Cpu device{{.threads = 1}};
  Arena<Cpu> memory{device};
  const TexturedShapes set({.count = count, .size = side, .seed = 9});
  const auto images = make_tensor<Shape<dyn, 3, side, side>, float>(memory, Shape<dyn, 3, side, side>(count));
  for (int b = 0; b < count; ++b) {
    const Image image = set.image(b);
    for (int i = 0; i < 3 * side * side; ++i)
      images.data()[(b * 3 + i % 3) * side * side + i / 3] = static_cast<float>(image.pixels[static_cast<std::size_t>(i)]) / 127.5f - 1;
  }
  const auto cut = patchify<patch>(images);  // (B, N, P)
  const std::vector<float> patches(cut.data(), cut.data() + count * N * P);

  // [vocabularies]
  Model<Words<false>, Cpu> plain{device, Random{1}};   // begins with random directions
  Model<Words<true>, Cpu> centred{device, Random{1}};  // the same, but a patch's brightness does not count
  const auto entropy = [](const auto& words) {
    const Frequencies p = frequencies(words.data(), count);
    return cost(p, p);
  };
  std::cout << std::fixed << std::setprecision(1) << "random directions: " << entropy((*plain)(images)) << " nats\n"
            << "random directions, centred: " << entropy((*centred)(images)) << " nats\n";
  plain->assign(kmeans(device, patches, P, K, Random{2}, 5));
  std::cout << "centroids: " << entropy((*plain)(images)) << " nats\n";
  plain->assign(random_patches(patches, P, K, Random{2}));
  const auto words = (*plain)(images);  // (B, N) integers
  std::cout << "patches: " << entropy(words) << " nats\n";
  // [/vocabularies]
  // [guesses]
  const Frequencies p = frequencies(words.data() + count / 2 * N, count / 2);  // of the images that are guessed
  const Frequencies other = frequencies(words.data(), count / 2, 1), evenly(K, 1.0 / K);
  std::cout << std::setprecision(2) << "guessed evenly: " << cost(p, evenly) << " nats\n"
            << "by the frequencies of other images: " << cost(p, other) << " nats\n"
            << "by their own: " << cost(p, p) << " nats\n";
  // [/guesses]
  return cost(p, p) < cost(p, other) && cost(p, other) < std::log(K) ? 0 : 1;
}
