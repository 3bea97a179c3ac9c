// Whole objectives by CUDA's kernels, run on the host, against the Cpu: losses, every gradient, and training steps.
#include "support/detection.hpp"
#include "train_both.hpp"
#include "vitrail/masking/random_mask.hpp"
#include "vitrail/masking/split.hpp"
#include "vitrail/masking/block_mask.hpp"
#include "vitrail/objectives/beit.hpp"
#include "vitrail/objectives/dino.hpp"
#include "vitrail/objectives/mae.hpp"
#include "vitrail/objectives/moco_v3.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/objectives/supervised.hpp"
#include "vitrail/tokenizers/random_projection.hpp"

namespace {

constexpr ViTConfig config{.image = 16, .patch = 4, .dim = 16, .depth = 1, .heads = 2, .mlp_ratio = 2, .class_token = true,
                           .drop_path_percent = 50};
using Pretext = SplitMask<ViT<config>, RandomSplit<16, 50>, RandomProjection<config, 12>, SplitMaskConfig{.decoder_depth = 1}>;
using Autoencoder = Mae<ViT<config>, RandomMask<16, 50>, DecoderConfig{.dim = 8, .depth = 1, .heads = 1, .mlp_ratio = 2}>;
using Classifier = Supervised<ViT<config>, 5>;
using Distilled = Dino<ViT<config>, DinoConfig{.local = 8, .locals = 3, .hidden = 24, .bottleneck = 8, .prototypes = 40}>;
using Contrasted = MocoV3<ViT<config>, MocoV3Config{.hidden = 24, .out = 8, .predictor_hidden = 12}>;
constexpr ViTConfig published{.image = 16, .patch = 4, .dim = 16, .depth = 2, .heads = 2, .mlp_ratio = 2, .class_token = true,
                              .positions = Positions::relative, .layer_scale_ppm = 100'000};
using Masked = Beit<ViT<published>, BeitMask<4>, RandomProjection<published, 12>>;

// As train(), of a detector: two images with two objects, and one without any. `same_choices`: all anchors have one score and propose
// themselves, so that which regions learn does not hang on rounding.
template <class D, class T = float>
std::vector<float> train_detector(bool same_choices = false) {
  const detection::ObjectsOfBatch objects = {
      {detection::full_object(0, {2, 3, 20, 15}), detection::full_object(2, {11, 9, 31, 30})},
      {},
      {detection::full_object(1, {4, 20, 12, 28}), detection::full_object(1, {16, 2, 30, 17})},
  };
  Trial<detection::Detector, T, D> trial;
  spread_weights(trial.model, 0.15, 2);
  AdamW optimizer(trial.model, {.eps = 1e-2});
  std::vector<float> out;
  for (std::uint64_t step = 0; step < 2; ++step) {
    if (same_choices) {
      each_named(trial.model, [](const std::string& name, std::span<float> values, auto) {
        for (const char* layer : {"proposals.score", "proposals.delta"})
          if (name.starts_with(layer)) std::fill(values.begin(), values.end(), 0.0f);
      });
      trial.model.round_values();
    }
    trial.inputs.reset();
    trial.sampler.begin(Random(7).stream(step));
    const auto images = noise<detection::Detector::images_shape, T>(trial.inputs, 3, 5 + step);
    const auto result = trial.run_on(images, detection::draw(trial.model, trial.sampler, objects), step);
    result.report([&](const char*, const auto& part) { out.push_back(static_cast<float>(number(part))); });
    if (step == 0) out.insert(out.end(), trial.model.gradients(), trial.model.gradients() + trial.model.trained());
    optimizer.step(1e-2);
    trial.model->after_step(0.9);
  }
  out.insert(out.end(), trial.model.values(), trial.model.values() + trial.model.size());
  return out;
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
TEST_CASE("BEiT as published, with relative positions, learns on CUDA's kernels, run on the host, what it learns on the Cpu") {
  CHECK(largest_difference(train<Masked, Checked<HostCuda>>(2), train<Masked, Cpu>(2)) < 2e-5);
}
TEST_CASE("DINO on CUDA's kernels, run on the host, learns what it learns on the Cpu") {
  CHECK(largest_difference(train<Distilled, Checked<HostCuda>>(2), train<Distilled, Cpu>(2)) < 2e-5);
}
TEST_CASE("MoCo v3 on CUDA's kernels, run on the host, learns what it learns on the Cpu") {
  CHECK(largest_difference(train<Contrasted, Checked<HostCuda>>(8), train<Contrasted, Cpu>(8)) < 2e-4);
}

TEST_CASE("Mask R-CNN on CUDA's kernels, run on the host, learns what it learns on the Cpu") {
  CHECK(largest_difference(train_detector<Checked<HostCuda>>(), train_detector<Cpu>()) < 2e-5);
}

template <class Objective> std::vector<float> train_in_bfloat16(int batch) { return train<Objective, Checked<HostCuda>, bfloat16>(batch); }
TEST_CASE_TEMPLATE("an objective on CUDA's kernels, run on the host with values in bfloat16, learns nearly what it learns on the Cpu", Objective,
                   Pretext, Autoencoder, Classifier, Masked, Distilled) {
  const std::vector<float> found = train_in_bfloat16<Objective>(2);
  CHECK(found == train_in_bfloat16<Objective>(2));
  CHECK(relative_distance(found, train<Objective, Cpu>(2)) < 0.02);
}
TEST_CASE("MoCo v3 on CUDA's kernels, run on the host with values in bfloat16, learns nearly what it learns on the Cpu") {
  // It normalises by the batch, which has few images here: 0.18 with 8 of them, under 0.02 with 48.
  CHECK(relative_distance(train_in_bfloat16<Contrasted>(16), train<Contrasted, Cpu>(16)) < 0.06);
}
TEST_CASE("Mask R-CNN on CUDA's kernels, run on the host with values in bfloat16, learns nearly what it learns on the Cpu") {
  using Rounded = Checked<HostCuda>;
  // From the same regions: 0.006, and up to 0.014 with three other seeds.
  CHECK(relative_distance(train_detector<Rounded, bfloat16>(true), train_detector<Cpu>(true)) < 0.02);
  // Rounded scores propose other boxes, and then some of an image's 16 regions are others: 0.045, and 0.025 to 0.042 with those seeds. What
  // anchors learn does not hang on regions: the first two losses.
  const std::vector<float> found = train_detector<Rounded, bfloat16>(), wanted = train_detector<Cpu>();
  CHECK(found == train_detector<Rounded, bfloat16>());
  CHECK(relative_distance(found, wanted) < 0.1);
  for (const std::size_t part : {0u, 1u}) CHECK(found[part] == doctest::Approx(wanted[part]).epsilon(0.01));
}

TEST_SUITE_END();
