// From a picture to what a model sees: crop, resize, transforms in a fixed order, normalisation.
#pragma once
#include <string>
#include <vector>

#include "../../core/config.hpp"
#include "../../core/error.hpp"
#include "../../tensor/image.hpp"
#include "colour.hpp"
#include "crop.hpp"
#include "erase.hpp"
#include "rand_augment.hpp"
#include "spatial.hpp"

namespace vitrail {

enum class Crop {
  random,  // random resized crop
  centre,  // shorter side to size / crop_ratio, central square: no randomness
  whole    // everything, stretched to a square: for detection, where nothing may be cut off. No randomness
};

// Mean and standard deviation of the samples, scaled to [0, 1], per channel.
struct PixelStatistics {
  float mean[3] = {0.485f, 0.456f, 0.406f}, deviation[3] = {0.229f, 0.224f, 0.225f};  // ImageNet's
};

// The defaults are SplitMask's pre-training: random resized crop and flip (El-Nouby et al., 2021, section 5.5; ranges
// of BEiT). Probabilities are 0 where a transform is off. Order: crop, flip, RandAugment, jitter, greyscale, blur, solarise, as
// DINO; normalisation, erasing.
struct AugmentConfig {
  Crop crop = Crop::random;
  CropRange range{};          // ADE20K-like scenes: scale_max 0.25 (section 5.2.2)
  double crop_ratio = 0.875;  // Crop::centre only: share of the shorter side that is kept
  ResampleFilter filter{};    // bicubic
  double flip = 0.5;
  RandAugmentConfig rand{};  // what moves out of the picture leaves its mean colour
  double jitter = 0;
  JitterStrength jitter_strength{};
  double grey = 0;
  double blur = 0;
  double sigma_min = 0.1, sigma_max = 2;  // pixels of a view of `sigma_size` pixels; scaled with the view, so that
  int sigma_size = 224;                   // small views lose the same details as the large ones of the papers
  double solarise = 0;
  double solarise_threshold = 128.0 / 255;
  double erase = 0;
  EraseRange erase_range{};
  PixelStatistics statistics{};
};

// For the smallest data sets (section 5.5; probabilities of MoCo v3 and DINO).
VITRAIL_FUNCTION AugmentConfig augment_small_data();

// For evaluation: the central crop, nothing random.
VITRAIL_FUNCTION AugmentConfig augment_none();

// Throws ConfigError where a setting has no meaning.
VITRAIL_FUNCTION void check(const AugmentConfig& config);

// Throws ConfigError unless views of `size` pixels can be planned, for a device to render.
VITRAIL_FUNCTION void check_plannable(const AugmentConfig& config, int size);

// Memory that `augment` reuses; it stops growing after the largest image.
struct AugmentScratch {
  ResampleScratch resample;
  BlurScratch blur;
  std::vector<float> colour;  // the three planes of a view that is to become grey
  std::vector<float> before;  // a view that RandAugment changes
};

namespace detail {
inline void check_view(const Image& image, const AugmentConfig& config, int size, int channels) {
  check(config);
  if (size < 1 || (channels != 1 && channels != 3))
    throw ConfigError("augment: a view needs a size of at least 1 and 1 or 3 channels, not size " +
                      std::to_string(size) + " and " + std::to_string(channels) + " channels");
  if (image.width < 1 || image.height < 1 || (image.channels != 1 && image.channels != 3))
    throw ShapeError("augment: expected an image with pixels and 1 or 3 channels, found " +
                     std::to_string(image.width) + " x " + std::to_string(image.height) + " with " +
                     std::to_string(image.channels) + " channels; decode it as grey or RGB");
  const std::size_t samples = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) *
                              static_cast<std::size_t>(image.channels);
  if (image.pixels.size() != samples)
    throw ShapeError("augment: the image's size asks for " + std::to_string(samples) + " samples, it holds " +
                     std::to_string(image.pixels.size()) + "; set width, height and channels to what pixels holds");
}

// The mean and deviation of a channel of a view that has `channels`; one channel has the averages of three.
inline float channel_of(const float (&values)[3], int channels, int c) {
  return channels == 3 ? values[c] : (values[0] + values[1] + values[2]) / 3;
}

// A plan without steps: where to cut, whether to flip, how to normalise.
inline ViewPlan plan_cut(const Image& image, const AugmentConfig& config, Random& random, int size, int channels) {
  CentralView axes{};
  if (config.crop == Crop::centre) {
    axes = central_view(image.width, image.height, size, config.crop_ratio);
  } else if (config.crop == Crop::whole) {
    axes = {ResampleAxis::stretch(0, image.width, size), ResampleAxis::stretch(0, image.height, size)};
  } else {
    const CropBox box = random_crop(image.width, image.height, config.range, random);
    axes = {ResampleAxis::stretch(box.x, box.width, size), ResampleAxis::stretch(box.y, box.height, size)};
  }
  ViewPlan plan{.width = image.width, .channels = image.channels, .across = axes.across, .down = axes.down, .filter = config.filter};
  plan.flip = random.chance(config.flip);
  for (int c = 0; c < channels; ++c) {
    plan.mean[c] = channel_of(config.statistics.mean, channels, c);
    plan.deviation[c] = channel_of(config.statistics.deviation, channels, c);
  }
  return plan;
}
// What comes after the cut, and after RandAugment.
inline void plan_steps(const AugmentConfig& config, Random& random, int size, ViewPlan& plan) {
  using Kind = ViewStep::Kind;
  const auto add = [&](Kind kind, double amount) { plan.steps[plan.count++] = {kind, amount}; };
  if (random.chance(config.jitter)) plan.count += draw_jitter(config.jitter_strength, random, plan.steps + plan.count);
  if (random.chance(config.grey)) add(Kind::grey, 0);
  if (random.chance(config.blur)) add(Kind::blur, random.uniform(config.sigma_min, config.sigma_max) * size / config.sigma_size);
  if (random.chance(config.solarise)) add(Kind::solarise, config.solarise_threshold);
}

// Crops and resizes to planes of samples in [0, 1] at `out`, flipped if the plan says so: as many channels as the picture has, or their
// luma where `channels` asks for one.
inline Planes cut_view(const ViewPlan& plan, const std::uint8_t* pixels, int channels, float* out, AugmentScratch& scratch) {
  const int size = plan.across.size;
  const std::size_t count = static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
  Planes view{out, plan.channels, count};
  if (plan.channels > channels) {
    scratch.colour.resize(view.size());
    view.data = scratch.colour.data();
  }
  const auto run = plan.channels == 1 ? resample<1, std::uint8_t> : resample<3, std::uint8_t>;
  run({pixels, plan.width, plan.left, plan.top}, plan.across, plan.down, plan.filter, view.data, scratch.resample);
  for (std::size_t i = 0; i < view.size(); ++i) view.data[i] = into_unit_range(view.data[i] * (1 / 255.0f));
  if (plan.channels > channels) {
    for (std::size_t i = 0; i < count; ++i) out[i] = view.luma_at(i);
    view = {out, 1, count};
  }
  if (plan.flip) flip_horizontally(view.data, view.channels * size, size);
  return view;
}

inline void follow_steps(const ViewPlan& plan, const Planes& view, AugmentScratch& scratch) {
  for (int i = 0; i < plan.count; ++i) {
    const double exact = plan.steps[i].amount;
    const float amount = static_cast<float>(exact);
    switch (plan.steps[i].kind) {
      case ViewStep::Kind::brightness: adjust_brightness(view, amount); break;
      case ViewStep::Kind::contrast: adjust_contrast(view, amount); break;
      case ViewStep::Kind::saturation: adjust_saturation(view, amount); break;
      case ViewStep::Kind::hue: adjust_hue(view, amount); break;
      case ViewStep::Kind::grey: greyscale(view); break;
      case ViewStep::Kind::blur: gaussian_blur(view.data, view.channels, plan.across.size, exact, scratch.blur); break;
      case ViewStep::Kind::solarise: solarise(view, amount); break;
    }
  }
}

// Subtracts the mean, divides by the deviation, and spreads one channel over `channels` if more are wanted.
inline void normalise_view(const ViewPlan& plan, const Planes& view, int channels) {
  for (int c = channels - 1; c >= 0; --c) {  // backwards: the only source plane, 0, is overwritten last
    const float* const from = view.plane(std::min(c, view.channels - 1));
    float* const to = view.plane(c);
    for (std::size_t i = 0; i < view.count; ++i) to[i] = (from[i] - plan.mean[c]) / plan.deviation[c];
  }
}
}  // namespace detail

// The view of a plan, (channels, size, size), from the pixels of its part of a picture.
VITRAIL_FUNCTION void render_view(const ViewPlan& plan, const std::uint8_t* pixels, int channels, float* out, AugmentScratch& scratch);

// Writes one view of `image` to `out`, (channels, size, size), normalised by config.statistics (one channel: by their
// averages). Grey images are spread over three channels and colour ones reduced to luma, as `channels` (1 or 3) asks.
// Everything random comes from `random`. Throws ConfigError for a meaningless setting, ShapeError for an unusable
// image.
VITRAIL_FUNCTION void augment(const Image& image, const AugmentConfig& config, Random& random, int size, int channels, float* out,
                              AugmentScratch& scratch);

// The plan of such a view, for the whole picture, with what `augment` would draw from `random`. Throws ConfigError too for what no plan
// holds: RandAugment, erasing, and a blur over more than ViewPlan::most_radius pixels.
VITRAIL_FUNCTION ViewPlan plan_view(const Image& image, const AugmentConfig& config, Random& random, int size, int channels);

// The same with scratch memory of this thread.
VITRAIL_FUNCTION void augment(const Image& image, const AugmentConfig& config, Random& random, int size, int channels, float* out);

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/augment.hpp"
#endif
