// Laws of the built-in image set: exact coverage, boxes, masks, balance, and that pixels alone do not tell the classes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <thread>
#include <vector>

#include "vitrail/io/textured_shapes.hpp"
#include "vitrail/train/augment/augment.hpp"

using namespace vitrail;

namespace {

double covered_area(const shapes::Outline& outline, int width, int height) {
  double sum = 0;
  for (const float share : shapes::cover(outline, width, height).shares) sum += static_cast<double>(share);
  return sum;
}

// Gauss's formula, holes negative.
double outline_area(const shapes::Outline& outline) {
  double sum = 0;
  for (const auto& contour : outline)
    for (std::size_t i = 0; i < contour.size(); ++i) {
      const shapes::Point a = contour[i], b = contour[(i + 1) % contour.size()];
      sum += (a.x * b.y - a.y * b.x) / 2;
    }
  return std::abs(sum);
}

int count(const std::vector<std::uint8_t>& mask) { return static_cast<int>(std::count(mask.begin(), mask.end(), 1)); }

// Pixels as numbers at 16 x 16, for the nearest-neighbour baseline.
std::vector<float> small_view(const Image& image) {
  std::vector<float> view(3 * 16 * 16);
  AugmentConfig config = augment_none();
  config.crop_ratio = 1;
  Random unused;
  augment(image, config, unused, 16, 3, view.data());
  return view;
}

}  // namespace

TEST_CASE("coverage sums to the outline's area, to the last fraction of a pixel") {
  for (std::size_t family = 0; family < shapes::family_names().size(); ++family)
    for (const double angle : {0.0, 0.3, 2.1}) {
      const auto outline =
          shapes::placed(shapes::family_outline(static_cast<int>(family)), {20.3, 18.9, 13.7, angle, 1.2});
      CHECK(covered_area(outline, 40, 40) == doctest::Approx(outline_area(outline)).epsilon(1e-5));
    }
}

TEST_CASE("coverage of a rectangle is the overlap with each pixel") {
  const shapes::Outline rectangle = {{{1.25, 0.5}, {3.5, 0.5}, {3.5, 2}, {1.25, 2}}};
  const shapes::Coverage covered = shapes::cover(rectangle, 10, 10);
  REQUIRE((covered.x == 1 && covered.y == 0 && covered.width == 3 && covered.height == 2));
  const float expected[6] = {0.375f, 0.5f, 0.25f, 0.75f, 1, 0.5f};
  for (std::size_t i = 0; i < 6; ++i) CHECK(covered.shares[i] == doctest::Approx(expected[i]));
}

TEST_CASE("an outline that leaves the picture covers its part inside") {
  const shapes::Outline large = {{{-5, -5}, {25, -5}, {25, 25}, {-5, 25}}};
  CHECK(covered_area(large, 8, 6) == doctest::Approx(48));
  const shapes::Outline corner = {{{6, 4}, {20, 4}, {20, 20}, {6, 20}}}, away = {{{-9, 1}, {-3, 1}, {-3, 5}}};
  CHECK(covered_area(corner, 8, 6) == doctest::Approx(4));
  CHECK(covered_area(away, 8, 6) == 0);
}

TEST_CASE("an image depends on its seed and index alone, whatever was drawn before and by which thread") {
  const TexturedShapes set({.count = 40, .size = 32, .seed = 5, .objects = 3});
  const TexturedShapes longer({.count = 4000, .size = 32, .seed = 5, .objects = 3});
  const TexturedShapes other({.count = 40, .size = 32, .seed = 6, .objects = 3});
  std::vector<Image> drawn(40);
  std::thread thread([&] {
    for (int i = 39; i >= 20; --i) drawn[static_cast<std::size_t>(i)] = set.image(i);
  });
  for (int i = 0; i < 20; ++i) drawn[static_cast<std::size_t>(i)] = set.image(i);
  thread.join();
  std::set<std::vector<std::uint8_t>> different;
  for (int i = 0; i < 40; ++i) {
    CHECK(drawn[static_cast<std::size_t>(i)].pixels == longer.image(i).pixels);
    CHECK(drawn[static_cast<std::size_t>(i)].pixels != other.image(i).pixels);
    different.insert(drawn[static_cast<std::size_t>(i)].pixels);
  }
  CHECK(different.size() == 40);
}

