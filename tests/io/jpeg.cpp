// JPEG files: every kind is read as it should look, upright, and what is damaged is refused in words.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include "../../include/vitrail/io/exif.hpp"
#include "../../include/vitrail/io/image_file.hpp"
#include "../support/data.hpp"
#include "make_files.hpp"

using namespace vitrail;
using namespace testing;

TEST_CASE("a jpeg of colours or grey comes back as it was") {
  const Image colours = slopes(53, 37, 3), grey = slopes(53, 37, 1);
  CHECK(distance(decode_jpeg(make_jpeg(colours)), colours) < 3);
  CHECK(distance(decode_jpeg(make_jpeg(colours, {.progressive = true, .restart = 2})), colours) < 3);
  CHECK(distance(decode_jpeg(make_jpeg(colours, {.stored = JCS_RGB, .adobe_marker = true})), colours) < 3);
  CHECK(distance(decode_jpeg(make_jpeg(grey, {.given = JCS_GRAYSCALE, .stored = JCS_GRAYSCALE})), grey) < 3);
}

TEST_CASE("cmyk and ycck jpegs become rgb, in Adobe's inverted form and in the plain one") {
  const Image wanted = slopes(40, 24, 3);
  Image ink(40, 24, 4), light(40, 24, 4);  // with black ink of 51, so that colours up to 204 can be mixed
  Image expected = wanted;
  for (std::size_t i = 0; i < wanted.pixels.size() / 3; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      const int colour = std::min<int>(wanted.pixels[3 * i + c], 204);
      expected.pixels[3 * i + c] = static_cast<std::uint8_t>(colour);
      light.pixels[4 * i + c] = static_cast<std::uint8_t>(colour * 255 / 204);
    }
    light.pixels[4 * i + 3] = 204;
    for (std::size_t c = 0; c < 4; ++c)
      ink.pixels[4 * i + c] = static_cast<std::uint8_t>(255 - light.pixels[4 * i + c]);
  }
  const JpegOptions plain{.given = JCS_CMYK, .stored = JCS_CMYK};
  const JpegOptions adobe{.given = JCS_CMYK, .stored = JCS_CMYK, .adobe_marker = true};
  const JpegOptions ycck{.given = JCS_CMYK, .stored = JCS_YCCK, .adobe_marker = true};
  CHECK(distance(decode_jpeg(make_jpeg(ink, plain)), expected) < 3);
  CHECK(distance(decode_jpeg(make_jpeg(light, adobe)), expected) < 3);
  CHECK(distance(decode_jpeg(make_jpeg(light, ycck)), expected) < 4);
}

TEST_CASE("a jpeg of an unknown kind of colour is refused") {
  const JpegOptions two{.given = JCS_UNKNOWN, .stored = JCS_UNKNOWN};
  CHECK(has(refusal([&] { decode_jpeg(make_jpeg(slopes(16, 16, 2), two), 0, "two.jpg"); }),
            "jpeg: two.jpg has 2 channels"));
}

TEST_CASE("each of the eight exif orientations is turned upright") {
  // EXIF 2.3, 4.6.4 A: which side of the scene the file's first row and first column show (T, B, L, R).
  const char* sides[8] = {"TL", "TR", "BR", "BL", "LT", "RT", "RB", "LB"};
  const Image scene = slopes(48, 32, 3);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const char row = sides[orientation - 1][0], column = sides[orientation - 1][1];
    const bool turned = row == 'L' || row == 'R';
    Image stored(turned ? 32 : 48, turned ? 48 : 32, 3);
    for (int y = 0; y < stored.height; ++y) {
      for (int x = 0; x < stored.width; ++x) {
        const auto along = [&](char side, char from, char to, int size) {  // -1: this side says nothing about the axis
          const int steps = side == row ? y : x;
          return side == from ? steps : side == to ? size - 1 - steps : -1;
        };
        const int scene_x = std::max(along(row, 'L', 'R', 48), along(column, 'L', 'R', 48));
        const int scene_y = std::max(along(row, 'T', 'B', 32), along(column, 'T', 'B', 32));
        std::copy_n(scene.at(scene_x, scene_y), 3, stored.at(x, y));
      }
    }
    CAPTURE(orientation);
    for (const bool big_endian : {false, true}) {
      const Bytes exif = make_exif(orientation, big_endian);
      CHECK(distance(decode_jpeg(make_jpeg(stored, {.app1 = exif})), scene) < 3);
      const Bytes png = make_png(stored.width, stored.height, stored.pixels, 3 * static_cast<std::size_t>(stored.width),
                                 {.exif = Bytes(exif.begin() + 6, exif.end())});
      CHECK(distance(decode_png(png), scene) == 0);
    }
    const Image half = decode_jpeg(make_jpeg(stored, {.app1 = make_exif(orientation, false)}), 16);
    CHECK(half.width == 24);
    CHECK(half.height == 16);
  }
}

TEST_CASE("damaged exif data never does more than leave the picture as it lies") {
  const Bytes whole = make_exif(6, true);
  CHECK(exif_orientation(whole) == 6);
  for (std::size_t length = 0; length + 8 < whole.size(); ++length) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK(exif_orientation(cut) == 1);
  }
  Bytes lying = whole;
  std::fill_n(lying.begin() + 10, 4, std::uint8_t{0xFF});  // a directory at 4 GiB
  CHECK(exif_orientation(lying) == 1);
  CHECK(exif_orientation(make_exif(0, false)) == 1);
  CHECK(exif_orientation(make_exif(9, false)) == 1);
  Random random(3);
  for (int i = 0; i < 20000; ++i) {
    Bytes changed = whole;
    for (int j = 0; j < 3; ++j)
      changed[static_cast<std::size_t>(random.below(static_cast<int>(whole.size())))] =
          static_cast<std::uint8_t>(random.below(256));
    const int found = exif_orientation(changed);
    REQUIRE(found >= 1);
    REQUIRE(found <= 8);
  }
}

