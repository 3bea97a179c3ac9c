// Scalings of features: rows of length one, and columns of mean zero and deviation one by another set's statistics.
#pragma once
#include "features.hpp"

namespace vitrail {

// Every row to length one; a row of zeros stays.
inline void scale_to_unit_rows(Features& features) {
  for (int i = 0; i < features.count; ++i) {
    float* const row = features.row(i);
    double sum = 0;
    for (int d = 0; d < features.dim; ++d) sum += static_cast<double>(row[d]) * row[d];
    const double inverse = sum > 0 ? 1 / std::sqrt(sum) : 0;
    for (int d = 0; d < features.dim; ++d) row[d] = static_cast<float>(row[d] * inverse);
  }
}

// The mean and deviation of each column of one set, for application to it and to others.
class Standardisation {
 public:
  explicit Standardisation(const Features& from)
      : mean_(static_cast<std::size_t>(from.dim)), inverse_(static_cast<std::size_t>(from.dim)) {
    std::vector<double> square(mean_.size());
    each(from, [&](std::size_t d, float x) { mean_[d] += static_cast<double>(x) / from.count; });
    each(from, [&](std::size_t d, float x) { square[d] += (x - mean_[d]) * (x - mean_[d]) / from.count; });
    for (std::size_t d = 0; d < mean_.size(); ++d) {
      const bool varies = square[d] > 1e-12 * (1 + mean_[d] * mean_[d]);  // else rounding alone: it would be blown up
      inverse_[d] = varies ? 1 / std::sqrt(square[d]) : 0;
    }
  }
  // Subtracts the mean: what k-NN by angle often gains from.
  void centre(Features& features) const {
    each(features, [&](std::size_t d, float& x) { x = static_cast<float>(x - mean_[d]); });
  }
  // Subtracts the mean and divides by the deviation; columns that do not vary become zero.
  void standardise(Features& features) const {
    each(features, [&](std::size_t d, float& x) { x = static_cast<float>((x - mean_[d]) * inverse_[d]); });
  }

 private:
  template <class F, class Set>
  static void each(Set& features, F f) {
    for (int i = 0; i < features.count; ++i)
      for (int d = 0; d < features.dim; ++d) f(static_cast<std::size_t>(d), features.row(i)[d]);
  }

  std::vector<double> mean_, inverse_;
};

}  // namespace vitrail