TEST_CASE("every run of images holds each class once, in changing order, and the first object has it") {
  const TexturedShapes set({.count = 300, .size = 16, .classes = 10});
  std::set<std::vector<int>> orders;
  for (int block = 0; block < 30; ++block) {
    std::vector<int> labels;
    for (int i = 0; i < 10; ++i) labels.push_back(set.label(block * 10 + i));
    orders.insert(labels);
    std::sort(labels.begin(), labels.end());
    for (int i = 0; i < 10; ++i) REQUIRE(labels[static_cast<std::size_t>(i)] == i);
  }
  CHECK(orders.size() == 30);
  for (int i = 0; i < 50; ++i) CHECK(set.scene(i).objects.at(0).label == set.label(i));
  CHECK(set.classes().size() == 10);
  CHECK(TexturedShapes({.classes = 4}).classes().size() == 4);
}

TEST_CASE("boxes are tight around the masks, masks lie in the image and do not overlap") {
  const TexturedShapes set({.count = 100, .size = 64, .seed = 2, .objects = 6});
  std::size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    const Scene scene = set.scene(i);
    most = std::max(most, scene.objects.size());
    REQUIRE((!scene.objects.empty() && scene.objects.size() <= 6));
    std::vector<int> owners(64 * 64);
    for (const SceneObject& object : scene.objects) {
      REQUIRE(object.mask.size() == 64 * 64);
      int left = 64, right = -1, top = 64, bottom = -1;
      for (int y = 0; y < 64; ++y)
        for (int x = 0; x < 64; ++x) {
          const std::size_t at = static_cast<std::size_t>(y * 64 + x);
          if (object.mask[at] == 0) continue;
          left = std::min(left, x), right = std::max(right, x), top = std::min(top, y), bottom = std::max(bottom, y);
          REQUIRE(++owners[at] == 1);
        }
      REQUIRE((object.x == left && object.x + object.width == right + 1));
      REQUIRE((object.y == top && object.y + object.height == bottom + 1));
      REQUIRE((object.label >= 0 && object.label < 10));
    }
  }
  CHECK(most >= 5);
}

TEST_CASE("a single object is well visible: large enough, and unlike the ground beside it") {
  const TexturedShapes set({.count = 200, .size = 64});
  int distinct = 0;
  for (int i = 0; i < 200; ++i) {
    const Scene scene = set.scene(i);
    REQUIRE(scene.objects.size() == 1);
    const SceneObject& object = scene.objects[0];
    REQUIRE(count(object.mask) > 64 * 64 / 60);
    // Contrast across the mask's border, between horizontal neighbours three pixels apart.
    double difference = 0;
    int pairs = 0;
    for (int y = 0; y < 64; ++y)
      for (int x = 0; x + 3 < 64; ++x) {
        const std::size_t at = static_cast<std::size_t>(y * 64 + x);
        if (object.mask[at] == object.mask[at + 3]) continue;
        const std::uint8_t *a = scene.image.at(x, y), *b = scene.image.at(x + 3, y);
        for (int c = 0; c < 3; ++c) difference += std::abs(a[c] - b[c]);
        ++pairs;
      }
    distinct += difference / pairs > 60;
  }
  CHECK(distinct >= 190);
}

