// One picture from a file, whatever its name says: the first bytes decide.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "../core/error.hpp"
#include "../tensor/image.hpp"
#include "file_bytes.hpp"
#include "jpeg.hpp"
#include "png.hpp"

namespace vitrail {

namespace detail {
// A file's signature: `bytes` at `offset`, in the order in which the table is searched.
struct FileSignature {
  std::size_t offset;
  std::string_view bytes;
  const char* kind;
};
inline constexpr FileSignature signatures[] = {
    {0, "\xFF\xD8\xFF", "JPEG"},
    {0, "\x89PNG\r\n\x1A\n", "PNG"},
    {0, "\x89PNG", "a PNG that was changed on the way, as by a transfer in text mode"},
    {1, "PNG", "a PNG that was changed on the way, as by a transfer that keeps 7 bits"},
    {0, "GIF8", "GIF"},
    {8, "WEBP", "WebP"},
    {4, "ftypavif", "AVIF"},
    {4, "ftyp", "HEIC or another of its family"},
    {0, std::string_view("II*\0", 4), "TIFF or a camera's raw format"},
    {0, std::string_view("MM\0*", 4), "TIFF or a camera's raw format"},
    {4, "jP  \r\n", "JPEG 2000"},
    {0, "\xFF\x4F\xFF\x51", "JPEG 2000"},
    {4, "JXL ", "JPEG XL"},
    {0, "\xFF\x0A", "JPEG XL"},
    {0, "BM", "BMP"},
    {0, "P5", "PNM"},
    {0, "P6", "PNM"},
    {0, "<svg", "SVG"},
    {0, "<?xml", "SVG or other XML"},
    {0, "<", "a web page"},
    {0, "%PDF", "PDF"},
    {0, "\x1F\x8B", "gzip"},
    {0, "PK\x03\x04", "a ZIP archive"},
};
}  // namespace detail

// What the first bytes of a file look like: "JPEG", "PNG", the name of a kind that is not read, or "no kind that is
// known".
inline const char* image_kind(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return "an empty file";
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const detail::FileSignature& known : detail::signatures)
    if (text.size() > known.offset && text.substr(known.offset, known.bytes.size()) == known.bytes) return known.kind;
  return "no kind that is known";
}

// A JPEG or PNG file in memory; see decode_jpeg (also for `at_least`) and decode_png. Throws FileError.
inline Image decode_image(std::span<const std::uint8_t> bytes, int at_least = 0, const std::string& name = "image") {
  const std::string_view kind = image_kind(bytes);
  if (kind == "JPEG") return decode_jpeg(bytes, at_least, name);
  if (kind == "PNG") return decode_png(bytes, name);
  throw FileError(name + " looks like " + std::string(kind) + ", expected JPEG or PNG: convert it or remove it");
}

// A JPEG or PNG file, recognised by its content. The shorter side is at least `at_least` pixels where the file's is; 0:
// full size (PNG: always). Throws FileError that names the path.
inline Image read_image(const std::filesystem::path& path, int at_least = 0) {
  return decode_image(read_bytes(path), at_least, path.string());
}

}  // namespace vitrail
