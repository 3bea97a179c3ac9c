// Features without a model: the colours of a tiny copy of the picture. The floor that every encoder is compared with.
#pragma once
#include "../core/config.hpp"
#include "features.hpp"

namespace vitrail {

enum class Fit : char {
  squash,  // the whole image, its sides stretched to a square
  centre,  // the largest central square
};
// What counts as zero; angles between features hang on it.
enum class PixelZero : char {
  grey,      // medium grey: samples lie in -1 .. 1
  own_mean,  // the mean of each channel over the image, so that light and tint do not count: a much higher floor
};
struct PixelConfig {
  int side = 16;  // pixels
  Fit fit = Fit::squash;
  PixelZero zero = PixelZero::grey;
};

// Features of 3 side^2 numbers, (3, side, side), by antialiased resizing. Images that cannot be read are left
// out. Throws ConfigError for a side that is not 1 .. 1024, FileError if no image can be read.
VITRAIL_FUNCTION Features pixel_features(const ImageSet& set, const PixelConfig& config = {});

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/pixels.hpp"
#endif
