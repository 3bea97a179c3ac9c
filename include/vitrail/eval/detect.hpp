// What a detector finds in images, and how good it is (Mask R-CNN's inference; He et al. 2017, section 3.1; COCO's average precision).
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "../backends/detection_catalog.hpp"
#include "../ops/tokens.hpp"
#include "../train/object_set.hpp"
#include "average_precision.hpp"
#include "batches.hpp"
#include "features.hpp"

namespace vitrail {

// For training, give its range, flip and statistics; for evaluation, the whole picture, stretched to the model's square.
inline AugmentConfig augment_whole() {
  AugmentConfig config = augment_none();
  config.crop = Crop::whole;
  return config;
}

struct DetectConfig {
  int batch = 4;          // images at a time
  double score = 0.05;    // least share of a class
  double overlap = 0.5;   // with a better box of the class, above which a box is left out
  bool masks = true;
  AugmentConfig augment = augment_whole();  // filter and statistics as in training
};

namespace detail {

struct Found {
  int label;
  float score;
  Box box;  // pixels of the view
};

template <class T> Box in_float(const BoxOf<T>& box) {
  return {static_cast<float>(box.left), static_cast<float>(box.top), static_cast<float>(box.right), static_cast<float>(box.bottom)};
}

// The best boxes of an image, the best first: boxes (R, 4), scores (R, K + 1), deltas (R, 4 K).
template <class T>
std::vector<Found> choose_boxes(const T* boxes, const T* scores, const T* deltas, int regions, int classes, int image, int most,
                                const DetectConfig& config) {
  std::vector<Found> all, kept;
  std::vector<double> share(static_cast<std::size_t>(classes) + 1);
  for (int r = 0; r < regions; ++r) {
    const BoxOf<T> box = box_at(boxes + 4 * r);
    if (!(box.width() > 0 && box.height() > 0)) continue;
    const T* const score = scores + static_cast<std::ptrdiff_t>(r) * (classes + 1);
    const double largest = static_cast<double>(*std::max_element(score, score + classes + 1));
    double sum = 0;
    for (int k = 0; k <= classes; ++k) sum += share[static_cast<std::size_t>(k)] = std::exp(static_cast<double>(score[k]) - largest);
    for (int k = 0; k < classes; ++k) {
      const double chance = share[static_cast<std::size_t>(k)] / sum;
      if (!(chance > config.score)) continue;
      const T* const d = deltas + (static_cast<std::ptrdiff_t>(r) * classes + k) * 4;
      const auto moved_by = [&](int i) { return d[i] / T(per_deviation[i]); };
      const BoxOf<T> moved = BoxDelta<T>{moved_by(0), moved_by(1), moved_by(2), moved_by(3)}.applied_to(box);
      all.push_back({k, static_cast<float>(chance), in_float(moved.clipped(static_cast<T>(image), static_cast<T>(image)))});
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Found& a, const Found& b) { return a.score > b.score; });
  for (const Found& one : all) {
    const bool hidden = std::any_of(kept.begin(), kept.end(), [&](const Found& better) {
      return better.label == one.label && static_cast<double>(vitrail::overlap(better.box, one.box)) > config.overlap;
    });
    if (hidden) continue;
    kept.push_back(one);
    if (static_cast<int>(kept.size()) == most) break;
  }
  return kept;
}

// A mask of size x size scores within a box, in a picture: its pixels whose chance, read from the four nearest cells, is a half or more.
template <class T> RunLengthMask paste_mask(const T* scores, int size, const Box& box, int width, int height) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  std::vector<double> chance(static_cast<std::size_t>(size) * static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < chance.size(); ++i) chance[i] = 1 / (1 + std::exp(-static_cast<double>(scores[i])));
  const auto at = [&](int row, int column) {
    if (row < 0 || column < 0 || row >= size || column >= size) return 0.0;
    return chance[static_cast<std::size_t>(row) * static_cast<std::size_t>(size) + static_cast<std::size_t>(column)];
  };
  const double left = static_cast<double>(box.left), top = static_cast<double>(box.top);
  const double across = std::max(1e-6, static_cast<double>(box.width())), down = std::max(1e-6, static_cast<double>(box.height()));
  const int last_x = std::min(width, static_cast<int>(std::ceil(left + across)));
  const int last_y = std::min(height, static_cast<int>(std::ceil(top + down)));
  for (int y = std::max(0, static_cast<int>(top)); y < last_y; ++y) {
    const double v = (y + 0.5 - top) / down * size - 0.5;
    const int row = static_cast<int>(std::floor(v));
    for (int x = std::max(0, static_cast<int>(left)); x < last_x; ++x) {
      const double u = (x + 0.5 - left) / across * size - 0.5;
      const int column = static_cast<int>(std::floor(u));
      const double a = u - column, b = v - row;
      const auto along = [&](int r) { return (1 - a) * at(r, column) + a * at(r, column + 1); };
      const double value = (1 - b) * along(row) + b * along(row + 1);
      pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)] = value >= 0.5;
    }
  }
  return encode_mask(pixels, width, height);
}

}  // namespace detail

