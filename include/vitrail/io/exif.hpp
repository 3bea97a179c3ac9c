// The one EXIF fact that changes a picture: which way up it is. Hostile input is expected: every read is bounded.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "../tensor/image.hpp"

namespace vitrail {

namespace detail {
// Integers of a TIFF structure in its own byte order; 0 beyond the end.
struct TiffBytes {
  std::span<const std::uint8_t> bytes;
  bool big_endian;

  std::uint32_t number(std::uint64_t at, unsigned count) const {
    if (at + count > bytes.size()) return 0;
    std::uint32_t value = 0;
    for (unsigned i = 0; i < count; ++i)
      value = value << 8 | bytes[static_cast<std::size_t>(at) + (big_endian ? i : count - 1 - i)];
    return value;
  }
};
}  // namespace detail

// Tag 0x0112 in the first directory of a TIFF structure (TIFF 6.0, section 2; EXIF 2.3, section 4.6.4): 1 to 8.
// Anything missing, damaged or out of range counts as 1 (upright): a picture is not refused for its metadata.
inline int tiff_orientation(std::span<const std::uint8_t> tiff) {
  if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return 1;
  const detail::TiffBytes in{tiff, tiff[0] == 'M'};
  if (in.number(2, 2) != 42) return 1;
  const std::uint64_t directory = in.number(4, 4);
  const std::uint32_t entries = in.number(directory, 2);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::uint64_t entry = directory + 2 + std::uint64_t{12} * i;
    if (entry + 12 > tiff.size()) return 1;
    if (in.number(entry, 2) != 0x0112) continue;
    const std::uint32_t type = in.number(entry + 2, 2);  // 3: 16 bits, the standard's; some writers give 32 (type 4)
    const std::uint32_t value = type == 3 ? in.number(entry + 8, 2) : type == 4 ? in.number(entry + 8, 4) : 0;
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

// The same in a JPEG's APP1 segment, which begins "Exif\0\0" (other APP1 segments, such as XMP, give 1).
inline int exif_orientation(std::span<const std::uint8_t> app1) {
  constexpr std::uint8_t mark[6] = {'E', 'x', 'i', 'f', 0, 0};
  if (app1.size() < sizeof mark) return 1;
  for (std::size_t i = 0; i < sizeof mark; ++i)
    if (app1[i] != mark[i]) return 1;
  return tiff_orientation(app1.subspan(sizeof mark));
}

// The picture turned upright: `orientation` (1 to 8) says how it lies in the file; 5 to 8 exchange width and height.
inline Image upright(Image stored, int orientation) {
  if (orientation <= 1 || orientation > 8) return stored;
  const bool transpose = orientation >= 5;
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image out(transpose ? stored.height : stored.width, transpose ? stored.width : stored.height, stored.channels);
  std::uint8_t* to = out.pixels.data();
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      const int column = transpose ? y : x, row = transpose ? x : y;
      const std::uint8_t* from =
          std::as_const(stored).at(flip_x ? stored.width - 1 - column : column, flip_y ? stored.height - 1 - row : row);
      for (int c = 0; c < stored.channels; ++c) *to++ = from[c];
    }
  }
  return out;
}

}  // namespace vitrail
