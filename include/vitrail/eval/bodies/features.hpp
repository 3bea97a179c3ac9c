// Bodies of features.hpp.
#pragma once
#include "../features.hpp"

namespace vitrail {

VITRAIL_FUNCTION void check_labelled(const Features& features, const std::string& who) {
  const std::size_t count = static_cast<std::size_t>(features.count);
  if (features.count < 1 || features.dim < 1 || features.labels.size() != count ||
      features.values.size() != count * static_cast<std::size_t>(features.dim))
    throw ConfigError(who + ": expected count x dim numbers and a label for each row, found " + std::to_string(features.values.size()) +
                      " numbers and " + std::to_string(features.labels.size()) + " labels for " + std::to_string(features.count) + " x " +
                      std::to_string(features.dim));
  for (const int label : features.labels)
    if (label < 0) throw ConfigError(who + ": it needs labels, but the image set has images without one; give one folder per class");
  for (const float value : features.values)
    if (!std::isfinite(value)) throw NumericError(who + ": a feature is not a finite number; was the encoder's training stopped by a NaN?");
}

VITRAIL_FUNCTION void check_pair(const Features& train, const Features& test, const std::string& who) {
  check_labelled(train, who);
  check_labelled(test, who);
  if (train.dim != test.dim)
    throw ConfigError(who + ": training features have " + std::to_string(train.dim) + " numbers, test features " +
                      std::to_string(test.dim) + "; extract both with the same encoder and pooling");
}

}  // namespace vitrail
