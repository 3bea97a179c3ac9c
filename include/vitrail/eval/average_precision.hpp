// COCO's figures for detectors: average precision and average recall (Lin et al., "Microsoft COCO", 2014; cocodataset/cocoapi,
// cocoeval.py, with its default parameters), for boxes or for masks.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "../core/config.hpp"
#include "../core/box.hpp"
#include "../core/error.hpp"
#include "../tensor/objects.hpp"
#include "../tensor/run_length.hpp"

namespace vitrail {

// By what a detection is compared with an object.
enum class Overlap { boxes, masks };

// 0 .. 1; not a number where there is nothing to find. Small objects have up to 32 x 32 pixels, large ones from 96 x 96.
struct DetectionScores {
  double ap = 0, ap50 = 0, ap75 = 0;                 // mean over the overlaps .50, .55, ..., .95; at .50; at .75
  double ap_small = 0, ap_medium = 0, ap_large = 0;  // of objects of a size
  double ar1 = 0, ar10 = 0, ar100 = 0;               // share of objects that are found, with so many detections of a class per image
  double ar_small = 0, ar_medium = 0, ar_large = 0;  // the same with 100
  std::vector<double> by_class{};                    // ap of each class
};

namespace detail {

// The overlaps from which on a detection is right: NumPy's linspace(.5, .95, 10) to the bit, whose 0.9 is the number below.
inline constexpr std::array<double, 10> coco_overlaps = {0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.8999999999999999, 0.95};

// Areas in pixels, both ends included: all, small, medium, large.
struct AreaRange {
  double least, most;
  bool holds(double area) const { return area >= least && area <= most; }
};
inline constexpr std::array<AreaRange, 4> coco_areas = {{{0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}}};

inline constexpr std::size_t most_detections = 100;  // of a class in an image

// As overlap() of masks.
inline double precise_overlap(const Box& found, const Box& truth, bool crowd) {
  const double width = static_cast<double>(std::min(found.right, truth.right)) - static_cast<double>(std::max(found.left, truth.left));
  const double height = static_cast<double>(std::min(found.bottom, truth.bottom)) - static_cast<double>(std::max(found.top, truth.top));
  if (!(width > 0 && height > 0)) return 0;
  const double common = width * height, area = precise_area(found);
  return common / (crowd ? area : area + precise_area(truth) - common);
}

// The objects and the detections of one class in one image, and how much each two of them overlap.
struct ClassInImage {
  std::vector<const Object*> truth{};
  std::vector<const Detection*> found{};  // the best first
  std::vector<double> overlaps{};         // (found, truth)

  void compare(Overlap overlap_of) {
    overlaps.clear();
    std::vector<Box> around;  // the masks of truth: where boxes are apart, masks are
    if (overlap_of == Overlap::masks)
      for (const Object* object : truth) around.push_back(mask_box(object->mask));
    for (const Detection* detection : found) {
      const Box own = overlap_of == Overlap::masks ? mask_box(detection->mask) : Box{};
      for (std::size_t i = 0; i < truth.size(); ++i) {
        const Object& object = *truth[i];
        if (overlap_of == Overlap::boxes) overlaps.push_back(precise_overlap(detection->box, object.box, object.crowd));
        else overlaps.push_back(overlap(own, around[i]) > 0 ? overlap(detection->mask, object.mask, object.crowd) : 0);
      }
    }
  }
};

// What became of one detection: bit t of each number is the verdict at coco_overlaps[t]. Neither right nor ignored: wrong.
struct DetectionVerdict {
  float score = 0;
  std::uint16_t rank = 0;  // among the detections of its class in its image
  std::array<std::uint16_t, coco_areas.size()> right{}, ignored{};
};

// Gives each detection, the best first, the object that it overlaps most, if that is enough and the object is still free; `ignored`
// tells which objects do not count (crowds, and those of another size), `order` has those last. A detection takes such an object
// only where it finds no other; a crowd is never taken for good.
inline void match_detections(const ClassInImage& here, const std::vector<std::size_t>& order, const std::vector<bool>& ignored,
                             std::size_t area, std::size_t at, const std::vector<bool>& outside, std::vector<DetectionVerdict>& verdicts) {
  const std::size_t none = here.truth.size();
  const std::uint16_t bit = static_cast<std::uint16_t>(1u << at);
  std::vector<bool> taken(none);
  for (std::size_t d = 0; d < here.found.size(); ++d) {
    std::size_t best = none;
    double least = coco_overlaps[at];
    for (const std::size_t i : order) {
      if (taken[i] && !here.truth[i]->crowd) continue;
      if (best != none && !ignored[best] && ignored[i]) break;
      const double common = here.overlaps[d * none + i];
      if (common < least) continue;
      least = common, best = i;
    }
    if (best != none) taken[best] = true;
    if (best == none ? outside[d] : ignored[best]) verdicts[d].ignored[area] |= bit;
    else if (best != none) verdicts[d].right[area] |= bit;
  }
}

struct MeanFigure {
  double sum = 0;
  int count = 0;
  void add(double x) { sum += x, ++count; }
  double value() const { return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / count; }
};

// The mean of precision over the recalls 0, .01, ..., 1, where precision at a recall is the best one at that recall or a higher one;
// and the last recall. `right` tells of each detection that counts, the best first, whether it is right.
struct PrecisionAndRecall {
  double precision = 0, recall = 0;
};
inline PrecisionAndRecall precision_and_recall(const std::vector<bool>& right, std::int64_t objects) {
  std::vector<double> precision(right.size()), recall(right.size());
  double hits = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    hits += right[i] ? 1 : 0;
    precision[i] = hits / static_cast<double>(i + 1);
    recall[i] = hits / static_cast<double>(objects);
  }
  for (std::size_t i = right.size(); i > 1; --i) precision[i - 2] = std::max(precision[i - 2], precision[i - 1]);
  double sum = 0;
  std::size_t at = 0;
  for (int point = 0; point <= 100; ++point) {
    const double wanted = point * 0.01;
    while (at < right.size() && recall[at] < wanted) ++at;
    if (at == right.size()) break;
    sum += precision[at];
  }
  return {sum / 101, right.empty() ? 0 : recall.back()};
}

}  // namespace detail

