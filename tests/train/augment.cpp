// Laws of the transforms of a view, and of the whole way from picture to view.
#include "vitrail/train/augment/augment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "views.hpp"

using namespace views;

TEST_CASE("flipping twice changes nothing, and once reverses every row") {
  const Floats before = noise_planes(3 * 8 * 8);
  Floats planes = before;
  flip_horizontally(planes.data(), 24, 8);
  for (std::size_t i = 0; i < planes.size(); ++i) REQUIRE(planes[i] == before[i / 8 * 8 + 7 - i % 8]);
  flip_horizontally(planes.data(), 24, 8);
  CHECK(planes == before);
}

TEST_CASE("half of the views are flipped") {
  Image image(8, 8, 1);
  for (int y = 0; y < 8; ++y) *image.at(0, y) = 255;
  AugmentConfig config = plain();
  config.flip = 0.5;
  int flipped = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) flipped += view_of(image, config, 8, 1, seed)[7] > 0.5f;
  CHECK(std::abs(flipped - 1000) < 120);
}

TEST_CASE("colour jitter without strength changes nothing") {
  const Floats before = noise_planes(3 * 100);
  Floats planes = before;
  Random random(3);
  ViewPlan plan{};
  plan.count = draw_jitter({0, 0, 0, 0}, random, plan.steps);
  CHECK(plan.count == 4);
  AugmentScratch scratch;
  detail::follow_steps(plan, {planes.data(), 3, 100}, scratch);
  CHECK(distance(planes, before) < 1e-6);
}

TEST_CASE("a full turn of the hue changes nothing, a third of a turn exchanges the channels") {
  const Floats before = noise_planes(3 * 100);
  Floats planes = before;
  adjust_hue({planes.data(), 3, 100}, 1);
  CHECK(distance(planes, before) < 2e-6);
  for (int third = 0; third < 3; ++third) adjust_hue({planes.data(), 3, 100}, 1.0f / 3);
  CHECK(distance(planes, before) < 1e-5);
  adjust_hue({planes.data(), 3, 100}, 0.2f);
  CHECK(distance(planes, before) > 0.1);
  adjust_hue({planes.data(), 3, 100}, -0.2f);
  CHECK(distance(planes, before) < 1e-5);
  Floats red = {1, 0, 0};
  adjust_hue({red.data(), 3, 1}, 1.0f / 3);
  CHECK(distance(red, {0, 1, 0}) < 1e-5);
  Floats greys = {0, 0.3f, 1, 0, 0.3f, 1, 0, 0.3f, 1};
  const Floats unturned = greys;
  adjust_hue({greys.data(), 3, 3}, 0.4f);
  CHECK(greys == unturned);
}

TEST_CASE("brightness, contrast and saturation do what their names say") {
  Floats planes = {0.25f, 0.75f, 0.5f, 0.5f, 0.0f, 1.0f};
  const Planes view{planes.data(), 3, 2};
  adjust_brightness(view, 0);
  CHECK(distance(planes, Floats(6, 0.0f)) == 0);
  planes = {0.25f, 0.75f, 0.5f, 0.5f, 0.0f, 1.0f};
  const float mean = (view.luma_at(0) + view.luma_at(1)) / 2;
  adjust_contrast(view, 0);
  CHECK(distance(planes, Floats(6, mean)) < 1e-6);
  planes = {0.25f, 0.75f, 0.5f, 0.5f, 0.0f, 1.0f};
  const float first = luma(0.25f, 0.5f, 0.0f);
  adjust_saturation(view, 0);
  CHECK(planes[0] == doctest::Approx(first));
  CHECK(planes[2] == doctest::Approx(first));
  planes = {0.4f, 0.6f};
  adjust_contrast({planes.data(), 1, 2}, 2);
  CHECK(distance(planes, {0.3f, 0.7f}) < 1e-6);
  adjust_brightness({planes.data(), 1, 2}, 2);
  CHECK(distance(planes, {0.6f, 1.0f}) < 1e-6);
}

TEST_CASE("grey views have equal channels and the same luma") {
  const Floats before = noise_planes(3 * 50);
  Floats planes = before;
  greyscale({planes.data(), 3, 50});
  for (std::size_t i = 0; i < 50; ++i) {
    CHECK((planes[i] == planes[50 + i] && planes[i] == planes[100 + i]));
    CHECK(planes[i] == doctest::Approx(luma(before[i], before[50 + i], before[100 + i])));
  }
}

TEST_CASE("solarising inverts from the threshold on and nothing below") {
  Floats planes = {0, 127 / 255.0f, 128 / 255.0f, 1};
  solarise({planes.data(), 1, 4}, static_cast<float>(AugmentConfig{}.solarise_threshold));
  CHECK(distance(planes, {0, 127 / 255.0f, 127 / 255.0f, 0}) < 1e-6);
}

