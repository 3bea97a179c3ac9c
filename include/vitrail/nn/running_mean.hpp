// RunningMean: what training has found on average, such as DINO's centre or the statistics of batch normalisation.
#pragma once
#include "../autograd/parameter.hpp"

namespace vitrail {

// A mean over training of what each step finds, without gradient and saved with the model. A step writes `latest` and never `value`, so
// that it stays a function of its inputs; follow() is for the objective's after_step(). When batches accumulate into one step, the last
// one counts.
template <class S> struct RunningMean {
  Parameter<S> value{.init = Init::zero, .decay = false, .trained = false};
  Parameter<S> latest{.init = Init::zero, .decay = false, .trained = false};

  // value = keep value + (1 - keep) latest
  void follow(double keep) { value.home->blend(value.value, latest.value, S::inner, keep); }
};

}  // namespace vitrail
