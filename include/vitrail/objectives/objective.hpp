// What an objective is: a module whose draw() takes chance before the step and whose operator() is the loss.
//
//   struct Mine {
//     using images_shape = typename Encoder::images_shape;
//     constexpr auto draw(Sampler& sampler, int batch) const;               // index lists; or (sampler, batch, const Labels&)
//     constexpr auto operator()(const Tracked auto& images, const auto& part) const;   // a scalar, or a struct with .loss
//     void after_step(Model<...>& model, StepScalar progress);              // optional: teachers
//     constexpr void visit(auto&& f);                                       // its members
//   };
// Mark draw, operator() and visit constexpr, and `cost` plans a step inside the compiler.
#pragma once
#include "../autograd/run.hpp"
#include "../nn/module.hpp"

namespace vitrail {

// The scalar to differentiate, of what an objective returns.
constexpr auto loss_of(const auto& result) {
  if constexpr (requires { result.loss; }) return result.loss;
  else return result;
}

// The classes of a batch's images, on the host: (B) integers, -1 where unknown; null when a step is only planned. Where images are
// mixed in pairs (mixup, cutmix), `share` of each is its own and the rest that of another one, whose class is in `other`.
struct Labels {
  const int *own, *other;
  double share = 1;

  constexpr Labels(const int* all) : own(all), other(all) {}
  constexpr Labels(const int* first, const int* second, double of_first) : own(first), other(second), share(of_first) {}
};

// An objective whose draw takes labels.
template <class Objective> concept LearnsFromLabels =
    requires(const Objective& objective, Sampler& sampler, const Labels& labels) { objective.draw(sampler, 1, labels); };

template <class Objective> constexpr auto draw_for(const Objective& objective, Sampler& sampler, int batch, const Labels& labels) {
  if constexpr (LearnsFromLabels<Objective>) return objective.draw(sampler, batch, labels);
  else return objective.draw(sampler, batch);
}

}  // namespace vitrail
