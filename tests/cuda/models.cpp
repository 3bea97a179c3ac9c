// Whole objectives by CUDA's kernels, run on the host, against the Cpu: losses, every gradient, and training steps.
#include "support/host_cuda.hpp"
#include "support/models.hpp"
#include "vitrail/backends/checked.hpp"
#include "vitrail/masking/random_mask.hpp"
#include "vitrail/masking/split.hpp"
#include "vitrail/objectives/mae.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/objectives/supervised.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/train/adamw.hpp"

#include <doctest/doctest.h>

using namespace vitrail;

namespace {

constexpr ViTConfig config{.image = 16, .patch = 4, .dim = 16, .depth = 1, .heads = 2, .mlp_ratio = 2, .class_token = true,
                           .drop_path_percent = 50};
using Pretext = SplitMask<ViT<config>, RandomSplit<16, 50>, RandomProjection<config, 12>, SplitMaskConfig{.decoder_depth = 1}>;
using Autoencoder = Mae<ViT<config>, RandomMask<16, 50>, DecoderConfig{.dim = 8, .depth = 1, .heads = 1, .mlp_ratio = 2}>;
using Classifier = Supervised<ViT<config>, 5>;

// The loss and every gradient of two steps, and the parameters behind them.
template <class Objective, class D>
std::vector<float> train(int batch) {
  Trial<Objective, float, D> trial;
  spread_weights(trial.model, 0.3, 2);
  AdamW optimizer(trial.model, {.eps = 1e-2});  // so that a gradient which is zero but for rounding moves nothing
  std::vector<float> out;
  for (std::uint64_t step = 0; step < 2; ++step) {
    const auto result = trial.run(batch, step);
    out.push_back(static_cast<float>(number(loss_of(result))));
    if (step == 0) out.insert(out.end(), trial.model.gradients(), trial.model.gradients() + trial.model.trained());
    optimizer.step(1e-2);
  }
  out.insert(out.end(), trial.model.values(), trial.model.values() + trial.model.size());
  return out;
}
double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(double{a[i]} - b[i]);
    worst = std::isfinite(difference) ? std::max(worst, difference) : INFINITY;
  }
  return worst;
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("SplitMask on CUDA's kernels, run on the host, learns what it learns on the Cpu") {
  CHECK(largest_difference(train<Pretext, Checked<HostCuda>>(2), train<Pretext, Cpu>(2)) < 2e-5);
}
TEST_CASE("MAE on CUDA's kernels, run on the host, learns what it learns on the Cpu") {
  CHECK(largest_difference(train<Autoencoder, Checked<HostCuda>>(2), train<Autoencoder, Cpu>(2)) < 2e-5);
}
TEST_CASE("a classifier on CUDA's kernels, run on the host, learns what it learns on the Cpu") {
  CHECK(largest_difference(train<Classifier, Checked<HostCuda>>(2), train<Classifier, Cpu>(2)) < 2e-5);
}

TEST_SUITE_END();
