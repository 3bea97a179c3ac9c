// RandAugment against Pillow (tests/fixtures/rand_augment), its laws, and random erasing.
#include "vitrail/train/augment/rand_augment.hpp"

#include <doctest/doctest.h>

#include <map>

#include "support/fixture.hpp"
#include "views.hpp"

using namespace views;

namespace {

const std::vector<std::string> names{"auto_contrast", "equalise", "invert", "rotate", "posterise", "solarise", "solarise_add", "colour",
                                     "contrast", "brightness", "sharpness", "shear_x", "shear_y", "translate_x", "translate_y"};
const float grey_fill[3] = {124 / 255.0f, 116 / 255.0f, 104 / 255.0f};

RandOperation operation(const std::string& name) {
  return static_cast<RandOperation>(std::find(names.begin(), names.end(), name) - names.begin());
}
Floats applied(const std::string& name, double magnitude, bool negative, Floats planes, int size, int channels = 3) {
  Floats scratch;
  const Planes view{planes.data(), channels, static_cast<std::size_t>(size * size)};
  apply(operation(name), magnitude, negative, view, size, Interpolation::bicubic, grey_fill, scratch);
  return planes;
}
Floats scaled(const FixtureTensor<int>& levels) {
  Floats out;
  for (const int level : levels.values) out.push_back(static_cast<float>(level) / 255);
  return out;
}

}  // namespace

TEST_CASE("every operation of RandAugment gives Pillow's picture, but for Pillow's rounding to whole numbers") {
  const Fixture fixture("rand_augment");
  const Floats image = scaled(fixture.load<int>("image"));
  std::map<std::string, int> done;
  for (const std::string& entry : fixture.names()) {
    if (entry == "image") continue;
    const std::size_t dot = entry.find('.');
    const std::string name = entry.substr(0, dot);
    CAPTURE(entry);
    REQUIRE(std::find(names.begin(), names.end(), name) != names.end());
    const Floats wanted = scaled(fixture.load<int>(entry));
    const Floats found = applied(name, std::stod(entry.substr(dot + 2)), entry[dot + 1] == '-', image, 20);
    const double steps = 255 * distance(found, wanted);
    CHECK(steps < 1.5);
    CHECK(distance(wanted, image) > 0.05);
    ++done[name];
  }
  CHECK(done.size() == static_cast<std::size_t>(rand_operations));
}


TEST_CASE("magnitude 0 changes nothing but what has no strength, and one channel is treated like three equal ones") {
  const Floats image = noise_planes(400), three = [&] {
    Floats out;
    for (int c = 0; c < 3; ++c) out.insert(out.end(), image.begin(), image.end());
    return out;
  }();
  const float even[3] = {0.5f, 0.5f, 0.5f};
  for (int i = 0; i < rand_operations; ++i) {
    const auto what = static_cast<RandOperation>(i);
    CAPTURE(names[static_cast<std::size_t>(i)]);
    const auto run = [&](Floats planes, int channels, double magnitude) {
      Floats scratch;
      apply(what, magnitude, false, {planes.data(), channels, 400}, 20, Interpolation::bilinear, even, scratch);
      return planes;
    };
    const Floats one = run(image, 1, 9), wide = run(three, 3, 9);
    CHECK(distance(Floats(wide.begin(), wide.begin() + 400), one) < 1e-5);
    for (const float sample : one) REQUIRE((sample >= 0 && sample <= 1));
    if (i > 2 && what != RandOperation::posterise) CHECK(distance(run(three, 3, 0), three) < 1e-6);
  }
}

TEST_CASE("half of the drawn operations are done, views depend on their stream alone, and 0 operations draw nothing") {
  const Image image = noise_image(24, 24, 3);
  AugmentConfig config = plain();
  config.rand.operations = 1;
  const Floats still = view_of(image, plain(), 24, 3);
  int same = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) same += view_of(image, config, 24, 3, seed) == still;
  CHECK(std::abs(same - 200) < 50);
  config.rand = {.operations = 2, .probability = 1};
  CHECK(view_of(image, config, 24, 3, 5) == view_of(image, config, 24, 3, 5));
  CHECK(view_of(image, config, 24, 3, 5) != view_of(image, config, 24, 3, 6));
}

TEST_CASE("erasing turns one box, of a share of the picture in its range, into noise of mean 0 and deviation 1") {
  double sum = 0, squares = 0, smallest = 1, largest = 0;
  int count = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Floats planes(3 * 32 * 32, 9.0f);
    Random random(seed);
    random_erase({planes.data(), 3, 1024}, 32, {}, random);
    int left = 32, right = -1, top = 32, bottom = -1, changed = 0;
    for (int i = 0; i < 1024; ++i) {
      if (planes[static_cast<std::size_t>(i)] == 9.0f) continue;
      left = std::min(left, i % 32), right = std::max(right, i % 32), top = std::min(top, i / 32), bottom = std::max(bottom, i / 32);
      ++changed;
      for (int c = 0; c < 3; ++c) {
        const double noise = static_cast<double>(planes[static_cast<std::size_t>(c * 1024 + i)]);
        sum += noise, squares += noise * noise, ++count;
      }
    }
    REQUIRE(changed == (right - left + 1) * (bottom - top + 1));
    smallest = std::min(smallest, changed / 1024.0), largest = std::max(largest, changed / 1024.0);
  }
  CHECK(std::abs(sum / count) < 0.01);
  CHECK(squares / count == doctest::Approx(1).epsilon(0.02));
  CHECK((smallest < 0.03 && largest > 0.3 && largest < 0.36));
}

TEST_CASE("a share of the views is erased, after normalisation") {
  const Image image(16, 16, 3, 128);
  AugmentConfig config = plain();
  config.erase = 0.25;
  const Floats still = view_of(image, plain(), 16, 3);
  int erased = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) erased += view_of(image, config, 16, 3, seed) != still;
  CHECK(std::abs(erased - 100) < 40);
  config.erase_range.area_max = 1;
  CHECK_THROWS_WITH_AS(view_of(image, config, 16, 3), doctest::Contains("area_max < 1"), ConfigError);
  config = plain(), config.rand.magnitude = 11;
  CHECK_THROWS_WITH_AS(view_of(image, config, 16, 3), doctest::Contains("0 .. 10, found 11.0"), ConfigError);
  CHECK_THROWS_WITH_AS(check(RandAugmentConfig{.operations = -2}), doctest::Contains("negative, found -2"), ConfigError);
  CHECK_THROWS_WITH_AS(check(RandAugmentConfig{.deviation = -1}), doctest::Contains("negative, found -1.0"), ConfigError);
  CHECK_THROWS_WITH_AS(check(RandAugmentConfig{.probability = 3}), doctest::Contains("0 .. 1, found 3.0"), ConfigError);
}
