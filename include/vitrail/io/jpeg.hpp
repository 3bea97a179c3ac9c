// JPEG by libjpeg-turbo (link -ljpeg): any colour kind to grey or RGB, upright, at reduced size where that is enough.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "../core/config.hpp"
#include "../tensor/image.hpp"

namespace vitrail {

// A JPEG file in memory as an Image of 1 (grey) or 3 channels, turned upright as its EXIF data says. The shorter side
// is at least `at_least` pixels (or the file's own, if that is less); 0: full size. CMYK becomes RGB without a profile.
// Throws FileError, beginning "jpeg: <name>", for anything truncated, damaged, of another kind, or above
// max_image_pixels: never a picture that is partly grey.
VITRAIL_FUNCTION Image decode_jpeg(std::span<const std::uint8_t> bytes, int at_least = 0, const std::string& name = "image");

// The same for a file.
VITRAIL_FUNCTION Image read_jpeg(const std::filesystem::path& path, int at_least = 0);

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/jpeg.hpp"
#endif
