// Batch normalisation as a layer, with running statistics for evaluation.
#pragma once
#include "../ops/batch_norm.hpp"
#include "../ops/ranks.hpp"
#include "running_mean.hpp"

namespace vitrail {

// Rows (R, Dim) to mean 0 and variance 1 by channel, then gain and shift if Scaled. Groups: the views of each image, neighbours among the
// rows, each of which has statistics of its own (see the op). A Var is normalised by its batch, that of all ranks
// if there are several; a Tensor, in evaluation, by the running mean and variance; and in_batch() is for a teacher, which has no gradient
// but sees the batch.
template <int Dim, bool Scaled = true, int Groups = 1> struct BatchNorm {
  Parameter<Shape<Dim>> weight{.init = Init::one, .decay = false}, bias{};  // if Scaled
  RunningMean<Shape<Dim>> mean{}, variance{.value = {.init = Init::one, .decay = false, .trained = false}};
  static constexpr BatchNormConfig config{};

  template <Value X> constexpr auto operator()(const X& x) const {  // (R, Dim) -> (R, Dim)
    using T = scalar_of<X>;
    if constexpr (Tracked<X>)
      return own_rows(batch_norm<Groups>(all_rows(x), affine(), wide_weights<T>(mean.latest), wide_weights<T>(variance.latest), config));
    else return normalize_channels(x, mean.value, variance.value, affine(), config);
  }
  constexpr auto in_batch(const Value auto& x) const { return own_rows(batch_norm<Groups>(all_rows(x), affine())); }

  // Takes the last batch into the running statistics.
  void follow() {
    double keep = 1;
    for (int g = 0; g < Groups; ++g) keep *= config.keep;
    mean.follow(keep), variance.follow(keep);
  }
  constexpr void visit(auto&& f) {
    if constexpr (Scaled) f("weight", weight), f("bias", bias);
    f("running_mean", mean.value), f("running_var", variance.value);
    f("latest_mean", mean.latest), f("latest_var", variance.latest);
  }

 private:
  constexpr auto affine() const {
    if constexpr (Scaled) return Affine<Dim>{weight, bias};
    else return NoAffine{};
  }
};

}  // namespace vitrail
