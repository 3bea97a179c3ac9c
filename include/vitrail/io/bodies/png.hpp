// Bodies of png.hpp.
#pragma once
#include <algorithm>
#include <csetjmp>
#include <utility>

#include <png.h>

#include "../../core/error.hpp"
#include "../c_guard.hpp"
#include "../exif.hpp"
#include "../file.hpp"
#include "../file_bytes.hpp"
#include "../image_limits.hpp"
#include "../png.hpp"

namespace vitrail {

namespace detail {

[[noreturn]] inline void png_gives_up(png_structp png, png_const_charp text) {
  CGuard& guard = *static_cast<CGuard*>(png_get_error_ptr(png));
  guard.say(text);
  std::longjmp(guard.landing, 1);
}
inline void png_ignores(png_structp, png_const_charp) {}  // warnings: doubtful metadata, which is not used

// A libpng decoder over bytes in memory whose errors are FileErrors that name the file.
class PngDecoder {
 public:
  PngDecoder(std::span<const std::uint8_t> bytes, const std::string& name) : rest_(bytes), what_("png: " + name) {
    run([this] {
      png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &guard_, png_gives_up, png_ignores);
      if (png != nullptr) info = png_create_info_struct(png);
    });
    if (info == nullptr) throw FileError(what_ + " cannot be decoded: libpng could not start");
    png_set_read_fn(png, this, [](png_structp from, png_bytep to, std::size_t count) {
      auto& rest = static_cast<PngDecoder*>(png_get_io_ptr(from))->rest_;
      if (count > rest.size()) png_error(from, "the file ends too early");
      std::copy_n(rest.data(), count, to);
      rest = rest.subspan(count);
    });
  }
  ~PngDecoder() { png_destroy_read_struct(&png, &info, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  template <class Calls>
  void run(const Calls& calls) {
    if (!completes(guard_, calls))
      throw FileError(what_ + " cannot be decoded (" + guard_.message + "): replace the file or remove it");
  }
  const std::string& what() const { return what_; }

  png_structp png = nullptr;
  png_infop info = nullptr;

 private:
  std::span<const std::uint8_t> rest_;
  std::string what_;
  CGuard guard_;
};

// Asks libpng for 8-bit grey, grey and alpha, RGB, or RGB and alpha, whatever the file holds.
inline void expand_to_8_bits(png_structp png, png_infop info) {
  png_set_expand(png);    // palette to RGB, 1, 2 and 4 bits to 8, a transparent colour to alpha
  png_set_scale_16(png);  // rounds; png_set_strip_16 would truncate
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
}

// 2 channels to 1, or 4 to 3, by laying the picture on white paper.
inline Image laid_on_white(Image image) {
  const int channels = image.channels, colours = channels - 1;
  std::uint8_t* to = image.pixels.data();
  for (const std::uint8_t *from = to, *end = from + image.pixels.size(); from != end; from += channels) {
    const int alpha = from[colours];
    for (int c = 0; c < colours; ++c)
      *to++ = static_cast<std::uint8_t>((from[c] * alpha + 255 * (255 - alpha) + 127) / 255);
  }
  image.pixels.resize(static_cast<std::size_t>(to - image.pixels.data()));
  image.channels = colours;
  return image;
}

// The orientation in the eXIf chunk, if there is one; call after the picture, because the chunk may follow it.
inline int png_orientation(png_structp png, png_infop info) {
#if defined(PNG_eXIf_SUPPORTED)
  png_uint_32 size = 0;
  png_bytep data = nullptr;
  if (png_get_eXIf_1(png, info, &size, &data) != 0 && data != nullptr) return tiff_orientation({data, size});
#else
  static_cast<void>(png), static_cast<void>(info);  // a libpng before 1.6.31 does not read the chunk
#endif
  return 1;
}

}  // namespace detail

VITRAIL_FUNCTION Image decode_png(std::span<const std::uint8_t> bytes, const std::string& name) {
  detail::PngDecoder decoder(bytes, name);
  decoder.run([&] { png_read_info(decoder.png, decoder.info); });
  const png_uint_32 width = png_get_image_width(decoder.png, decoder.info);
  const png_uint_32 height = png_get_image_height(decoder.png, decoder.info);
  detail::check_image_size(decoder.what(), width, height);
  decoder.run([&] { detail::expand_to_8_bits(decoder.png, decoder.info); });
  Image image(static_cast<int>(width), static_cast<int>(height), png_get_channels(decoder.png, decoder.info));
  std::vector<png_bytep> rows(height);
  for (int y = 0; y < image.height; ++y) rows[static_cast<std::size_t>(y)] = image.at(0, y);
  int orientation = 1;
  decoder.run([&] {
    png_read_image(decoder.png, rows.data());
    png_read_end(decoder.png, decoder.info);
    orientation = detail::png_orientation(decoder.png, decoder.info);
  });
  if (image.channels % 2 == 0) image = detail::laid_on_white(std::move(image));
  return upright(std::move(image), orientation);
}

VITRAIL_FUNCTION Image read_png(const std::filesystem::path& path) { return decode_png(read_bytes(path), path.string()); }

namespace detail {

// A libpng encoder into a growing vector.
class PngEncoder {
 public:
  PngEncoder() {
    run([this] {
      png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, &guard_, png_gives_up, png_ignores);
      if (png_ != nullptr) info_ = png_create_info_struct(png_);
    });
    if (info_ == nullptr) throw Error("encode_png: libpng could not start");
    png_set_write_fn(png_, this, append, [](png_structp) {});
  }
  ~PngEncoder() { png_destroy_write_struct(&png_, &info_); }
  PngEncoder(const PngEncoder&) = delete;
  PngEncoder& operator=(const PngEncoder&) = delete;

