// Features without a model: the colours of a tiny copy of the picture. The floor that every encoder is compared with.
#pragma once
#include "features.hpp"

namespace vitrail {

enum class Fit : char {
  squash,  // the whole image, its sides stretched to a square
  centre,  // the largest central square
};

// side x side x 3 samples of every image in [0, 1], (3, side, side), by antialiased bilinear resizing; grey images are
// spread over the channels. Images that cannot be read are left out. Throws ConfigError for a side below 1, FileError if
// no image can be read.
inline Features pixel_features(const ImageSet& set, int side = 16, Fit fit = Fit::squash) {
  if (side < 1) throw ConfigError("pixel features: side must be at least 1 pixel, found " + std::to_string(side));
  const ResampleFilter filter{Interpolation::bilinear};
  const std::size_t plane = static_cast<std::size_t>(side) * static_cast<std::size_t>(side);
  Features out;
  out.dim = static_cast<int>(3 * plane);
  ResampleScratch scratch;
  std::vector<float> view(3 * plane);
  std::string reason = "the set is empty";
  for (int index = 0; index < set.size(); ++index) {
    Image image;
    try {
      image = set.image(index, 4 * side);
    } catch (const FileError& error) {
      reason = error.what();
      continue;
    }
    CentralView axes{ResampleAxis::stretch(0, image.width, side), ResampleAxis::stretch(0, image.height, side)};
    if (fit == Fit::centre) axes = central_view(image.width, image.height, side, 1);
    const auto run = image.channels == 1 ? resample<1, std::uint8_t> : resample<3, std::uint8_t>;
    run(image.pixels.data(), image.width, axes.across, axes.down, filter, view.data(), scratch);
    for (std::size_t i = image.channels == 1 ? plane : view.size(); i < view.size(); ++i) view[i] = view[i % plane];
    for (const float sample : view) out.values.push_back(sample * (1 / 255.0f));
    out.labels.push_back(set.label(index)), out.indices.push_back(index), ++out.count;
  }
  if (out.count == 0) throw FileError("pixel features: no image can be read; the last reason: " + reason);
  return out;
}

}  // namespace vitrail
