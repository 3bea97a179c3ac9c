// Tokenizers: one word per patch, words in use, and how codebooks are made of patches.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "support/models.hpp"
#include "vitrail/tokenizers/kmeans.hpp"
#include "vitrail/tokenizers/random_patches.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;

namespace {

// Images like photographs in what matters here: smooth, coloured, of all brightnesses. Waves of random direction, the
// longer the stronger.
template <class S, class T>
Tensor<S, Cpu, T> smooth_images(Arena<Cpu>& arena, int batch, std::uint64_t seed) {
  const auto images = make_tensor<S, T>(arena, S(batch));
  constexpr int C = S::template extent<1>(), I = last_extent<S>;
  for (int b = 0; b < batch; ++b)
    for (int c = 0; c < C; ++c) {
      T* plane = images.at + (std::int64_t{b} * C + c) * I * I;
      Random random = Random(seed).stream(static_cast<std::uint64_t>(b), static_cast<std::uint64_t>(c));
      std::fill(plane, plane + I * I, static_cast<T>(0.5 * random.normal()));
      for (int wave = 0; wave < 24; ++wave) {
        const double period = I * std::pow(2.0, -random.uniform(0, 5)), angle = random.uniform(0, 6.28), phase = random.uniform(0, 6.28);
        const double strength = std::sqrt(period / I) * 0.6;
        for (int y = 0; y < I; ++y)
          for (int x = 0; x < I; ++x)
            plane[y * I + x] += static_cast<T>(strength * std::cos(6.28 / period * (x * std::cos(angle) + y * std::sin(angle)) + phase));
      }
    }
  return images;
}

double entropy(const std::vector<int>& words) {
  std::map<int, double> share;
  for (const int word : words) share[word] += 1.0 / static_cast<double>(words.size());
  double sum = 0;
  for (const auto& [word, p] : share) sum -= p * std::log(p);
  return sum;
}

template <class Tokenizer, class X>
std::vector<int> words_of(const Tokenizer& tokenizer, const X& images) {
  const auto words = tokenizer(images);
  return std::vector<int>(words.at, words.at + words.shape.size());
}

// Rows of two numbers around the corners of a square.
std::vector<double> four_clouds(int each, std::uint64_t seed) {
  Random random(seed);
  std::vector<double> rows;
  for (int i = 0; i < 4 * each; ++i) {
    rows.push_back((i % 4 % 2 ? 10.0 : -10.0) + random.uniform(-1, 1));
    rows.push_back((i % 4 / 2 ? 10.0 : -10.0) + random.uniform(-1, 1));
  }
  return rows;
}

// Mean squared distance of the rows from the nearest centre.
double distortion(const std::vector<double>& rows, const std::vector<double>& centres, std::size_t width) {
  double sum = 0;
  for (std::size_t r = 0; r < rows.size(); r += width) {
    double best = 1e300;
    for (std::size_t c = 0; c < centres.size(); c += width) {
      double d = 0;
      for (std::size_t i = 0; i < width; ++i) d += (rows[r + i] - centres[c + i]) * (rows[r + i] - centres[c + i]);
      best = std::min(best, d);
    }
    sum += best;
  }
  return sum * static_cast<double>(width) / static_cast<double>(rows.size());
}

std::vector<double> random_rows(int rows, int width, std::uint64_t seed) {
  Random random(seed);
  std::vector<double> out(static_cast<std::size_t>(rows * width));
  for (double& v : out) v = random.normal();
  return out;
}

}  // namespace

TEST_SUITE_BEGIN("tokenizers");

TEST_CASE("an image of 224 pixels becomes 14 x 14 words, from patches halved to 8 x 8 pixels") {
  using Tokenizer = RandomProjection<vit_tiny_patch16_224, 8192>;
  static_assert(Tokenizer::values == 192 && Tokenizer::vocabulary == 8192);
  Cpu cpu(1);
  Model<Tokenizer, Cpu> model{cpu, Random{3}};
  Arena<Cpu> arena{cpu};
  using Images = Shape<dyn, 3, 224, 224>;
  const auto words = (*model)(smooth_images<Images, float>(arena, 2, 5));
  static_assert(std::is_same_v<decltype(words.shape), Shape<dyn, 196>>);
  CHECK(words.shape.leading() == 2);
  CHECK(std::all_of(words.at, words.at + 392, [](int word) { return word >= 0 && word < 8192; }));
}

