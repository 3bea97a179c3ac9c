// Image sets and features that are made in memory, for the tests of evaluation.
#pragma once
#include <vector>

#include "vitrail/eval/features.hpp"

namespace eval_test {

using namespace vitrail;

// Coloured noise on a ground whose brightness tells the class. Images listed in `broken` cannot be read.
class Noise final : public ImageSet {
 public:
  explicit Noise(int count, int size = 16, int classes = 3, std::vector<int> broken = {}, bool labelled = true)
      : count_(count),
        size_(size),
        names_(static_cast<std::size_t>(classes), "c"),
        broken_(std::move(broken)),
        labelled_(labelled) {}

  int size() const override { return count_; }
  Image image(int index, int = 0) const override {
    for (const int i : broken_)
      if (i == index) throw FileError("noise: image " + std::to_string(index) + " is broken on purpose");
    Image out(size_, size_, 3);
    Random random = Random(3).stream(static_cast<std::uint64_t>(index));
    const int ground = 180 * (index % classes_count()) / classes_count();
    for (auto& sample : out.pixels) sample = static_cast<std::uint8_t>(ground + random.below(60));
    return out;
  }
  int label(int index) const override { return labelled_ ? index % classes_count() : -1; }
  const std::vector<std::string>& classes() const override { return names_; }
  std::string name(int index) const override { return "noise #" + std::to_string(index); }

 private:
  int classes_count() const { return static_cast<int>(names_.size()); }

  int count_, size_;
  std::vector<std::string> names_;
  std::vector<int> broken_;
  bool labelled_;
};

// Normal clouds: `apart` is the distance of the classes' centres from the origin, in the clouds' deviations. Centres
// depend on the dim alone, so that two seeds give a training and a test set.
inline Features clouds(int count, int dim, int classes, double apart, std::uint64_t seed) {
  Features out;
  out.count = count, out.dim = dim;
  for (int i = 0; i < count; ++i) {
    const int label = i % classes;
    Random centre = Random(77).stream(static_cast<std::uint64_t>(label)),
           random = Random(seed).stream(static_cast<std::uint64_t>(i));
    for (int d = 0; d < dim; ++d)
      out.values.push_back(static_cast<float>(apart * centre.normal() / std::sqrt(dim) + random.normal()));
    out.labels.push_back(label), out.indices.push_back(i);
  }
  return out;
}
// The same labels in an order that has nothing to do with the features.
inline Features with_shuffled_labels(Features features, std::uint64_t seed) {
  Random(seed).shuffle(features.labels.data(), features.count);
  return features;
}

}  // namespace eval_test
