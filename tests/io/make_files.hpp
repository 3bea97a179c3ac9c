// What the tests of readers share: pictures, JPEG and PNG files of every kind, and a folder that cleans up after
// itself.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

// clang-format off: jpeglib.h needs stdio.h before it, and jerror.h needs jpeglib.h
#include <jpeglib.h>
#include <jerror.h>
// clang-format on
#include <png.h>

#include "../../include/vitrail/core/random.hpp"
#include "../../include/vitrail/io/file.hpp"
#include "../../include/vitrail/io/c_guard.hpp"
#include "../../include/vitrail/io/file_bytes.hpp"
#include "../../include/vitrail/io/image_file.hpp"
#include "../support/refusal.hpp"

namespace testing {

using Bytes = std::vector<std::uint8_t>;

// A folder of its own under the system's temporary folder, removed with everything in it.
class TempFolder {
 public:
  TempFolder() {
    static std::atomic<int> count{0};
    path = std::filesystem::temp_directory_path() /
           ("vitrail-test-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path);
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  // Writes `bytes` to `name` within, making the folders on the way.
  std::filesystem::path put(const std::string& name, const Bytes& bytes) const {
    const auto file = path / name;
    std::filesystem::create_directories(file.parent_path());
    vitrail::write_atomically(file, std::as_bytes(std::span(bytes)));
    return file;
  }

  std::filesystem::path path;
};

// Smooth and without any symmetry: each sample is a different slope, so that a mirrored or shifted picture is another.
inline vitrail::Image slopes(int width, int height, int channels) {
  vitrail::Image image(width, height, channels);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c) {
        const int across = 160 * x / width, down = 80 * y / height;
        image.at(x, y)[c] = static_cast<std::uint8_t>(c == 0 ? across + down : c == 1 ? 240 - across : 20 + 2 * down);
      }
  return image;
}

inline vitrail::Image noise(int width, int height, int channels, std::uint64_t seed) {
  vitrail::Image image(width, height, channels);
  vitrail::Random random(seed);
  for (auto& sample : image.pixels) sample = static_cast<std::uint8_t>(random.below(256));
  return image;
}

// The mean absolute difference of two pictures of the same size; 255 if the sizes differ.
inline double distance(const vitrail::Image& a, const vitrail::Image& b) {
  if (a.width != b.width || a.height != b.height || a.channels != b.channels) return 255;
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(int{a.pixels[i]} - int{b.pixels[i]});
  return sum / static_cast<double>(a.pixels.size());
}

struct JpegOptions {
  J_COLOR_SPACE given = JCS_RGB, stored = JCS_YCbCr;
  bool progressive = false, adobe_marker = false;
  int quality = 95;
  unsigned restart = 0;  // MCUs between restart markers
  Bytes app1 = {};       // written as an APP1 segment unless empty
};

// `image` (as many channels as options.given says) as a JPEG file.
inline Bytes make_jpeg(const vitrail::Image& image, const JpegOptions& options = {}) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};  // whose default for errors ends the program: the tests give it nothing wrong
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &data, &size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = image.channels;
  info.in_color_space = options.given;
  jpeg_set_defaults(&info);
  jpeg_set_colorspace(&info, options.stored);
  jpeg_set_quality(&info, options.quality, TRUE);
  info.restart_interval = options.restart;
  info.write_Adobe_marker = options.adobe_marker ? TRUE : FALSE;
  if (options.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  if (!options.app1.empty())
    jpeg_write_marker(&info, JPEG_APP0 + 1, options.app1.data(), static_cast<unsigned>(options.app1.size()));
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.at(0, static_cast<int>(info.next_scanline)));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const Bytes file(data, data + size);
  std::free(data);
  return file;
}

