// Bodies of jpeg.hpp.
#pragma once
#include <algorithm>
#include <csetjmp>
#include <utility>

// clang-format off: jpeglib.h needs stdio.h before it, and jerror.h needs jpeglib.h
#include <cstdio>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "../../core/error.hpp"
#include "../c_guard.hpp"
#include "../exif.hpp"
#include "../file_bytes.hpp"
#include "../image_limits.hpp"
#include "../jpeg.hpp"

namespace vitrail {

namespace detail {

// A libjpeg decoder whose errors are FileErrors that name the file.
class JpegDecoder {
 public:
  explicit JpegDecoder(const std::string& name) : what_("jpeg: " + name) {
    info.err = jpeg_std_error(&manager_);
    info.client_data = &guard_;
    manager_.error_exit = [](j_common_ptr broken) {
      CGuard& guard = *static_cast<CGuard*>(broken->client_data);
      (*broken->err->format_message)(broken, guard.message);
      std::longjmp(guard.landing, 1);
    };
    manager_.emit_message = [](j_common_ptr doubtful, int level) {
      if (level < 0 && !harmless(*doubtful->err)) (*doubtful->err->error_exit)(doubtful);
    };
    progress_.progress_monitor = limit_scans;
    run([this] {
      jpeg_create_decompress(&info);
      info.progress = &progress_;
    });
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&info); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  template <class Calls>
  void run(const Calls& calls) {
    if (!completes(guard_, calls))
      throw FileError(what_ + " cannot be decoded (" + guard_.message + "): replace the file or remove it");
  }
  const std::string& what() const { return what_; }

  jpeg_decompress_struct info{};

 private:
  static_assert(sizeof CGuard::message >= JMSG_LENGTH_MAX);

  // libjpeg goes on after a warning and paints the rest grey. Here a warning is an error, but for those that leave the
  // pixels whole: odd header fields, and stuffing before a marker, which cameras write (not before a restart marker,
  // where it means that the decoder lost its place).
  static bool harmless(const jpeg_error_mgr& said) {
    if (said.msg_code == JWRN_EXTRANEOUS_DATA) {
      const int marker = said.msg_parm.i[1];
      return marker < 0xD0 || marker > 0xD7;
    }
    return said.msg_code == JWRN_ADOBE_XFORM || said.msg_code == JWRN_JFIF_MAJOR ||
           said.msg_code == JWRN_NOT_SEQUENTIAL;
  }
  // A progressive file of a few kilobytes can name thousands of scans, each a pass over the whole picture.
  static void limit_scans(j_common_ptr common) {
    constexpr int most_scans = 500;
    if (!common->is_decompressor || reinterpret_cast<j_decompress_ptr>(common)->input_scan_number <= most_scans) return;
    CGuard& guard = *static_cast<CGuard*>(common->client_data);
    guard.say("more than 500 progressive scans");
    std::longjmp(guard.landing, 1);
  }

  std::string what_;
  CGuard guard_;
  jpeg_error_mgr manager_{};
  jpeg_progress_mgr progress_{};
};

// The orientation in the saved APP1 segments.
inline int saved_orientation(const jpeg_decompress_struct& info) {
  for (auto segment = info.marker_list; segment != nullptr; segment = segment->next)
    if (const int found = exif_orientation({segment->data, segment->data_length}); found != 1) return found;
  return 1;
}

// The smallest of libjpeg's scales n/8 whose shorter side is at least `at_least` pixels; full size for 0 or too much.
inline void choose_scale(jpeg_decompress_struct& info, int at_least) {
  info.scale_denom = 8;
  for (info.scale_num = at_least > 0 ? 1 : 8; info.scale_num < 8; ++info.scale_num) {
    jpeg_calc_output_dimensions(&info);
    if (std::min(info.output_width, info.output_height) >= static_cast<JDIMENSION>(at_least)) break;
  }
}

// CMYK to RGB without a colour profile: light = paper seen through both inks. Adobe's files (those with its marker)
// store 255 - ink, others the ink.
inline Image rgb_from_cmyk(Image cmyk, bool inverted) {
  const std::uint8_t flip = inverted ? 0 : 255;
  std::uint8_t* to = cmyk.pixels.data();
  for (const std::uint8_t *from = to, *end = from + cmyk.pixels.size(); from != end; from += 4) {
    const int paper = from[3] ^ flip;
    for (int c = 0; c < 3; ++c) *to++ = static_cast<std::uint8_t>(((from[c] ^ flip) * paper + 127) / 255);
  }
  cmyk.channels = 3;
  cmyk.pixels.resize(cmyk.pixels.size() / 4 * 3);
  return cmyk;
}

// What to ask libjpeg for, given what the file holds.
inline J_COLOR_SPACE wanted_colour(const std::string& what, const jpeg_decompress_struct& info) {
  switch (info.jpeg_color_space) {
    case JCS_GRAYSCALE:
      return JCS_GRAYSCALE;
    case JCS_YCbCr:
    case JCS_RGB:
      return JCS_RGB;
    case JCS_CMYK:
    case JCS_YCCK:
      return JCS_CMYK;
    default:
      throw FileError(what + " has " + std::to_string(info.num_components) +
                      " channels of an unknown kind, expected grey, YCbCr, RGB, CMYK or YCCK: convert it first");
  }
}

}  // namespace detail

VITRAIL_FUNCTION Image decode_jpeg(std::span<const std::uint8_t> bytes, int at_least, const std::string& name) {
  detail::JpegDecoder decoder(name);
  jpeg_decompress_struct& info = decoder.info;
  decoder.run([&] {
    jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF);
    jpeg_mem_src(&info, bytes.data(), static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&info, TRUE);
  });
  detail::check_image_size(decoder.what(), info.image_width, info.image_height);
  info.out_color_space = detail::wanted_colour(decoder.what(), info);
  const int orientation = detail::saved_orientation(info);  // now: the end of decoding frees the segments
  decoder.run([&] {
    detail::choose_scale(info, at_least);
    jpeg_start_decompress(&info);
  });
  Image image(static_cast<int>(info.output_width), static_cast<int>(info.output_height), info.output_components);
  decoder.run([&] {
    while (info.output_scanline < info.output_height) {
      JSAMPROW row = image.at(0, static_cast<int>(info.output_scanline));
      jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);  // reads to the end marker: a file cut anywhere before it is refused
  });
  if (image.channels == 4) image = detail::rgb_from_cmyk(std::move(image), info.saw_Adobe_marker != FALSE);
  return upright(std::move(image), orientation);
}

VITRAIL_FUNCTION Image read_jpeg(const std::filesystem::path& path, int at_least) {
  return decode_jpeg(read_bytes(path), at_least, path.string());
}

}  // namespace vitrail
