// The same seed gives the same bits for any number of threads.
#include <doctest/doctest.h>

#include "support/models.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/objectives/supervised.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/train/adamw.hpp"

using namespace vitrail;

namespace {

constexpr ViTConfig config{.image = 32, .patch = 4, .dim = 96, .depth = 3, .heads = 3, .drop_path_percent = 10};
using Pretext = SplitMask<ViT<config>, BlockSplit<8, 50>, RandomProjection<config, 512>>;
using Classifier = Supervised<ViT<config>, 10>;

// The weights after five steps of AdamW on batches of changing size.
template <class Objective>
std::vector<float> trained_weights(int threads, std::uint64_t seed = 1) {
  Trial<Objective> trial(seed, threads);
  AdamW optimizer{trial.model};
  std::uint64_t step = 0;
  for (const int batch : {10, 10, 3, 1, 10}) {
    trial.run(batch, step++);
    optimizer.step(1e-3);
  }
  return std::vector<float>(trial.model.values(), trial.model.values() + trial.model.size());
}

}  // namespace

TEST_SUITE_BEGIN("threads");

TEST_CASE_TEMPLATE("five steps give the same bits with one, two and three threads", Objective, Pretext, Classifier) {
  const std::vector<float> one = trained_weights<Objective>(1);
  MESSAGE("checksum of the weights: " << checksum(one.data(), static_cast<std::int64_t>(one.size())));
  for (const int threads : {1, 2, 3}) {
    CAPTURE(threads);
    const std::vector<float> many = trained_weights<Objective>(threads);
    CHECK(std::memcmp(many.data(), one.data(), one.size() * sizeof(float)) == 0);
  }
  CHECK(trained_weights<Objective>(1, 2) != one);
}

TEST_SUITE_END();