TEST_CASE("the rows of a random codebook have length one and differ from each other") {
  Cpu cpu(1);
  Model<RandomProjection<vit_tiny_patch4_32, 64>, Cpu, double> model{cpu, Random{3}};
  CHECK(model.trained() == 0);  // never updated
  for (int a = 0; a < 64; ++a)
    for (int b = 0; b <= a; ++b) {
      double product = 0;
      for (int i = 0; i < 48; ++i) product += model.values()[a * 48 + i] * model.values()[b * 48 + i];
      if (a == b) CHECK(product == doctest::Approx(1).epsilon(1e-12));
      else CHECK(product < 0.9);
    }
}

TEST_CASE("a word is the row with the largest inner product, the same for any batch") {
  constexpr TokenizerConfig config{3, 4, 32};
  Cpu cpu(1);
  Model<Codebook<config>, Cpu, double> model{cpu, Random{3}};
  Arena<Cpu> arena{cpu};
  const auto images = noise<Shape<dyn, 3, 16, 16>, double>(arena, 5, 4);
  const std::vector<int> words = words_of(*model, images);
  for (int b = 0; b < 5; ++b) {
    using One = Shape<dyn, 3, 16, 16>;
    const std::vector<int> alone = words_of(*model, Tensor<One, Cpu, double>{images.at + b * 768, &arena, One(1)});
    for (int n = 0; n < 16; ++n) {
      CHECK(alone[static_cast<std::size_t>(n)] == words[static_cast<std::size_t>(b * 16 + n)]);
      double best = -1e300;
      int nearest = -1;
      for (int word = 0; word < 32; ++word) {
        double product = 0;
        for (int i = 0; i < 48; ++i) {
          const int c = i / 16, y = n / 4 * 4 + i % 16 / 4, x = n % 4 * 4 + i % 4;
          product += images.at[b * 768 + c * 256 + y * 16 + x] * model.values()[word * 48 + i];
        }
        if (product > best) best = product, nearest = word;
      }
      CHECK(nearest == alone[static_cast<std::size_t>(n)]);
    }
  }
}

TEST_CASE_TEMPLATE("words of smooth images are used evenly enough, with or without brightness", Centred, std::false_type, std::true_type) {
  constexpr int K = 1024;
  Cpu cpu(1);
  Model<RandomProjection<vit_tiny_patch8_96, K, Centred::value>, Cpu> model{cpu, Random{3}};
  Arena<Cpu> arena{cpu};
  const double used = entropy(words_of(*model, smooth_images<Shape<dyn, 3, 96, 96>, float>(arena, 48, 5)));
  MESSAGE("entropy of words: " << used << " of ln " << K << " = " << std::log(K));
  CHECK(used > 0.5 * std::log(K));
}

TEST_CASE("a centred tokenizer does not see brightness, a plain one does") {
  Cpu cpu(1);
  Model<RandomProjection<vit_tiny_patch4_32, 256, true>, Cpu, double> centred{cpu, Random{3}};
  Model<RandomProjection<vit_tiny_patch4_32, 256, false>, Cpu, double> plain{cpu, Random{3}};
  Arena<Cpu> arena{cpu};
  using Images = Shape<dyn, 3, 32, 32>;
  const auto images = smooth_images<Images, double>(arena, 4, 5);
  const auto brighter = make_tensor<Images, double>(arena, Images(4));
  for (std::int64_t i = 0; i < images.shape.size(); ++i) brighter.at[i] = images.at[i] + 3;
  CHECK(words_of(*centred, images) == words_of(*centred, brighter));
  CHECK(words_of(*plain, images) != words_of(*plain, brighter));
}