TEST_CASE("a family keeps its pattern in about four of five images, grounds are light, and hues say nothing") {
  int kept = 0;
  float darkest_ground = 1, hue[2][3] = {};
  constexpr int drawn = 400;
  for (std::uint64_t i = 0; i < drawn; ++i) {
    Random random = Random(4).stream(i);
    const shapes::Texture ground = shapes::ground_texture(random);
    for (const shapes::Colour& c : {ground.first, ground.second}) darkest_ground = std::min({darkest_ground, c.red, c.green, c.blue});
    for (const int family : {2, 7}) {  // the two that share a pattern
      const shapes::Texture front = shapes::family_texture(family, random);
      kept += front.pattern == shapes::Pattern::dots;
      CHECK(shapes::colour_distance(front.first, front.second) > 0.3);
      float* sum = hue[family == 7];
      sum[0] += front.second.red, sum[1] += front.second.green, sum[2] += front.second.blue;
    }
  }
  CHECK(darkest_ground >= 0.55f);
  CHECK(std::abs(kept - 2 * drawn * 0.84) < 4 * std::sqrt(2 * drawn * 0.84 * 0.16));  // 0.8 and a fifth of the rest
  for (int c = 0; c < 3; ++c) CHECK(std::abs(hue[0][c] - hue[1][c]) / drawn < 0.08f);
}

TEST_CASE("the same scene is drawn at every size") {
  const TexturedShapes coarse({.count = 10, .size = 32}), fine({.count = 10, .size = 128});
  for (int i = 0; i < 10; ++i) {
    const auto a = small_view(coarse.image(i)), b = small_view(fine.image(i));
    double difference = 0;
    for (std::size_t j = 0; j < a.size(); ++j) difference += static_cast<double>(std::abs(a[j] - b[j]));
    CHECK(difference / static_cast<double>(a.size()) < 0.12);  // in standard deviations of natural pixels
    const Scene large = fine.scene(i), small = coarse.scene(i);
    CHECK(std::abs(count(large.objects[0].mask) / 16.0 - count(small.objects[0].mask)) < 15);
  }
}

TEST_CASE("raw pixels do not tell the classes: their nearest neighbour is right less often than not") {
  const TexturedShapes known({.count = 1000, .size = 32, .seed = 1}), asked({.count = 300, .size = 32, .seed = 2});
  std::vector<std::vector<float>> gallery;
  for (int i = 0; i < known.size(); ++i) gallery.push_back(small_view(known.image(i)));
  int right = 0;
  for (int i = 0; i < asked.size(); ++i) {
    const std::vector<float> view = small_view(asked.image(i));
    int nearest = 0;
    float smallest = 1e30f;
    for (int j = 0; j < known.size(); ++j) {
      const std::vector<float>& other = gallery[static_cast<std::size_t>(j)];
      float sum = 0;
      for (std::size_t k = 0; k < view.size(); ++k) sum += (view[k] - other[k]) * (view[k] - other[k]);
      if (sum < smallest) smallest = sum, nearest = j;
    }
    right += known.label(nearest) == asked.label(i);
  }
  MESSAGE("nearest neighbour of raw pixels: " << 100 * right / asked.size() << " % of 10 classes");
  CHECK(right < asked.size() / 2);
}

TEST_CASE("settings without meaning and images beyond the count are refused in words") {
  CHECK_THROWS_WITH_AS(TexturedShapes({.count = 0}), "shapes: count must be at least 1, not 0", ConfigError);
  CHECK_THROWS_WITH_AS(TexturedShapes({.size = 4}), doctest::Contains("not 4"), ConfigError);
  CHECK_THROWS_WITH_AS(TexturedShapes({.classes = 11}), doctest::Contains("1 .. 10 classes"), ConfigError);
  CHECK_THROWS_WITH_AS(TexturedShapes({.objects = 0}), doctest::Contains("objects"), ConfigError);
  const TexturedShapes set({.count = 3, .size = 16});
  CHECK_THROWS_WITH_AS(set.image(3), doctest::Contains("image 3 was asked for, there are 3"), ShapeError);
  CHECK_THROWS_AS(set.label(-1), ShapeError);
  CHECK(set.name(2) == "shapes #2");
}
