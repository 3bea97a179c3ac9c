// Laws of resizing and cropping; ONNX Resize's reference vectors where they are present.
#include "vitrail/train/augment/resample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "../support/data.hpp"
#include "views.hpp"

using namespace views;

namespace {

// Resizing by the definition, two-dimensional and in double: every source pixel of the box, weighted by the product
// filter.
double direct(const Image& image, const ResampleAxis& across, const ResampleAxis& down, const ResampleFilter& filter,
              int x, int y, int channel) {
  const double wide = std::max(across.step, 1.0), high = std::max(down.step, 1.0);
  double sum = 0, weights = 0;
  for (int v = down.begin; v < down.end; ++v)
    for (int u = across.begin; u < across.end; ++u) {
      const double weight = filter((u + 0.5 - across.origin - (x + 0.5) * across.step) / wide) *
                            filter((v + 0.5 - down.origin - (y + 0.5) * down.step) / high);
      sum += weight * image.at(u, v)[channel];
      weights += weight;
    }
  return sum / weights;
}

// The numbers of a float32 .npy file of version 1, C order.
Floats read_npy(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  REQUIRE(bytes.size() > 10);
  REQUIRE(bytes.find("'<f4'") != std::string::npos);
  const std::size_t start = 10 + static_cast<unsigned char>(bytes[8]) + 256u * static_cast<unsigned char>(bytes[9]);
  Floats values((bytes.size() - start) / 4);
  std::memcpy(values.data(), bytes.data() + start, values.size() * 4);
  return values;
}

// A square picture with `pad` more pixels on every side, copies of its border.
Floats extend(const Floats& picture, int side, int pad) {
  const int wide = side + 2 * pad;
  Floats out;
  for (int y = 0; y < wide; ++y)
    for (int x = 0; x < wide; ++x) {
      const int u = std::clamp(x - pad, 0, side - 1), v = std::clamp(y - pad, 0, side - 1);
      out.push_back(picture[static_cast<std::size_t>(v * side + u)]);
    }
  return out;
}

}  // namespace

TEST_CASE("a constant image stays constant under every filter, crop and size") {
  const Image image(37, 23, 3, 77);
  for (const auto kind : {Interpolation::bilinear, Interpolation::bicubic, Interpolation::lanczos})
    for (const int size : {1, 5, 16, 23, 64}) {
      AugmentConfig config = plain();
      config.filter.kind = kind;
      for (const Crop crop : {Crop::random, Crop::centre}) {
        config.crop = crop;
        for (const float sample : view_of(image, config, size, 3))
          REQUIRE(sample == doctest::Approx(77 / 255.0).epsilon(1e-5));
      }
    }
}

TEST_CASE("an image of the right size passes through unchanged") {
  const Image image = noise_image(24, 24, 3);
  for (const auto kind : {Interpolation::bilinear, Interpolation::bicubic, Interpolation::lanczos}) {
    AugmentConfig config = plain();
    config.filter.kind = kind;
    const Floats view = view_of(image, config, 24, 3);
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < 24; ++y)
        for (int x = 0; x < 24; ++x)
          REQUIRE(view[static_cast<std::size_t>((c * 24 + y) * 24 + x)] ==
                  doctest::Approx(image.at(x, y)[c] / 255.0).epsilon(1e-6));
  }
}

TEST_CASE("resizing a part agrees with the definition evaluated pixel by pixel, larger and smaller") {
  const Image image = noise_image(41, 29, 3);
  for (const auto kind : {Interpolation::bilinear, Interpolation::bicubic, Interpolation::lanczos})
    for (const int size : {4, 13, 40}) {
      const ResampleFilter filter{kind, -0.5};
      const auto across = ResampleAxis::stretch(3, 31, size), down = ResampleAxis::stretch(2, 17, size);
      Floats out(static_cast<std::size_t>(3 * size * size));
      ResampleScratch scratch;
      resample<3>(PicturePart{image.pixels.data(), image.width}, across, down, filter, out.data(), scratch);
      for (int c = 0; c < 3; ++c)
        for (int y = 0; y < size; ++y)
          for (int x = 0; x < size; ++x)
            REQUIRE(static_cast<double>(out[static_cast<std::size_t>((c * size + y) * size + x)]) ==
                    doctest::Approx(direct(image, across, down, filter, x, y, c)).epsilon(1e-4));
    }
}

TEST_CASE("bilinear enlargement of two pixels gives the textbook ramp") {
  Image image(2, 2, 1);
  *image.at(1, 0) = *image.at(1, 1) = 200;
  AugmentConfig config = plain();
  config.filter.kind = Interpolation::bilinear;
  const Floats view = view_of(image, config, 4, 1);
  const float expected[4] = {0, 50 / 255.0f, 150 / 255.0f, 200 / 255.0f};
  for (std::size_t i = 0; i < 16; ++i) CHECK(view[i] == doctest::Approx(expected[i % 4]));
}