// Collects the detections of a set, image by image, and says what they are worth. Images count in the order in which they are added only
// where detections have the same score. It keeps 24 bytes for each detection, no boxes and no masks.
class AveragePrecision {
 public:
  // Throws ConfigError unless there is a class.
  AveragePrecision(int classes, Overlap overlap);

  // One image: what is in it and what was found, in any order; the best 100 detections of each class count. Throws ShapeError for labels
  // out of range and, where masks are compared, for masks that are absent or of another size than the picture; NumericError for scores
  // that are no numbers. Nothing is added then.
  void add(const Objects& truth, const std::vector<Detection>& found);

  DetectionScores scores() const;

 private:
  static constexpr std::size_t areas = detail::coco_areas.size(), overlaps = detail::coco_overlaps.size();
  struct Class {
    std::vector<detail::DetectionVerdict> found{};
    std::array<std::int64_t, areas> objects{};  // that count, of each size
  };

  void check(int label, const RunLengthMask& mask, const Objects& picture, const std::string& what) const {
    if (label < 0 || static_cast<std::size_t>(label) >= classes_.size())
      throw ShapeError("average precision: expected labels in 0 .. " + std::to_string(classes_.size() - 1) + ", found " + what +
                       " with the label " + std::to_string(label) + "; give the number of classes of the data set");
    if (overlap_ == Overlap::boxes) return;
    if (mask.empty() || mask.width != picture.width || mask.height != picture.height)
      throw ShapeError("average precision: expected masks of the picture's " + detail::mask_size(picture.width, picture.height) +
                       " pixels, found " + what + (mask.empty() ? " without one" : " with " + detail::mask_size(mask.width, mask.height)) +
                       "; compare boxes, or give every object and detection a mask of that size");
    detail::check_runs(mask, "average precision: the mask of " + what);
  }

  void add_class(int label, const Objects& truth, const std::vector<Detection>& found) {
    detail::ClassInImage here;
    for (const Object& object : truth.all)
      if (object.label == label) here.truth.push_back(&object);
    for (const Detection& detection : found)
      if (detection.label == label) here.found.push_back(&detection);
    std::stable_sort(here.found.begin(), here.found.end(), [](const auto* a, const auto* b) { return a->score > b->score; });
    if (here.found.size() > detail::most_detections) here.found.resize(detail::most_detections);
    here.compare(overlap_);
    Class& own = classes_[static_cast<std::size_t>(label)];
    std::vector<detail::DetectionVerdict> verdicts(here.found.size());
    for (std::size_t d = 0; d < verdicts.size(); ++d)
      verdicts[d].score = here.found[d]->score, verdicts[d].rank = static_cast<std::uint16_t>(d);
    for (std::size_t area = 0; area < areas; ++area) judge(here, area, own, verdicts);
    own.found.insert(own.found.end(), verdicts.begin(), verdicts.end());
  }

  // The verdicts for objects of one size; counts these.
  void judge(const detail::ClassInImage& here, std::size_t area, Class& own, std::vector<detail::DetectionVerdict>& verdicts) const {
    const detail::AreaRange range = detail::coco_areas[area];
    std::vector<bool> ignored, outside;
    for (const Object* object : here.truth) ignored.push_back(object->crowd || !range.holds(object_area(*object)));
    for (const Detection* detection : here.found)
      outside.push_back(!range.holds(overlap_ == Overlap::boxes ? detail::precise_area(detection->box)
                                                                : static_cast<double>(mask_area(detection->mask))));
    own.objects[area] += std::count(ignored.begin(), ignored.end(), false);
    std::vector<std::size_t> order(ignored.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_partition(order.begin(), order.end(), [&](std::size_t i) { return !ignored[i]; });
    for (std::size_t at = 0; at < overlaps; ++at) detail::match_detections(here, order, ignored, area, at, outside, verdicts);
  }

  static std::vector<std::size_t> best_first(const Class& one) {
    std::vector<std::size_t> order(one.found.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return one.found[a].score > one.found[b].score; });
    return order;
  }

  // One class, for objects of one size, at one overlap, with so many detections per image.
  static detail::PrecisionAndRecall worth(const Class& one, const std::vector<std::size_t>& order, std::size_t area, std::size_t at,
                                          std::size_t most) {
    std::vector<bool> right;
    for (const std::size_t i : order) {
      const detail::DetectionVerdict& verdict = one.found[i];
      if (verdict.rank < most && !(verdict.ignored[area] >> at & 1)) right.push_back(verdict.right[area] >> at & 1);
    }
    return detail::precision_and_recall(right, one.objects[area]);
  }

  Overlap overlap_;
  std::vector<Class> classes_{};
};

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/average_precision.hpp"
#endif
