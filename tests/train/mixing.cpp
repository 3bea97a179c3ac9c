// Mixup and CutMix of whole batches: what is kept, what is exchanged, and how often.
#include "vitrail/train/augment/mix.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace vitrail;

namespace {
constexpr int B = 4, C = 2, S = 16, values = C * S * S;
// Image b is filled with b + 1.
std::vector<float> batch() {
  std::vector<float> images;
  for (int b = 0; b < B; ++b) images.insert(images.end(), values, static_cast<float>(b + 1));
  return images;
}
}  // namespace

TEST_CASE("shares come from a beta distribution: its mean, its variance, and both ends below 1") {
  for (const double alpha : {0.2, 0.8, 1.0, 4.0}) {
    CAPTURE(alpha);
    Random random(3);
    double sum = 0, squares = 0;
    const int n = 20000;
    for (int i = 0; i < n; ++i) {
      const double x = detail::beta_variate(alpha, random);
      REQUIRE((x >= 0 && x <= 1));
      sum += x, squares += (x - 0.5) * (x - 0.5);
    }
    CHECK(std::abs(sum / n - 0.5) < 0.01);
    CHECK(squares / n == doctest::Approx(0.25 / (2 * alpha + 1)).epsilon(0.04));
  }
}

TEST_CASE("mixup keeps its share of each image and takes the rest from the one at the same place from the end") {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    std::vector<float> images = batch();
    Random random(seed);
    const double share = mix_batch(images.data(), B, C, S, {.mixup = 0.8}, random);
    for (int b = 0; b < B; ++b)
      for (int i = 0; i < values; ++i)
        REQUIRE(images[static_cast<std::size_t>(b * values + i)] == doctest::Approx(share * (b + 1) + (1 - share) * (B - b)).epsilon(1e-5));
  }
}

TEST_CASE("CutMix exchanges one box of both images, and the share is what is left of the picture") {
  double smallest = 1, largest = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    std::vector<float> images = batch();
    Random random(seed);
    const double share = mix_batch(images.data(), B, C, S, {.cutmix = 1}, random);
    for (int b = 0; b < B; ++b) {
      int own = 0;
      for (int i = 0; i < values; ++i) {
        const float sample = images[static_cast<std::size_t>(b * values + i)];
        REQUIRE((sample == static_cast<float>(b + 1) || sample == static_cast<float>(B - b)));
        own += sample == static_cast<float>(b + 1);
      }
      REQUIRE(own == doctest::Approx(share * values));
    }
    smallest = std::min(smallest, share), largest = std::max(largest, share);
  }
  CHECK(smallest < 0.4);
  CHECK(largest > 0.95);
}

TEST_CASE("one or the other: both are drawn equally often, and a probability leaves batches alone") {
  int cut = 0, alone = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    std::vector<float> images = batch();
    Random random(seed), other(seed);
    mix_batch(images.data(), B, C, S, {.mixup = 0.8, .cutmix = 1}, random);
    cut += images[0] == 1.0f || images[0] == 4.0f;
    images = batch();
    const double share = mix_batch(images.data(), B, C, S, {.mixup = 0.8, .probability = 0.5}, other);
    alone += share == 1 && images == batch();
  }
  CHECK(std::abs(cut - 200) < 60);
  CHECK(std::abs(alone - 200) < 60);
}

TEST_CASE("settings without meaning are refused") {
  CHECK_THROWS_WITH_AS(check(MixConfig{.mixup = -1}), doctest::Contains("0 .. 1000, found -1.0"), ConfigError);
  CHECK_THROWS_WITH_AS(check(MixConfig{.mixup = 1, .probability = 2}), doctest::Contains("0 .. 1, found 2.0"), ConfigError);
  CHECK_NOTHROW(check(MixConfig{.mixup = 0.8, .cutmix = 1}));
}