TEST_CASE("halving by bilinear averages, so that a fine checkerboard becomes grey") {
  Image image(64, 64, 1);
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x) *image.at(x, y) = (x + y) % 2 ? 255 : 0;
  AugmentConfig config = plain();
  for (const auto kind : {Interpolation::bilinear, Interpolation::bicubic, Interpolation::lanczos}) {
    config.filter.kind = kind;
    for (const float sample : view_of(image, config, 16, 1)) CHECK(std::abs(sample - 0.5f) < 0.02f);
  }
}

TEST_CASE("antialiased resizing agrees with the ONNX reference vectors") {
  const auto data = shared_data();
  if (!data) {
    MESSAGE("no shared data: reference vectors not compared");
    return;
  }
  struct Case {
    const char* name;
    Interpolation kind;
    double scale;
    int pad, output, skip;  // skip: outputs that belong to the padding = pad * scale
  };
  // ONNX repeats border pixels where this library, like Pillow, leaves out what is outside: extend the picture first.
  for (const Case& c : {Case{"scales_linear", Interpolation::bilinear, 0.6, 5, 2, 3},
                        Case{"sizes_linear", Interpolation::bilinear, 0.75, 8, 3, 6},
                        Case{"scales_cubic", Interpolation::bicubic, 0.6, 10, 2, 6},
                        Case{"sizes_cubic", Interpolation::bicubic, 0.75, 8, 3, 6}}) {
    const auto folder = *data / "onnx_ref" / "node" / ("test_resize_downsample_" + std::string(c.name) + "_antialias");
    const Floats expected = read_npy(folder / "output_0.npy");
    const Floats picture = extend(read_npy(folder / "input_0.npy"), 4, c.pad);
    const int side = 4 + 2 * c.pad;
    REQUIRE(expected.size() == static_cast<std::size_t>(c.output * c.output));
    const ResampleAxis axis{0, side, c.skip / c.scale, 1 / c.scale, c.output};
    Floats out(expected.size());
    ResampleScratch scratch;
    resample<1>(PicturePart{picture.data(), side}, axis, axis, ResampleFilter{c.kind, -0.75}, out.data(), scratch);
    CHECK_MESSAGE(distance(out, expected) < 1e-4, c.name);
  }
}

TEST_CASE("random crops lie in the image, in the asked range, and reach both ends of it") {
  const CropRange range;
  double smallest = 1, largest = 0, narrowest = 9, widest = 0;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    Random random = Random(1).stream(i);
    const CropBox box = random_crop(200, 150, range, random);
    REQUIRE((box.x >= 0 && box.y >= 0 && box.width > 0 && box.height > 0));
    REQUIRE((box.x + box.width <= 200 && box.y + box.height <= 150));
    const double area = box.width * box.height / 30000.0, ratio = static_cast<double>(box.width) / box.height;
    smallest = std::min(smallest, area), largest = std::max(largest, area);
    narrowest = std::min(narrowest, ratio), widest = std::max(widest, ratio);
  }
  CHECK((smallest > 0.07 && smallest < 0.1));
  CHECK((largest > 0.9 && largest <= 1));
  CHECK((narrowest > 0.73 && narrowest < 0.78));
  CHECK((widest > 1.28 && widest < 1.37));
}

TEST_CASE("an image too long for any random box gives the central one") {
  Random random(1);
  CropRange range;
  range.scale_min = 0.99;
  const CropBox wide = random_crop(1000, 10, range, random), tall = random_crop(10, 1000, range, random);
  CHECK((wide.height == 10 && wide.width == 13 && wide.x == 493 && wide.y == 0));
  CHECK((tall.width == 10 && tall.height == 13 && tall.y == 493));
  const CropBox dot = random_crop(1, 1, range, random);
  CHECK((dot.width == 1 && dot.height == 1));
}

TEST_CASE("the evaluation view equals resizing the whole image and cutting its centre") {
  const Image image = noise_image(90, 70, 3);
  const int size = 28;  // shorter side to 32, longer to 41
  const ResampleFilter filter;
  const Floats view = [&] {
    AugmentConfig config = plain();
    config.crop_ratio = 0.875;
    return view_of(image, config, size, 3);
  }();
  Floats whole(3 * 41 * 32);
  ResampleScratch scratch;
  resample<3>(PicturePart{image.pixels.data(), 90}, ResampleAxis::stretch(0, 90, 41), ResampleAxis::stretch(0, 70, 32), filter,
              whole.data(), scratch);
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < size; ++y)
      for (int x = 0; x < size; ++x) {
        const float expected = whole[static_cast<std::size_t>((c * 32 + y + 2) * 41 + x + 6)] / 255;
        REQUIRE(view[static_cast<std::size_t>((c * size + y) * size + x)] ==
                doctest::Approx(std::clamp(expected, 0.0f, 1.0f)).epsilon(1e-4));
      }
}