TEST_CASE("a reduced jpeg has the smallest of the scales n/8 that is large enough, and looks the same") {
  const Image image = slopes(203, 331, 3);
  const Bytes file = make_jpeg(image);
  const auto mean = [](const Image& of) {
    double sum = 0;
    for (const int sample : of.pixels) sum += sample;
    return sum / static_cast<double>(of.pixels.size());
  };
  for (const int at_least : {1, 26, 27, 51, 52, 64, 101, 150, 203, 400}) {
    const Image small = decode_jpeg(file, at_least);
    CAPTURE(at_least);
    int eighths = 1;
    while (eighths < 8 && (203 * eighths + 7) / 8 < at_least) ++eighths;
    CHECK(small.width == (203 * eighths + 7) / 8);
    CHECK(small.height == (331 * eighths + 7) / 8);
    CHECK(std::abs(mean(small) - mean(image)) < 2);
  }
  CHECK(decode_jpeg(file, 0).width == 203);
}

TEST_CASE("a jpeg cut anywhere is refused") {
  const auto decode = [](const Bytes& bytes) { return decode_jpeg(bytes, 0, "cut.file"); };
  const Image image = noise(64, 48, 3, 1);
  refuse_beginnings(make_jpeg(image), 61, decode);
  refuse_beginnings(make_jpeg(image, {.progressive = true}), 61, decode);
  refuse_beginnings(make_jpeg(image, {.restart = 3}), 61, decode);
  refuse_beginnings(make_jpeg(slopes(64, 48, 1), {.given = JCS_GRAYSCALE, .stored = JCS_GRAYSCALE}), 7, decode);
}

TEST_CASE("a jpeg with changed bytes is read or refused, and never worse") {
  const auto decode = [](const Bytes& bytes) { return decode_jpeg(bytes, 20); };
  const Image image = noise(40, 40, 3, 2);
  CHECK(survive_mutations(make_jpeg(image, {.quality = 40, .app1 = make_exif(5, true)}), 400, decode) > 20);
  CHECK(survive_mutations(make_jpeg(image, {.progressive = true, .quality = 40}), 400, decode) > 20);
  const JpegOptions ycck{.given = JCS_CMYK, .stored = JCS_YCCK, .adobe_marker = true};
  CHECK(survive_mutations(make_jpeg(noise(40, 40, 4, 2), ycck), 200, decode) > 5);
}

TEST_CASE("a jpeg that lost its place is refused, and stuffing that cameras write is not") {
  const Bytes file = make_jpeg(noise(64, 64, 3, 3), {.restart = 4});
  Bytes stuffed = file, followed = file, lost = file;
  stuffed.insert(stuffed.end() - 2, 16, 0);
  followed.insert(followed.end(), 1000, 0x55);
  CHECK(decode_jpeg(stuffed).pixels == decode_jpeg(file).pixels);
  CHECK(decode_jpeg(followed).pixels == decode_jpeg(file).pixels);
  const std::uint8_t restart[2] = {0xFF, 0xD1};
  const auto at = std::search(lost.begin(), lost.end(), restart, restart + 2);
  REQUIRE(at != lost.end());
  lost.insert(at, 16, 0);
  CHECK(has(refusal([&] { decode_jpeg(lost, 0, "lost.jpg"); }), "jpeg: lost.jpg cannot be decoded"));
}

TEST_CASE("a picture that says it is enormous is refused with the limit") {
  Bytes jpeg = make_jpeg(slopes(16, 16, 3));
  const std::uint8_t frame[2] = {0xFF, 0xC0};
  const auto at = std::search(jpeg.begin(), jpeg.end(), frame, frame + 2);
  REQUIRE(at != jpeg.end());
  std::fill_n(at + 5, 4, std::uint8_t{0xFE});
  const std::string said = refusal([&] { decode_jpeg(jpeg, 8, "huge.jpg"); });
  CHECK(has(said, "huge.jpg says it has 65278 x 65278 pixels, the limit is 100000000"));
  const Bytes wide = make_png(900000, 1, Bytes(900000 / 8), 900000 / 8, {.colour = PNG_COLOR_TYPE_GRAY, .depth = 1});
  CHECK(decode_png(wide).width == 900000);
  const Bytes large = make_png(20000, 5001, Bytes(2500 * 5001), 2500, {.colour = PNG_COLOR_TYPE_GRAY, .depth = 1});
  CHECK(has(refusal([&] { decode_png(large, "huge.png"); }), "huge.png says it has 20000 x 5001 pixels, the limit"));
}

TEST_CASE("decoding agrees with the reference decoder of the ONNX operator cases") {
  const auto data = shared_data();
  if (!data) {
    MESSAGE("the shared data is absent");
    return;
  }
  const auto cases = *data / "onnx_ref" / "node";
  const auto values = [](const std::filesystem::path& npy) {  // unsigned bytes after a header of version 1
    const Bytes all = read_bytes(npy);
    return Bytes(all.begin() + 10 + all[8] + 256 * all[9], all.end());
  };
  for (const char* kind : {"jpeg_rgb", "png_rgb"}) {
    const auto folder = cases / (std::string("test_image_decoder_decode_") + kind);
    Image expected(32, 32, 3);
    expected.pixels = values(folder / "output_0.npy");
    CHECK(distance(decode_image(values(folder / "input_0.npy")), expected) < 0.5);
  }
}
