// The same seed gives the same bits for any number of threads, with teachers, centre and running statistics.
#include <doctest/doctest.h>

#include "support/models.hpp"
#include "vitrail/objectives/dino.hpp"
#include "vitrail/objectives/moco_v3.hpp"
#include "vitrail/train/adamw.hpp"

using namespace vitrail;

namespace {

constexpr ViTConfig config{.image = 32, .patch = 4, .dim = 48, .depth = 2, .heads = 3, .drop_path_percent = 10};
using Distilled = Dino<ViT<config>, DinoConfig{.local = 16, .locals = 3, .hidden = 96, .bottleneck = 32, .prototypes = 700}>;
using Contrasted = MocoV3<ViT<config>, MocoV3Config{.hidden = 300, .out = 32, .predictor_hidden = 96}>;

// All numbers of the model after three steps of AdamW on batches of changing size.
template <class Objective> std::vector<float> trained(int threads) {
  Trial<Objective> trial(1, threads);
  AdamW optimizer{trial.model};
  std::uint64_t step = 0;
  for (const int batch : {9, 4, 9}) {
    trial.run(batch, step++);
    optimizer.step(1e-3);
    trial.model->after_step(0.9);
  }
  return std::vector<float>(trial.model.values(), trial.model.values() + trial.model.size());
}

}  // namespace

TEST_SUITE_BEGIN("threads");

TEST_CASE_TEMPLATE("a student and its teacher get the same bits with one, two and three threads", Objective, Distilled, Contrasted) {
  const std::vector<float> one = trained<Objective>(1);
  for (const int threads : {2, 3}) {
    CAPTURE(threads);
    const std::vector<float> many = trained<Objective>(threads);
    CHECK(std::memcmp(many.data(), one.data(), one.size() * sizeof(float)) == 0);
  }
}

TEST_SUITE_END();