TEST_CASE("blur keeps constants and sums, spreads a point by its sigma, and treats both directions alike") {
  const int size = 33;
  BlurScratch scratch;
  Floats flat(size * size, 0.3f);
  gaussian_blur(flat.data(), 1, size, 1.7, scratch);
  CHECK(distance(flat, Floats(size * size, 0.3f)) < 1e-6);
  Floats point(size * size);
  point[16 * size + 16] = 1;
  gaussian_blur(point.data(), 1, size, 2, scratch);
  double sum = 0, variance = 0, skew = 0;
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      const double value = static_cast<double>(point[static_cast<std::size_t>(y * size + x)]);
      sum += value, variance += value * (x - 16) * (x - 16);
      skew = std::max(skew, std::abs(value - static_cast<double>(point[static_cast<std::size_t>(x * size + y)])));
    }
  CHECK(sum == doctest::Approx(1).epsilon(1e-5));
  CHECK(variance == doctest::Approx(4).epsilon(0.03));
  CHECK(skew < 1e-7);
  Floats sharp = noise_planes(64);
  const Floats before = sharp;
  gaussian_blur(sharp.data(), 1, 8, 0.01, scratch);
  CHECK(distance(sharp, before) < 1e-7);
}

TEST_CASE("the same seed gives the same view, another seed another, for every preset") {
  const Image image = noise_image(50, 60, 3);
  for (const AugmentConfig& config : {AugmentConfig{}, augment_small_data()}) {
    CHECK(view_of(image, config, 32, 3, 5) == view_of(image, config, 32, 3, 5));
    CHECK(view_of(image, config, 32, 3, 5) != view_of(image, config, 32, 3, 6));
  }
  CHECK(view_of(image, augment_none(), 32, 3, 5) == view_of(image, augment_none(), 32, 3, 6));
}

TEST_CASE("views of every preset stay in the range of pixels") {
  const Image image = noise_image(50, 60, 3);
  AugmentConfig config = augment_small_data();
  config.statistics = {{0, 0, 0}, {1, 1, 1}};
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    for (const float sample : view_of(image, config, 24, 3, seed)) REQUIRE((sample >= 0 && sample <= 1));
}

TEST_CASE("grey images become three equal channels, colour ones one channel of luma") {
  const Image grey = noise_image(20, 20, 1), colour = noise_image(20, 20, 3);
  const Floats three = view_of(grey, plain(), 10, 3), one = view_of(grey, plain(), 10, 1);
  for (std::size_t i = 0; i < 100; ++i)
    CHECK((three[i] == one[i] && three[100 + i] == one[i] && three[200 + i] == one[i]));
  const Floats rgb = view_of(colour, plain(), 10, 3), reduced = view_of(colour, plain(), 10, 1);
  for (std::size_t i = 0; i < 100; ++i) CHECK(reduced[i] == doctest::Approx(luma(rgb[i], rgb[100 + i], rgb[200 + i])));
}

TEST_CASE("normalisation subtracts each channel's mean and divides by its deviation") {
  const Image image(4, 4, 3, 255);
  const Floats view = view_of(image, augment_none(), 4, 3);
  CHECK(view[0] == doctest::Approx((1 - 0.485) / 0.229));
  CHECK(view[16] == doctest::Approx((1 - 0.456) / 0.224));
  CHECK(view[32] == doctest::Approx((1 - 0.406) / 0.225));
  CHECK(view_of(Image(4, 4, 1, 255), augment_none(), 4, 3) == view);
  CHECK(view_of(image, augment_none(), 4, 1)[0] == doctest::Approx((1 - 0.449) / 0.226));
}

TEST_CASE("settings and images without meaning are refused in words") {
  const Image image(4, 4, 3);
  AugmentConfig config;
  config.flip = 1.5;
  CHECK_THROWS_WITH_AS(view_of(image, config, 4, 3), doctest::Contains("0 .. 1"), ConfigError);
  config = {};
  config.range.scale_min = 0.5, config.range.scale_max = 0.25;
  CHECK_THROWS_WITH_AS(view_of(image, config, 4, 3), doctest::Contains("scale_min <= scale_max"), ConfigError);
  CHECK_THROWS_WITH_AS(view_of(image, {}, 4, 2), doctest::Contains("1 or 3 channels"), ConfigError);
  CHECK_THROWS_WITH_AS(view_of(Image(), {}, 4, 3), doctest::Contains("0 x 0"), ShapeError);
  Image lying(4, 4, 3);
  lying.width = 5;
  CHECK_THROWS_WITH_AS(view_of(lying, {}, 4, 3), doctest::Contains("60 samples, it holds 48"), ShapeError);
}
