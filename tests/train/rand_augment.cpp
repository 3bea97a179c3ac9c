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
  apply(operation(name), magnitude, negative, {planes.data(), channels, static_cast<std::size_t>(size * size)}, size, Interpolation::bicubic, grey_fill, scratch);
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

