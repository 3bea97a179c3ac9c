// A picture in host memory, as files and renderers give it: 8 bits per sample, rows from the top, channels interleaved.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vitrail {

struct Image {
  int width = 0, height = 0, channels = 3;  // channels: 1 (grey) or 3 (RGB, in the sRGB encoding of the file)
  std::vector<std::uint8_t> pixels;         // (height, width, channels)

  Image() = default;
  Image(int w, int h, int c, std::uint8_t value = 0)
      : width(w), height(h), channels(c),
        pixels(static_cast<std::size_t>(w) * static_cast<std::size_t>(h) * static_cast<std::size_t>(c), value) {}

  std::uint8_t* at(int x, int y) { return pixels.data() + offset(x, y); }
  const std::uint8_t* at(int x, int y) const { return pixels.data() + offset(x, y); }

 private:
  std::size_t offset(int x, int y) const {
    return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) *
           static_cast<std::size_t>(channels);
  }
};

}  // namespace vitrail
