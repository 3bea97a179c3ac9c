// What an objective is: a module whose draw() takes chance before the step and whose operator() is the loss.
//
//   struct Mine {
//     using images_shape = typename Encoder::images_shape;
//     constexpr auto draw(Sampler& sampler, int batch) const;               // index lists; or (sampler, batch, labels)
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

// An objective whose draw takes labels: (B) integers on the host, -1 where unknown; null when a step is only planned.
template <class Objective> concept LearnsFromLabels =
    requires(const Objective& objective, Sampler& sampler, const int* labels) { objective.draw(sampler, 1, labels); };

template <class Objective> constexpr auto draw_for(const Objective& objective, Sampler& sampler, int batch, const int* labels) {
  if constexpr (LearnsFromLabels<Objective>) return objective.draw(sampler, batch, labels);
  else return objective.draw(sampler, batch);
}

}  // namespace vitrail