// Calls f(index, width, height, detections) for every image of a set, in order; boxes and masks are in the picture's own pixels, the best
// first. `detector`: a MaskRcnn, or alike. Throws ConfigError unless `config` looks at whole pictures, and FileError for an image that
// cannot be read.
template <class T = float, class Device, class Detector, class F>
void detect(Device& device, const Detector& detector, const ImageSet& set, const DetectConfig& config, F f) {
  if (config.augment.crop != Crop::whole || config.augment.flip != 0)
    throw ConfigError("detect: expected whole pictures, found crops or flips; give augment_whole()");
  if (config.batch < 1) throw ConfigError("detect: batch must be at least 1, found " + std::to_string(config.batch));
  using Images = typename Detector::images_shape;
  constexpr auto C = Detector::config;
  constexpr int channels = Images::template extent<1>(), size = Images::template extent<2>(), D = C.detections;
  constexpr int side = Detector::Masks::size, cells = side * side;
  Arena<Device> values{device};
  std::vector<float> views;
  struct Size {
    int width, height;
  };
  std::vector<Size> sizes;
  Random random;
  for (int first = 0; first < set.size(); first += config.batch) {
    const int batch = std::min(config.batch, set.size() - first);
    values.reset(), sizes.clear();
    views.resize(static_cast<std::size_t>(batch) * channels * size * size);
    for (int b = 0; b < batch; ++b) {
      const Image picture = set.image(first + b);
      sizes.push_back({picture.width, picture.height});
      augment(picture, config.augment, random, size, channels, views.data() + static_cast<std::ptrdiff_t>(b) * channels * size * size);
    }
    const auto images = make_tensor<Images, T>(values, Images(batch));  // (B, C, I, I)
    detail::upload_images(device, images.at, views.data(), views.size());
    const auto levels = detector.levels(images);
    const auto proposed = detector.proposed(levels);        // (B, K, 4)
    const auto judged = detector.judged(levels, proposed);  // (B K, C + 1), (B K, 4 C)
    const auto boxes = detail::on_host(proposed), scores = detail::on_host(judged.scores), deltas = detail::on_host(judged.deltas);
    std::vector<std::vector<detail::Found>> found;
    for (int b = 0; b < batch; ++b) {
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(b) * C.proposals;
      found.push_back(detail::choose_boxes(boxes.data() + 4 * at, scores.data() + (C.classes + 1) * at, deltas.data() + 4 * C.classes * at,
                                           C.proposals, C.classes, size, D, config));
    }
    std::vector<wide<T>> masks;
    if (config.masks) {
      std::vector<wide<T>> corners(static_cast<std::size_t>(batch) * D * 4);
      std::vector<int> classes(static_cast<std::size_t>(batch) * D);
      for (int b = 0; b < batch; ++b)
        for (std::size_t i = 0; i < found[static_cast<std::size_t>(b)].size(); ++i) {
          const detail::Found& one = found[static_cast<std::size_t>(b)][i];
          const std::size_t at = static_cast<std::size_t>(b) * D + i;
          const float sides[] = {one.box.left, one.box.top, one.box.right, one.box.bottom};
          std::copy_n(sides, 4, corners.data() + 4 * at);
          classes[at] = one.label;
        }
      const auto chosen = make_tensor<Shape<dyn, D, 4>, wide<T>>(values, Shape<dyn, D, 4>(batch));    // (B, D, 4)
      const auto own = make_tensor<Shape<dyn, 1>, int>(values, Shape<dyn, 1>(batch * D));             // (B D, 1)
      device.upload(chosen.at, corners.data(), corners.size() * sizeof(wide<T>));
      device.upload(own.at, classes.data(), classes.size() * sizeof(int));
      const auto planes = detector.masks(levels, chosen);  // (B D, C, 28, 28)
      masks = detail::on_host(gather(view(planes, Shape<dyn, C.classes, cells>(batch * D)), own));
    }
    for (int b = 0; b < batch; ++b) {
      const auto [width, height] = sizes[static_cast<std::size_t>(b)];
      const float by_x = static_cast<float>(width) / size, by_y = static_cast<float>(height) / size;
      std::vector<Detection> out;
      for (const detail::Found& one : found[static_cast<std::size_t>(b)]) {
        const Box box{one.box.left * by_x, one.box.top * by_y, one.box.right * by_x, one.box.bottom * by_y};
        Detection detection{one.label, one.score, box, {}};
        if (config.masks) {
          const std::size_t at = static_cast<std::size_t>(b) * D + out.size();
          detection.mask = detail::paste_mask(masks.data() + at * cells, side, box, width, height);
        }
        out.push_back(std::move(detection));
      }
      f(first + b, width, height, std::move(out));
    }
  }
}

struct DetectionReport {
  DetectionScores boxes, masks;
};

// COCO's figures of a detector on annotated images.
template <class T = float, class Device, class Detector>
DetectionReport measure_detector(Device& device, const Detector& detector, const ObjectSet& set, const DetectConfig& config = {}) {
  constexpr int classes = Detector::config.classes;
  AveragePrecision boxes(classes, Overlap::boxes), masks(classes, Overlap::masks);
  detect<T>(device, detector, set, config, [&](int index, int, int, const std::vector<Detection>& found) {
    const Objects truth = set.objects(index);
    boxes.add(truth, found);
    if (config.masks) masks.add(truth, found);
  });
  return {boxes.scores(), config.masks ? masks.scores() : DetectionScores{}};
}
template <class M, class Device, class T>
DetectionReport measure_detector(const Model<M, Device, T>& model, const ObjectSet& set, const DetectConfig& config = {}) {
  return measure_detector<T>(model.device(), *model, set, config);
}

}  // namespace vitrail
