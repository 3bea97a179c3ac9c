// PNG files both ways, and the choice among kinds of files by their content.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <utility>

#include "../../include/vitrail/io/image_file.hpp"
#include "../support/data.hpp"
#include "make_files.hpp"

using namespace vitrail;
using namespace testing;

TEST_CASE("encoding as png and decoding gives the same picture") {
  for (const int channels : {1, 3})
    for (const auto& [width, height] : {std::pair{1, 1}, {7, 3}, {64, 65}}) {
      const Image image = noise(width, height, channels, 4);
      const Image back = decode_png(encode_png(image));
      CHECK(back.channels == channels);
      CHECK(distance(back, image) == 0);
    }
  CHECK_THROWS_AS(encode_png(Image()), ShapeError);
  CHECK_THROWS_AS(encode_png(Image(3, 3, 4)), ShapeError);
  Image lying(3, 3, 3);
  lying.pixels.pop_back();
  CHECK_THROWS_AS(encode_png(lying), ShapeError);
}

TEST_CASE("16-bit samples are rounded, palettes looked up, transparency laid on white") {
  const Bytes deep = {0x12, 0x34, 0x12, 0xF0, 0x80, 0x81, 0xFF, 0xFF};
  const Image grey = decode_png(make_png(4, 1, deep, 8, {.colour = PNG_COLOR_TYPE_GRAY, .depth = 16}));
  CHECK(grey.channels == 1);
  CHECK(grey.pixels == Bytes{0x12, 0x13, 0x80, 0xFF});  // v / 257, rounded
  const Bytes veiled = {0, 255, 0, 0, 100, 51};
  const Image laid = decode_png(make_png(3, 1, veiled, 6, {.colour = PNG_COLOR_TYPE_GRAY_ALPHA}));
  CHECK(laid.pixels == Bytes{0, 255, 224});
  const Bytes glass = {10, 20, 30, 255, 10, 20, 30, 0};
  const Image clear = decode_png(make_png(2, 1, glass, 8, {.colour = PNG_COLOR_TYPE_RGB_ALPHA}));
  CHECK(clear.channels == 3);
  CHECK(clear.pixels == Bytes{10, 20, 30, 255, 255, 255});
  const PngOptions palette{.colour = PNG_COLOR_TYPE_PALETTE,
                           .depth = 2,
                           .palette = {{1, 2, 3}, {200, 100, 0}, {9, 9, 9}},
                           .palette_alpha = {255, 0}};
  const Image looked = decode_png(make_png(3, 1, {0b00011000}, 1, palette));
  CHECK(looked.pixels == Bytes{1, 2, 3, 255, 255, 255, 9, 9, 9});
  const Image bits = decode_png(make_png(4, 1, {0b01100000}, 1, {.colour = PNG_COLOR_TYPE_GRAY, .depth = 1}));
  CHECK(bits.pixels == Bytes{0, 255, 255, 0});
  const Image image = noise(19, 23, 3, 5);
  CHECK(decode_png(make_png(19, 23, image.pixels, 57, {.interlaced = true})).pixels == image.pixels);
}

TEST_CASE("a png cut anywhere is refused, and one with changed bytes is read or refused") {
  const Image image = noise(24, 24, 3, 6);
  const Bytes file = encode_png(image);
  refuse_beginnings(file, 13, [](const Bytes& bytes) { return decode_png(bytes, "cut.file"); });
  const auto decode = [](const Bytes& bytes) { return decode_png(bytes); };
  CHECK(survive_mutations(file, 500, decode) > 400);  // nearly all of the file is under a checksum
  const Bytes rows(24 * 24, 1);
  const PngOptions palette{.colour = PNG_COLOR_TYPE_PALETTE, .interlaced = true, .palette = {{1, 2, 3}, {4, 5, 6}}};
  CHECK(survive_mutations(make_png(24, 24, rows, 24, palette), 500, decode) > 300);
}