TEST_CASE("a codebook of given rows is scaled to length one, and gives each row its own number") {
  constexpr TokenizerConfig config{1, 2, 3};
  Cpu cpu(1);
  Model<Codebook<config>, Cpu, double> model{cpu, Random{3}};
  model->assign(std::vector<double>{3, 4, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0});  // the last is no direction: it stays zero
  CHECK(model.values()[0] == doctest::Approx(0.6));
  CHECK(model.values()[6] == doctest::Approx(1));
  CHECK(model.values()[8] == 0);
  CHECK_THROWS_WITH_AS(model->assign(std::vector<double>(11)), "codebook: expected 3 rows of 4 numbers, found 11 numbers in all",
                       ShapeError);
}

TEST_CASE("random patches are different rows of what was given") {
  const std::vector<double> rows = random_rows(40, 3, 1);
  std::vector<double> chosen = random_patches(rows, 3, 40, Random{2});
  CHECK(chosen != rows);  // in another order
  CHECK(chosen == random_patches(rows, 3, 40, Random{2}));
  CHECK(chosen != random_patches(rows, 3, 40, Random{3}));
  std::vector<double> sorted = rows;
  std::sort(chosen.begin(), chosen.end());
  std::sort(sorted.begin(), sorted.end());
  CHECK(chosen == sorted);
  CHECK_THROWS_AS(random_patches(rows, 3, 41, Random{2}), ConfigError);
}

TEST_CASE("k-means finds clouds that are far apart, from any seed") {
  Cpu device(1);
  const std::vector<double> rows = four_clouds(50, 9);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<double> centres = kmeans(device, rows, 2, 4, Random{seed});
    std::set<std::pair<bool, bool>> corners;
    for (std::size_t c = 0; c < 4; ++c) {
      CHECK(std::abs(std::abs(centres[2 * c]) - 10) < 0.5);
      CHECK(std::abs(std::abs(centres[2 * c + 1]) - 10) < 0.5);
      corners.insert({centres[2 * c] > 0, centres[2 * c + 1] > 0});
    }
    CHECK(corners.size() == 4);
  }
}

TEST_CASE("more iterations of k-means never make the codebook worse, and it repeats itself") {
  Cpu device(1);
  const std::vector<double> rows = random_rows(500, 6, 4);
  double before = 1e300;
  for (const int iterations : {0, 1, 2, 5, 20, 100}) {
    const double now = distortion(rows, kmeans(device, rows, 6, 16, Random{5}, iterations), 6);
    CHECK(now <= before + 1e-12);
    before = now;
  }
  CHECK(before < 0.9 * distortion(rows, random_patches(rows, 6, 16, Random{5}), 6));
  Cpu threads(3);
  CHECK(kmeans(device, rows, 6, 16, Random{5}) == kmeans(threads, rows, 6, 16, Random{5}));
}

TEST_CASE("one centroid is the mean, and as many as there are patches are the patches") {
  Cpu device(1);
  const std::vector<double> rows = random_rows(30, 2, 4);
  const std::vector<double> mean = kmeans(device, rows, 2, 1, Random{5});
  double x = 0, y = 0;
  for (std::size_t i = 0; i < rows.size(); i += 2) x += rows[i] / 30, y += rows[i + 1] / 30;
  CHECK(mean[0] == doctest::Approx(x));
  CHECK(mean[1] == doctest::Approx(y));
  CHECK(distortion(rows, kmeans(device, rows, 2, 30, Random{5}), 2) < 1e-20);
}

TEST_CASE("k-means survives more words than there are different patches") {
  Cpu device(1);
  std::vector<double> rows;
  for (int i = 0; i < 40; ++i) rows.push_back(i % 3), rows.push_back(1);
  const std::vector<double> centres = kmeans(device, rows, 2, 8, Random{5});
  REQUIRE(centres.size() == 16);
  CHECK(distortion(rows, centres, 2) == 0);
  for (const double v : centres) CHECK(std::isfinite(v));
  CHECK_THROWS_WITH_AS(kmeans(device, rows, 2, 41, Random{5}),
                       "kmeans: a codebook of 41 words needs as many patches, found 40; sample more patches or choose a smaller vocabulary",
                       ConfigError);
}

TEST_SUITE_END();
