// Bodies of average_precision.hpp.
#pragma once
#include "../average_precision.hpp"

namespace vitrail {

VITRAIL_FUNCTION AveragePrecision::AveragePrecision(int classes, Overlap overlap) : overlap_(overlap) {
  if (classes < 1) throw ConfigError("average precision: expected at least 1 class, found " + std::to_string(classes));
  classes_.resize(static_cast<std::size_t>(classes));
}

VITRAIL_FUNCTION void AveragePrecision::add(const Objects& truth, const std::vector<Detection>& found) {
  for (const Object& object : truth.all) check(object.label, object.mask, truth, "an object");
  for (const Detection& detection : found) {
    check(detection.label, detection.mask, truth, "a detection");
    if (!std::isfinite(detection.score))
      throw NumericError("average precision: expected finite scores, found " + std::to_string(detection.score) + "; did training diverge?");
  }
  std::vector<int> labels;
  for (const Object& object : truth.all) labels.push_back(object.label);
  for (const Detection& detection : found) labels.push_back(detection.label);
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  for (const int label : labels) add_class(label, truth, found);
}

VITRAIL_FUNCTION DetectionScores AveragePrecision::scores() const {
  std::array<detail::MeanFigure, areas> ap, ar;
  detail::MeanFigure ap50, ap75, ar1, ar10;
  DetectionScores out;
  for (const Class& one : classes_) {
    detail::MeanFigure own;
    const std::vector<std::size_t> order = best_first(one);
    for (std::size_t area = 0; area < areas; ++area)
      for (std::size_t at = 0; at < overlaps && one.objects[area] > 0; ++at) {
        const auto [precision, recall] = worth(one, order, area, at, detail::most_detections);
        ap[area].add(precision), ar[area].add(recall);
        if (area != 0) continue;
        own.add(precision);
        if (at == 0) ap50.add(precision);
        if (at == 5) ap75.add(precision);
        ar1.add(worth(one, order, area, at, 1).recall), ar10.add(worth(one, order, area, at, 10).recall);
      }
    out.by_class.push_back(own.value());
  }
  out.ap = ap[0].value(), out.ap50 = ap50.value(), out.ap75 = ap75.value();
  out.ap_small = ap[1].value(), out.ap_medium = ap[2].value(), out.ap_large = ap[3].value();
  out.ar1 = ar1.value(), out.ar10 = ar10.value(), out.ar100 = ar[0].value();
  out.ar_small = ar[1].value(), out.ar_medium = ar[2].value(), out.ar_large = ar[3].value();
  return out;
}

}  // namespace vitrail
