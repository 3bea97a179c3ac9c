// Figures of a classification, and the spread of figures over seeds.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../core/error.hpp"

namespace vitrail {

namespace detail {
inline void check_predictions(const std::vector<int>& predictions, const std::vector<int>& labels) {
  if (predictions.size() != labels.size() || labels.empty())
    throw ShapeError("metrics: expected one prediction per label and at least one, found " +
                     std::to_string(predictions.size()) + " predictions and " + std::to_string(labels.size()) +
                     " labels");
}
}  // namespace detail

// The share of equal entries.
inline double accuracy(const std::vector<int>& predictions, const std::vector<int>& labels) {
  detail::check_predictions(predictions, labels);
  int right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) right += predictions[i] == labels[i];
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

// The accuracy of always guessing the class with the most images.
inline double majority_share(const std::vector<int>& labels) {
  std::vector<int> sorted = labels;
  std::sort(sorted.begin(), sorted.end());
  std::size_t best = 0;
  for (auto at = sorted.begin(); at != sorted.end();) {
    const auto next = std::upper_bound(at, sorted.end(), *at);
    best = std::max(best, static_cast<std::size_t>(next - at));
    at = next;
  }
  return labels.empty() ? 0 : static_cast<double>(best) / static_cast<double>(labels.size());
}

// How often each class (row) was taken for each (column).
struct ConfusionMatrix {
  int classes = 0;
  std::vector<int> counts;  // (classes, classes)

  int& at(int label, int prediction) { return counts[place(label, prediction)]; }
  int at(int label, int prediction) const { return counts[place(label, prediction)]; }
  int images_of(int label) const {
    int sum = 0;
    for (int p = 0; p < classes; ++p) sum += at(label, p);
    return sum;
  }
  // Of one class's images, the share that was recognised; not a number for a class without images.
  double accuracy_of(int label) const {
    const int images = images_of(label);
    return images == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(at(label, label)) / images;
  }
  // The mean over the classes that have images: rare ones count as much as common ones.
  double balanced_accuracy() const {
    double sum = 0;
    int seen = 0;
    for (int c = 0; c < classes; ++c)
      if (images_of(c) > 0) sum += accuracy_of(c), ++seen;
    return seen == 0 ? 0 : sum / seen;
  }

 private:
  std::size_t place(int label, int prediction) const { return static_cast<std::size_t>(label * classes + prediction); }
};

// Throws ShapeError unless labels and predictions lie in 0 .. classes - 1.
inline ConfusionMatrix confusion_matrix(const std::vector<int>& predictions, const std::vector<int>& labels,
                                        int classes) {
  detail::check_predictions(predictions, labels);
  ConfusionMatrix out{classes, std::vector<int>(static_cast<std::size_t>(classes) * static_cast<std::size_t>(classes))};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (const int c : {labels[i], predictions[i]})
      if (c < 0 || c >= classes)
        throw ShapeError("confusion matrix: expected classes 0 .. " + std::to_string(classes - 1) + ", found " +
                         std::to_string(c) + "; give the number of classes of the training set");
    ++out.at(labels[i], predictions[i]);
  }
  return out;
}

// Several runs of one experiment.
struct Spread {
  int runs = 0;
  double mean = 0;
  double deviation = 0;       // of one run: the sample's standard deviation, with runs - 1; 0 for a single run
  double standard_error = 0;  // of the mean
};
inline Spread spread_of(const std::vector<double>& figures) {
  Spread out;
  out.runs = static_cast<int>(figures.size());
  if (figures.empty()) return out;
  for (const double x : figures) out.mean += x / out.runs;
  double sum = 0;
  for (const double x : figures) sum += (x - out.mean) * (x - out.mean);
  if (out.runs > 1) out.deviation = std::sqrt(sum / (out.runs - 1));
  out.standard_error = out.deviation / std::sqrt(out.runs);
  return out;
}
// The standard error of an accuracy that was measured on so many images (binomial).
inline double accuracy_error(double accuracy, int images) { return std::sqrt(accuracy * (1 - accuracy) / images); }

}  // namespace vitrail
