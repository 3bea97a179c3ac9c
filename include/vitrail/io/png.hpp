// PNG by libpng (link -lpng): every kind of the standard to 8-bit grey or RGB, and a writer of the same two.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "../core/config.hpp"
#include "../tensor/image.hpp"

namespace vitrail {

// A PNG file in memory as an Image of 1 (grey, with or without alpha) or 3 channels (RGB, palette). 16 bits are rounded
// to 8, transparency is laid on white, interlacing undone, an eXIf orientation applied. Gamma, colour profile and
// background colour are ignored: samples are taken for sRGB. Throws FileError, beginning "png: <name>", for anything
// truncated, damaged, or above max_image_pixels.
VITRAIL_FUNCTION Image decode_png(std::span<const std::uint8_t> bytes, const std::string& name = "image");

// The same for a file.
VITRAIL_FUNCTION Image read_png(const std::filesystem::path& path);

// The bytes of a PNG file: decode_png gives `image` back exactly. Throws ShapeError unless it has 1 or 3 channels,
// a positive size and as many samples as that says.
VITRAIL_FUNCTION std::vector<std::uint8_t> encode_png(const Image& image);

// Writes `image` to `path`. Throws FileError, and leaves what stood there, if that fails.
VITRAIL_FUNCTION void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/png.hpp"
#endif
