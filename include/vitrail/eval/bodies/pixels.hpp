// Bodies of pixels.hpp.
#pragma once
#include "../pixels.hpp"

namespace vitrail {

namespace detail {
constexpr int finer = 4;  // the tiny copy's pixels average finer x finer pixels of a resized one

// (3, side, side) samples of one image in 0 .. 255; a grey image's plane is repeated. `fine` and `scratch` are memory.
inline void tiny_copy(const Image& image, const PixelConfig& config, float* view, std::vector<float>& fine, ResampleScratch& scratch) {
  const int side = config.side, size = finer * side;
  CentralView axes{ResampleAxis::stretch(0, image.width, size), ResampleAxis::stretch(0, image.height, size)};
  if (config.fit == Fit::centre) axes = central_view(image.width, image.height, size, 1);
  const auto run = image.channels == 1 ? resample<1, std::uint8_t> : resample<3, std::uint8_t>;
  const ResampleFilter filter{Interpolation::bilinear};
  fine.resize(3 * static_cast<std::size_t>(size) * static_cast<std::size_t>(size));
  run({image.pixels.data(), image.width}, axes.across, axes.down, filter, fine.data(), scratch);
  for (int row = 0; row < 3 * side; ++row)  // of all three planes
    for (int column = 0; column < side; ++column) {
      float sum = 0;
      const int from = image.channels == 1 ? row % side : row;
      for (int y = 0; y < finer; ++y)
        for (int x = 0; x < finer; ++x) sum += fine[static_cast<std::size_t>((from * finer + y) * size + column * finer + x)];
      *view++ = sum / (finer * finer);
    }
}

// Samples 0 .. 255 to features: zero where the config says so.
inline void place_zero(std::vector<float>& view, PixelZero where) {
  const std::size_t plane = view.size() / 3;
  for (std::size_t from = 0; from < view.size(); from += plane) {
    double zero = 127.5, sum = 0;
    for (std::size_t i = from; i < from + plane; ++i) sum += static_cast<double>(view[i]);
    if (where == PixelZero::own_mean) zero = sum / static_cast<double>(plane);
    for (std::size_t i = from; i < from + plane; ++i) view[i] = static_cast<float>((view[i] - zero) / 127.5);
  }
}
}  // namespace detail

VITRAIL_FUNCTION Features pixel_features(const ImageSet& set, const PixelConfig& config) {
  if (config.side < 1 || config.side > 1024)
    throw ConfigError("pixel features: side must lie in 1 .. 1024 pixels, found " + std::to_string(config.side));
  Features out;
  out.dim = 3 * config.side * config.side;
  ResampleScratch scratch;
  std::vector<float> view(static_cast<std::size_t>(out.dim)), fine;
  std::string reason = "the set is empty";
  for (int index = 0; index < set.size(); ++index) {
    try {
      detail::tiny_copy(set.image(index, 2 * detail::finer * config.side), config, view.data(), fine, scratch);
    } catch (const FileError& error) {
      reason = error.what();
      continue;
    }
    detail::place_zero(view, config.zero);
    out.values.insert(out.values.end(), view.begin(), view.end());
    out.labels.push_back(set.label(index)), out.indices.push_back(index), ++out.count;
  }
  if (out.count == 0) throw FileError("pixel features: no image can be read; the last reason: " + reason);
  return out;
}

}  // namespace vitrail
