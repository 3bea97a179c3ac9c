// An objective whose weights are averaged over training, for evaluation.
#pragma once
#include "../nn/ema.hpp"
#include "objective.hpp"

namespace vitrail {

template <class Objective> concept FollowsItself = requires(Objective& objective) { objective.after_step(StepScalar{1}); };

// The objective, and beside it the exponential moving average of all its weights: it learns nothing, takes no part in the loss and is
// saved and resumed with the model. DeiT evaluates one at 0.99996 per step (Touvron et al. 2021, section 5). Set FitConfig's
// momentum_from and momentum_to to the average's decay; 0 copies.
//
//   Model<Averaged<Supervised<Encoder, 10>>, Cpu> model{...};
//   classify(device, model->average.target, images, views);
template <class Objective> struct Averaged : Objective {
  static_assert(!FollowsItself<Objective>, "Averaged: this objective uses the momentum of fit for its own teacher");
  Ema<Objective> average{};

  void start() { average.follow(*this, 0); }
  void after_step(StepScalar decay) { average.follow(*this, decay); }
  constexpr void visit(auto&& f) { Objective::visit(f), f("average", average); }
};

}  // namespace vitrail
