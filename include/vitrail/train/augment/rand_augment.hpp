// RandAugment (Cubuk et al. 2020): a few operations drawn from fifteen, with strengths drawn around one magnitude. Operations, ranges
// and the noise of the magnitude are timm's "rand-m9-mstd0.5-inc1", whose strengths all grow with the magnitude.
#pragma once
#include "../../core/error.hpp"
#include "affine.hpp"
#include "tone.hpp"

namespace vitrail {

struct RandAugmentConfig {
  int operations = 0;        // drawn for each view, with repetition; 0: off; DeiT and the paper's fine-tuning take 2
  double magnitude = 9;      // 0 .. 10
  double deviation = 0.5;    // of the normal noise added to it; the sum stays in 0 .. 10
  double probability = 0.5;  // that a drawn operation is done
};

enum class RandOperation : char {
  auto_contrast,
  equalise,
  invert,
  rotate,
  posterise,
  solarise,
  solarise_add,
  colour,
  contrast,
  brightness,
  sharpness,
  shear_x,
  shear_y,
  translate_x,
  translate_y
};
inline constexpr int rand_operations = 15;

// Throws ConfigError where a setting has no meaning.
inline void check(const RandAugmentConfig& config) {
  if (config.operations < 0)
    throw ConfigError("RandAugment: operations must not be negative, found " + std::to_string(config.operations) +
                      "; 0 turns it off, DeiT takes 2");
  if (!(config.magnitude >= 0 && config.magnitude <= 10))
    throw ConfigError("RandAugment: magnitude must lie in 0 .. 10, found " + std::to_string(config.magnitude) + "; DeiT takes 9");
  if (!(config.deviation >= 0))
    throw ConfigError("RandAugment: deviation must not be negative, found " + std::to_string(config.deviation) +
                      "; 0 leaves the magnitude as it is, DeiT takes 0.5");
  if (!(config.probability >= 0 && config.probability <= 1))
    throw ConfigError("RandAugment: probability must lie in 0 .. 1, found " + std::to_string(config.probability) +
                      "; 1 does every operation that is drawn, DeiT takes 0.5");
}

// One operation at a magnitude of 0 .. 10, on planes (channels, size, size) of samples in [0, 1]. `negative`: turned, sheared or moved
// the other way; less instead of more colour, contrast, brightness or sharpness. `fill`: a sample for each channel, where the picture ends.
inline void apply(RandOperation what, double magnitude, bool negative, const Planes& view, int size, Interpolation kind, const float* fill,
                  std::vector<float>& scratch) {
  const double share = magnitude / 10, way = negative ? -share : share;
  const float factor = static_cast<float>(std::max(0.1, 1 + 0.9 * way));
  const auto affine = [&](const AffineMap& map) { transform_affine(view, size, map, kind, fill, scratch); };
  switch (what) {
    case RandOperation::auto_contrast:
      return auto_contrast(view);
    case RandOperation::equalise:
      return equalise(view);
    case RandOperation::invert:
      return invert(view);
    case RandOperation::rotate:
      return affine(AffineMap::rotation(30 * way, size));
    case RandOperation::posterise:
      return posterise(view, 4 - static_cast<int>(4 * share));
    case RandOperation::solarise:
      return solarise(view, static_cast<float>((255.5 - static_cast<int>(256 * share)) / 255));
    case RandOperation::solarise_add:
      return solarise_add(view, static_cast<float>(static_cast<int>(110 * share)) / 255);
    case RandOperation::colour:
      return adjust_saturation(view, factor);
    case RandOperation::contrast:
      return adjust_contrast(view, factor);
    case RandOperation::brightness:
      return adjust_brightness(view, factor);
    case RandOperation::sharpness:
      return adjust_sharpness(view, size, factor, scratch);
    case RandOperation::shear_x:
      return affine({.b = 0.3 * way});
    case RandOperation::shear_y:
      return affine({.d = 0.3 * way});
    case RandOperation::translate_x:
      return affine({.c = 0.45 * way * size});
    case RandOperation::translate_y:
      return affine({.f = 0.45 * way * size});
  }
}

// The operations of one view, all chance from `random`.
inline void rand_augment(const Planes& view, int size, const RandAugmentConfig& config, Interpolation kind, const float* fill,
                         Random& random, std::vector<float>& scratch) {
  for (int i = 0; i < config.operations; ++i) {
    const auto what = static_cast<RandOperation>(random.below(rand_operations));
    if (!random.chance(config.probability)) continue;
    const double magnitude = std::clamp(config.magnitude + config.deviation * random.normal(), 0.0, 10.0);
    apply(what, magnitude, random.chance(0.5), view, size, kind, fill, scratch);
  }
}

}  // namespace vitrail