  std::vector<std::uint8_t> encode(const Image& image) {
    run([&] {
      png_set_IHDR(png_, info_, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), 8,
                   image.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                   PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
      png_write_info(png_, info_);
      for (int y = 0; y < image.height; ++y) png_write_row(png_, image.at(0, y));
      png_write_end(png_, info_);
    });
    return std::move(bytes_);
  }

 private:
  template <class Calls>
  void run(const Calls& calls) {
    if (!completes(guard_, calls)) throw Error(std::string("encode_png: libpng failed: ") + guard_.message);
  }
  // No exception may cross libpng's frames, and no jump may leave a handler: hence the flag.
  static void append(png_structp png, png_bytep from, std::size_t count) {
    auto& bytes = static_cast<PngEncoder*>(png_get_io_ptr(png))->bytes_;
    bool stored = true;
    try {
      bytes.insert(bytes.end(), from, from + count);
    } catch (...) {
      stored = false;
    }
    if (!stored) png_error(png, "out of memory");
  }

  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  CGuard guard_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace detail

VITRAIL_FUNCTION std::vector<std::uint8_t> encode_png(const Image& image) {
  const auto extent = [](int n) { return static_cast<std::size_t>(n > 0 ? n : 0); };
  const std::size_t samples = extent(image.width) * extent(image.height) * extent(image.channels);
  if (samples == 0 || samples != image.pixels.size() || (image.channels != 1 && image.channels != 3))
    throw ShapeError("encode_png: expected 1 or 3 channels and a sample for each pixel and channel, found " +
                     std::to_string(image.width) + " x " + std::to_string(image.height) + " pixels of " +
                     std::to_string(image.channels) + " channels with " + std::to_string(image.pixels.size()) +
                     " samples");
  return detail::PngEncoder().encode(image);
}

VITRAIL_FUNCTION void write_png(const std::filesystem::path& path, const Image& image) {
  const std::vector<std::uint8_t> bytes = encode_png(image);
  write_atomically(path, std::as_bytes(std::span(bytes)));
}

}  // namespace vitrail
