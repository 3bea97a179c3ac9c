// What every reader of images checks: sizes, because a few hostile bytes must not ask for all memory, and indices.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "../core/error.hpp"

namespace vitrail {

inline constexpr std::int64_t max_image_pixels = 100'000'000;  // 300 MB as RGB; the largest cameras' photos fit

namespace detail {
// Throws FileError unless 1 <= width, height and width * height <= max_image_pixels. `what`: "png: a/b.png".
inline void check_image_size(const std::string& what, std::int64_t width, std::int64_t height) {
  const std::string size = std::to_string(width) + " x " + std::to_string(height) + " pixels";
  if (width < 1 || height < 1) throw FileError(what + " says it has " + size + ": the file is damaged, replace it");
  if (width > max_image_pixels / height)
    throw FileError(what + " says it has " + size + ", the limit is " + std::to_string(max_image_pixels) +
                    " in all: reduce it first");
}

// Throws ShapeError unless 0 <= index < size; returns the index as a subscript. `what`: the kind of set.
inline std::size_t checked_index(const char* what, int index, int size) {
  if (index < 0 || index >= size)
    throw ShapeError(std::string(what) + ": image " + std::to_string(index) + " was asked for, expected 0 to " +
                     std::to_string(size - 1));
  return static_cast<std::size_t>(index);
}
}  // namespace detail

}  // namespace vitrail