TEST_CASE("every image of PngSuite is read, its corrupt ones are refused") {
  const auto data = shared_data();
  if (!data) {
    MESSAGE("the shared data is absent");
    return;
  }
  const auto folder = *data / "pngsuite" / "png";
  const auto suite = [&](const std::string& name) { return read_image(folder / (name + ".png")); };
  int read = 0, refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const std::string message = refusal([&] { read_image(entry.path()); });
    CAPTURE(name);
    CHECK(message.empty() == (name[0] != 'x'));
    if (!message.empty()) CHECK(has(message, name));
    message.empty() ? ++read : ++refused;
  }
  CHECK(read == 161);
  CHECK(refused == 14);
  for (const char* kind : {"0g01", "0g02", "0g04", "0g08", "0g16", "2c08", "2c16", "3p01", "3p02", "3p04", "3p08",
                           "4a08", "4a16", "6a08", "6a16"})  // interlaced and not: the same pictures
    CHECK_MESSAGE(suite(std::string("basi") + kind).pixels == suite(std::string("basn") + kind).pixels, kind);
  for (const char* kind : {"0g16", "2c16"})  // the same data in 1, 2, 4 and many chunks
    for (const char* chunks : {"oi2n", "oi4n", "oi9n"})
      CHECK(suite(std::string("oi1n") + kind).pixels == suite(std::string(chunks) + kind).pixels);
  for (const char* level : {"z03n2c08", "z06n2c08", "z09n2c08"}) CHECK(suite("z00n2c08").pixels == suite(level).pixels);
  CHECK(suite("basn0g08").channels == 1);
  CHECK(suite("basn4a16").channels == 1);
  CHECK(suite("basn3p08").channels == 3);
  CHECK(suite("tbwn3p08").pixels[0] == 255);  // a transparent corner is white
}

TEST_CASE("the content of a file decides, not its name") {
  const TempFolder temp;
  const Image image = slopes(30, 20, 3);
  CHECK(distance(read_image(temp.put("photo.png", make_jpeg(image))), image) < 3);
  CHECK(distance(read_image(temp.put("drawing.jpg", encode_png(image))), image) == 0);
  const auto refused = [&](const std::string& content, const char* kind) {
    const std::string padded = content + std::string(20, ' ');
    const auto file = temp.put("other.jpg", Bytes(padded.begin(), padded.end()));
    const std::string message = refusal([&] { read_image(file); });
    CHECK_MESSAGE(has(message, file.string()), message);
    CHECK_MESSAGE(has(message, kind), message);
  };
  refused("GIF89a", "GIF");
  refused(std::string("RIFF\1\2\3\4WEBPVP8 "), "WebP");
  refused(std::string("\0\0\0\x18", 4) + "ftypheic", "HEIC");
  refused(std::string("\0\0\0\x18", 4) + "ftypavif", "AVIF");
  refused("BM", "BMP");
  refused("<!DOCTYPE html>", "a web page");
  refused("hello", "no kind that is known");
  CHECK(has(refusal([&] { read_image(temp.put("empty.jpg", {})); }), "an empty file"));
  CHECK(has(refusal([&] { read_image(temp.path); }), "is a folder"));
  CHECK(has(refusal([&] { read_image(temp.path / "none.jpg"); }), "cannot open"));
}

TEST_CASE("a failed write leaves what was there, and no scraps") {
  const TempFolder temp;
  const Image image = slopes(8, 8, 1);
  write_png(temp.path / "a.png", image);
  write_png(temp.path / "a.png", image);
  CHECK(read_png(temp.path / "a.png").pixels == image.pixels);
  std::filesystem::create_directories(temp.path / "taken.png" / "inside");
  CHECK(has(refusal([&] { write_png(temp.path / "taken.png", image); }), "cannot write"));
  CHECK(has(refusal([&] { write_png(temp.path / "missing" / "b.png", image); }), "cannot write"));
  CHECK(std::filesystem::is_directory(temp.path / "taken.png" / "inside"));
  CHECK_FALSE(std::filesystem::exists(temp.path / "taken.png.part"));
}
