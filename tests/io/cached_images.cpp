// The cache of reduced images: what it gives never depends on what it holds.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../../include/vitrail/io/cached_images.hpp"
#include "make_files.hpp"

using namespace vitrail;
using namespace testing;

namespace {

// Noise of several sizes that counts how often it is asked, and cannot read image 3.
class Noise final : public ImageSet {
 public:
  int size() const override { return 12; }
  Image image(int index, int) const override {
    ++asked;
    if (index == 3) throw FileError("noise #3 cannot be read");
    return noise(20 + 7 * index, 60 - 3 * index, index % 2 == 0 ? 3 : 1, static_cast<std::uint64_t>(index));
  }
  int label(int index) const override { return index % 2; }
  const std::vector<std::string>& classes() const override { return names_; }
  std::string name(int index) const override { return "noise #" + std::to_string(index); }

  mutable std::atomic<int> asked{0};

 private:
  std::vector<std::string> names_ = {"colour", "grey"};
};

}  // namespace

TEST_CASE("reducing keeps flat colours and means, and equals plain averages where sizes divide") {
  const Image flat(37, 23, 3, 113);
  for (const std::uint8_t sample : detail::box_reduced(flat, 11, 7).pixels) REQUIRE(sample == 113);
  const Image image = noise(48, 36, 1, 5);
  const Image quarter = detail::box_reduced(image, 12, 9);
  for (int y = 0; y < 9; ++y)
    for (int x = 0; x < 12; ++x) {
      int sum = 0;
      for (int i = 0; i < 16; ++i) sum += *image.at(4 * x + i % 4, 4 * y + i / 4);
      REQUIRE(int{*quarter.at(x, y)} == (sum + 8) / 16);
    }
  const auto mean = [](const Image& of) {
    double sum = 0;
    for (const int sample : of.pixels) sum += sample;
    return sum / static_cast<double>(of.pixels.size());
  };
  CHECK(std::abs(mean(detail::box_reduced(image, 31, 17)) - mean(image)) < 0.5);  // weights sum to one
  CHECK(detail::box_reduced(image, 48, 36).pixels == image.pixels);
  const Image narrow = detail::reduced_to(noise(30, 1000, 3, 6), 7);
  CHECK(narrow.width == 7);
  CHECK(narrow.height == 233);
}

TEST_CASE("reducing to any size gives the mean over each pixel's area, rounded once") {
  for (const int channels : {1, 3}) {
    const Image image = noise(29, 23, channels, 7);
    for (const auto& [width, height] : {std::pair{28, 5}, {11, 22}, {1, 1}, {29, 7}, {17, 23}}) {
      const Image small = detail::box_reduced(image, width, height);
      const auto overlap = [](int a, int from, int b, int to) {  // of pixel a of `from` and b of `to`, in 1 / (from * to)
        return std::max(0, std::min((a + 1) * to, (b + 1) * from) - std::max(a * to, b * from));
      };
      for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
          for (int c = 0; c < channels; ++c) {
            int sum = 0;
            for (int v = 0; v < 23; ++v)
              for (int u = 0; u < 29; ++u) sum += overlap(v, 23, y, height) * overlap(u, 29, x, width) * image.at(u, v)[c];
            REQUIRE(int{small.at(x, y)[c]} == (sum + 29 * 23 / 2) / (29 * 23));
          }
    }
  }
}

TEST_CASE("an image that is hardly larger than asked for stays as it is") {
  const Image near = noise(36, 50, 3, 8), far = noise(37, 50, 3, 8);
  CHECK(detail::reduced_to(near, 32).pixels == near.pixels);
  CHECK(detail::reduced_to(far, 32).width == 32);
}

TEST_CASE("what the cache gives does not depend on what it holds") {
  const auto source = std::make_shared<Noise>();
  const CachedImages ample(source, 16), tight(source, 16, 2000), none(source, 16, 0);
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 12; ++i) {
      if (i == 3) continue;
      const Image wanted = detail::reduced_to(source->image(i, 16), 16);
      CHECK(std::min(wanted.width, wanted.height) == 16);
      for (const CachedImages* cache : {&ample, &tight, &none}) {
        const Image given = cache->image(i, 1 + i);
        CHECK(given.width == wanted.width);
        CHECK(given.pixels == wanted.pixels);
      }
    }
  CHECK(tight.bytes() > 0);
  CHECK(tight.bytes() <= 2000);
  CHECK(none.bytes() == 0);
  source->asked = 0;
  for (int i = 0; i < 12; ++i)
    if (i != 3) ample.image(i, 16);
  CHECK(source->asked == 0);
  for (int i = 0; i < 12; ++i)
    if (i != 3) none.image(i, 16);
  CHECK(source->asked == 11);
  CHECK(ample.image(5, 0).width == 55);  // full size, and more than is kept: from the source
  CHECK(ample.image(5, 17).width == 55);
  CHECK(ample.size() == 12);
  CHECK(ample.label(5) == 1);
  CHECK(ample.classes() == source->classes());
  CHECK(ample.name(5) == "noise #5");
  CHECK_THROWS_AS(CachedImages(source, 0), ConfigError);
  CHECK_THROWS_AS(CachedImages(nullptr, 16), ConfigError);
  CHECK_THROWS_AS(ample.image(12, 16), ShapeError);
}

TEST_CASE("an image that cannot be read fails each time, also through the cache") {
  const CachedImages cache(std::make_shared<Noise>(), 16);
  for (int round = 0; round < 3; ++round) CHECK(has(refusal([&] { cache.image(3, 16); }), "noise #3"));
}

TEST_CASE("threads that fill the cache together get what one thread gets, within the budget") {
  const auto source = std::make_shared<Noise>();
  const CachedImages cache(source, 16, 6000);
  std::vector<Image> wanted;
  for (int i = 0; i < 12; ++i) wanted.push_back(i == 3 ? Image() : detail::reduced_to(source->image(i, 16), 16));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int step = 0; step < 600; ++step) {
        const int i = (step * (t + 1) + t) % 12;
        if (i != 3 && cache.image(i, 16).pixels != wanted[static_cast<std::size_t>(i)].pixels) ++wrong;
        if (cache.bytes() > 6000) ++wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(cache.bytes() > 3000);
}
