// The same seed gives the same bits for any number of threads.
#include <doctest/doctest.h>

#include "support/models.hpp"
#include "vitrail/objectives/beit.hpp"
#include "vitrail/objectives/mae.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/objectives/supervised.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/train/adamw.hpp"

using namespace vitrail;

namespace {

constexpr ViTConfig config{.image = 32, .patch = 4, .dim = 96, .depth = 3, .heads = 3, .drop_path_percent = 10};
using Pretext = SplitMask<ViT<config>, BlockSplit<8, 50>, RandomProjection<config, 512>>;
using Classifier = Supervised<ViT<config>, 10>;
using Inpaint = SplitInpaint<ViT<config>, BlockSplit<8, 50>, RandomProjection<config, 512>>;
using Match = SplitMatch<ViT<config>, BlockSplit<8, 50>>;
using PlainBeit = Beit<ViT<config>, BeitMask<8>, RandomProjection<config, 512>>;
constexpr ViTConfig published{.image = 32, .patch = 4, .dim = 96, .depth = 3, .heads = 3, .positions = Positions::relative,
                              .drop_path_percent = 10, .layer_scale_ppm = 100'000};
using PublishedBeit = Beit<ViT<published>, BeitMask<8>, RandomProjection<published, 512>>;
using Autoencoder = Mae<ViT<config>, RandomMask<64, 75>, DecoderConfig{.dim = 64, .depth = 1, .heads = 2, .positions = Positions::sincos}>;

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

TEST_CASE_TEMPLATE("five steps give the same bits with one, two and three threads", Objective, Pretext, Classifier, Inpaint, Match,
                   PlainBeit, PublishedBeit, Autoencoder) {
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
