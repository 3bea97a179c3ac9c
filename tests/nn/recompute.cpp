// Blocks that are computed again for their gradients: the same bits, in a fraction of the memory.
#include <doctest/doctest.h>

#include "support/models.hpp"
#include "vitrail/objectives/cost.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/train/adamw.hpp"

using namespace vitrail;

namespace {

constexpr ViTConfig config(int depth, bool recompute) {
  return {.image = 16, .patch = 4, .dim = 16, .depth = depth, .heads = 2, .drop_path_percent = 30, .layer_scale_ppm = 100'000, .recompute = recompute};
}
template <ViTConfig C> using Pretext = SplitMask<ViT<C>, RandomSplit<16, 50>, RandomProjection<C, 32>>;
using Kept = Pretext<config(3, false)>;
using Again = Pretext<config(3, true)>;

template <class Objective>
std::vector<float> trained() {
  Trial<Objective> trial(1, 2);
  AdamW optimizer{trial.model};
  for (std::uint64_t step = 0; step < 3; ++step) {
    trial.run(5, step);
    optimizer.step(1e-3);
  }
  return {trial.model.values(), trial.model.values() + trial.model.size()};
}

}  // namespace

TEST_SUITE_BEGIN("nn");

TEST_CASE("blocks that are computed again train to the same bits, dropped paths included") { CHECK(trained<Again>() == trained<Kept>()); }

TEST_CASE("a step that computes blocks again uses the memory that was planned, and keeps one number of a block for each of its input") {
  constexpr Cost plan = cost<Again>(4), deeper = cost<Pretext<config(13, true)>>(4), kept = cost<Kept>(4);
  Trial<Again> trial(1, 1);
  trial.run(4, 0);
  CHECK(trial.tape.values().peak() == plan.value_bytes);
  CHECK(plan.value_bytes < kept.value_bytes);
  CHECK(plan.forward_flops > 2 * kept.forward_flops * 9 / 10);
  CHECK(plan.forward_flops < 2 * kept.forward_flops);
  CHECK(plan.backward_flops == kept.backward_flops);
  const double input = sizeof(float) * 2.0 * 4 * 9 * 16;  // both halves of four images: a class token and 8 patches each
  CHECK(static_cast<double>(deeper.value_bytes - plan.value_bytes) / 10 / input < 1.2);
}

TEST_SUITE_END();