// The smallest EXIF segment that holds an orientation.
inline Bytes make_exif(int orientation, bool big_endian) {
  Bytes exif = {'E', 'x', 'i', 'f', 0, 0};
  const auto number = [&](unsigned value, int count) {
    for (int i = 0; i < count; ++i)
      exif.push_back(static_cast<std::uint8_t>(value >> 8 * (big_endian ? count - 1 - i : i)));
  };
  exif.insert(exif.end(), 2, big_endian ? 'M' : 'I');
  number(42, 2), number(8, 4);                                           // the directory follows at 8
  number(2, 2);                                                          // two entries
  number(0x010F, 2), number(2, 2), number(4, 4), number(0x41424300, 4);  // the maker, ahead of it
  number(0x0112, 2), number(3, 2), number(1, 4);                         // orientation: one 16-bit number
  number(static_cast<unsigned>(orientation), 2), number(0, 2), number(0, 4);
  return exif;
}

struct PngOptions {
  int colour = PNG_COLOR_TYPE_RGB, depth = 8;
  bool interlaced = false;
  std::vector<png_color> palette = {};
  Bytes palette_alpha = {};
  Bytes exif = {};  // a TIFF structure for the eXIf chunk
};

// A PNG file with the given packed rows, each of `row_bytes`.
inline Bytes make_png(int width, int height, Bytes rows, std::size_t row_bytes, const PngOptions& options = {}) {
  Bytes file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &file,
      [](png_structp to, png_bytep from, std::size_t count) {
        auto& out = *static_cast<Bytes*>(png_get_io_ptr(to));
        out.insert(out.end(), from, from + count);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), options.depth,
               options.colour, options.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!options.palette.empty())
    png_set_PLTE(png, info, options.palette.data(), static_cast<int>(options.palette.size()));
  if (!options.palette_alpha.empty())
    png_set_tRNS(png, info, options.palette_alpha.data(), static_cast<int>(options.palette_alpha.size()), nullptr);
  Bytes exif = options.exif;
  if (!exif.empty()) png_set_eXIf_1(png, info, static_cast<png_uint_32>(exif.size()), exif.data());
  std::vector<png_bytep> pointers;
  for (int y = 0; y < height; ++y) pointers.push_back(rows.data() + row_bytes * static_cast<std::size_t>(y));
  png_set_rows(png, info, pointers.data());
  png_write_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  png_destroy_write_struct(&png, &info);
  return file;
}

// Readers refuse files.
template <class Call> std::string refusal(const Call& call) { return ::refusal<vitrail::FileError>(call); }

// Decodes `file` with a few bytes changed, `count` times over; the number of refusals. Each time an image of a
// consistent size or a FileError must come of it.
template <class Decode>
int survive_mutations(const Bytes& file, int count, const Decode& decode) {
  vitrail::Random random(7);
  int refused = 0;
  for (int i = 0; i < count; ++i) {
    Bytes changed = file;
    for (int j = 0; j <= i % 3; ++j)
      changed[static_cast<std::size_t>(random.below(static_cast<int>(file.size())))] ^=
          static_cast<std::uint8_t>(1 + random.below(255));
    try {
      const vitrail::Image image = decode(changed);
      REQUIRE(image.width > 0);
      REQUIRE(image.height > 0);
      REQUIRE((image.channels == 1 || image.channels == 3));
      REQUIRE(image.pixels.size() == static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) *
                                         static_cast<std::size_t>(image.channels));
    } catch (const vitrail::FileError&) {
      ++refused;
    }
  }
  return refused;
}

// Every proper beginning of `file`, in steps, must be refused with the name.
template <class Decode>
void refuse_beginnings(const Bytes& file, std::size_t step, const Decode& decode) {
  for (std::size_t length = 0; length < file.size(); length += length + 40 < file.size() && length > 40 ? step : 1) {
    const Bytes beginning(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
    const std::string message = refusal([&] { decode(beginning); });
    REQUIRE_MESSAGE(has(message, "cut.file"), "at " << length << " of " << file.size());
  }
}

}  // namespace testing
