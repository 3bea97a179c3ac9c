// The plan of a step against the step: FLOPs, kernels and bytes, predicted and measured; constant and at run time.
#include "vitrail/objectives/cost.hpp"

#include <doctest/doctest.h>

#include "support/models.hpp"
#include "vitrail/backends/timed.hpp"
#include "vitrail/core/shape_rules.hpp"
#include "vitrail/objectives/averaged.hpp"
#include "vitrail/objectives/beit.hpp"
#include "vitrail/objectives/layer_costs.hpp"
#include "vitrail/objectives/mae.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/objectives/supervised.hpp"
#include "vitrail/tokenizers/random_projection.hpp"

using namespace vitrail;

namespace {

constexpr ViTConfig config(int depth, bool class_token = true) {
  return {.image = 32, .patch = 4, .dim = 24, .depth = depth, .heads = 3, .class_token = class_token};
}
constexpr ViTConfig all_options{.image = 32,
                                .patch = 4,
                                .dim = 24,
                                .depth = 2,
                                .heads = 3,
                                .positions = Positions::sincos,
                                .drop_path_percent = 20,
                                .layer_scale_ppm = 10,
                                .recompute = true};

template <ViTConfig C, SplitMaskConfig S = SplitMaskConfig{}>
using Pretext = SplitMask<ViT<C>, BlockSplit<C.grid(), 50>, RandomProjection<C, 64>, S>;
template <ViTConfig C>
using Classifier = Supervised<ViT<C>, 10>;

using Pretext2 = Pretext<config(2)>;
using Pretext12 = Pretext<config(12, false)>;
using PretextOptions =
    Pretext<all_options, SplitMaskConfig{.own_decoder_positions = true, .match_class_token = true, .both_branches = true}>;
constexpr ViTConfig published{.image = 32, .patch = 4, .dim = 24, .depth = 2, .heads = 3, .positions = Positions::relative,
                              .drop_path_percent = 20, .layer_scale_ppm = 10, .recompute = true};
using PublishedBeit = Beit<ViT<published>, BeitMask<8>, RandomProjection<published, 64>>;
using Autoencoder = Mae<ViT<config(2)>, RandomMask<64, 75>, DecoderConfig{.dim = 16, .depth = 1, .heads = 2}>;
using PlainBeit = Beit<ViT<config(2)>, BeitMask<8>, RandomProjection<config(2), 64>>;
using Inpaint = SplitInpaint<ViT<config(2)>, BlockSplit<8, 50>, RandomProjection<config(2), 64>>;
using Match = SplitMatch<ViT<config(2)>, BlockSplit<8, 50>>;
using Classifier2 = Classifier<config(2, false)>;
using AveragedClassifier = Averaged<Classifier2>;
using Classifier12 = Classifier<config(12)>;

// The same numbers as constants.
template <class Objective>
constexpr Cost planned_1 = cost<Objective>(1);
template <class Objective>
constexpr Cost planned_7 = cost<Objective>(7);
static_assert(planned_7<Pretext12>.peak_bytes > planned_1<Pretext12>.peak_bytes);
static_assert(FitsInto<planned_7<Pretext12>.peak_bytes, 64_MiB> && !FitsInto<planned_7<Pretext12>.peak_bytes, 1_MiB>);
static_assert(cost<Pretext12, double>(7).value_bytes > planned_7<Pretext12>.value_bytes);

template <class Objective>
void check_step(int batch, const Cost& constant) {
  CAPTURE(batch);
  const Cost plan = cost<Objective>(batch);
  CHECK(plan == constant);
  Trial<Objective, float, Timed<Cpu>> trial;
  trial.tape.values().reserve(plan.value_bytes);
  trial.tape.gradients().reserve(plan.gradient_bytes);
  for (int step = 0; step < 2; ++step) {
    trial.device.forward_flops = trial.device.backward_flops = trial.device.kernels = 0;
    trial.run(batch, static_cast<std::uint64_t>(step));
    CHECK(trial.device.forward_flops == plan.forward_flops);
    CHECK(trial.device.backward_flops == plan.backward_flops);
    CHECK(trial.device.kernels == plan.kernels);
    CHECK(trial.tape.values().peak() == plan.value_bytes);
    CHECK(trial.tape.gradients().peak() == plan.gradient_bytes);
  }
  CHECK(trial.tape.values().chunks() == 1);
  CHECK(trial.tape.values().reserved() == plan.value_bytes);
  CHECK(trial.tape.gradients().chunks() == 1);
  CHECK(trial.tape.gradients().reserved() == plan.gradient_bytes);
  CHECK(trial.model.trained() == plan.parameters);
  CHECK(plan.parameter_bytes == static_cast<std::size_t>(trial.model.size() + 3 * trial.model.trained()) * sizeof(float));
  CHECK(plan.peak_bytes == plan.value_bytes + plan.gradient_bytes + plan.parameter_bytes);
}

// Bytes in units of B N D, the size of a block's input.
constexpr double in_features(std::size_t bytes, int batch) {
  return static_cast<double>(bytes) / (sizeof(float) * 24.0 * batch * (64 + 1));
}

}  // namespace

TEST_SUITE_BEGIN("objectives");

TEST_CASE_TEMPLATE("a step uses exactly what was planned", Objective, Pretext2, Pretext12, PretextOptions, Inpaint, Match, PlainBeit,
                   PublishedBeit, Autoencoder, Classifier2, AveragedClassifier, Classifier12) {
  check_step<Objective>(1, planned_1<Objective>);
  check_step<Objective>(7, planned_7<Objective>);
}

TEST_CASE_TEMPLATE("the layers' costs add up to the step's", Objective, Pretext2, Pretext12, PretextOptions, Inpaint, Match, PlainBeit,
                   PublishedBeit, Autoencoder, Classifier2, AveragedClassifier) {
  const Cost plan = planned_7<Objective>;
  LayerCost sum;
  for (const LayerCost& l : layer_costs<Objective>(7)) {
    CAPTURE(l.name);
    CHECK((l.value_bytes >= 0 && l.forward_flops >= 0 && l.backward_flops >= 0));
    if (l.name.find("blocks.") != std::string::npos && l.parameters > 0) CHECK((l.forward_flops > 0 && l.backward_flops > l.forward_flops));
    sum.parameters += l.parameters, sum.forward_flops += l.forward_flops;
    sum.backward_flops += l.backward_flops, sum.value_bytes += l.value_bytes;
  }
  CHECK(sum.parameters == plan.parameters);
  CHECK(sum.forward_flops == plan.forward_flops);
  CHECK(sum.backward_flops == plan.backward_flops);
  CHECK(static_cast<std::size_t>(sum.value_bytes) <= plan.value_bytes);
  if (!std::is_same_v<Objective, PretextOptions> && !std::is_same_v<Objective, PublishedBeit>)  // these compute blocks again
    CHECK(static_cast<std::size_t>(sum.value_bytes) == plan.value_bytes);
}

TEST_CASE("layers have the names of their parameters, and blocks are alike") {
  const std::vector<LayerCost> layers = layer_costs<Pretext12>(2);
  const auto named = [&](const std::string& name) {
    const auto found = std::find_if(layers.begin(), layers.end(), [&](const LayerCost& l) { return l.name == name; });
    REQUIRE(found != layers.end());
    return *found;
  };
  const LayerCost third = named("encoder.blocks.3"), last = named("encoder.blocks.11");
  CHECK(third.parameters == 4 * 24 + 4 * 24 * 24 + 4 * 24 + 2 * 24 * 96 + 24 + 96);  // norms, attention with biases, MLP with biases
  CHECK(third.parameters == last.parameters);
  CHECK(third.forward_flops == last.forward_flops);
  CHECK(named("encoder.patch_embed.proj").parameters == 24 * 48 + 24);
  CHECK(text(layers).find("encoder.blocks.11 ") != std::string::npos);
}

TEST_CASE("an empty batch needs no memory for values, and has a plan") {
  constexpr Cost nothing = cost<Classifier2>(0);
  CHECK(nothing.forward_flops == 0);
  CHECK(nothing.value_bytes < 1024);  // scalars
}

TEST_CASE("a block keeps 10 numbers and a half per number of its input, and gradients need 6 at any depth") {
  constexpr int B = 4;
  constexpr Cost shallow = cost<Classifier<config(2)>>(B), deep = cost<Classifier<config(12)>>(B);
  const double kept = in_features(deep.value_bytes - shallow.value_bytes, B) / 10;
  MESSAGE("kept per block: " << kept << " B N D");
  CHECK(kept <= 10.5);
  MESSAGE("gradients at a time: " << in_features(deep.gradient_bytes, B) << " B N D");
  CHECK(in_features(deep.gradient_bytes, B) <= 6.1);
  CHECK(deep.gradient_bytes == shallow.gradient_bytes);
}

TEST_CASE("a linear map costs two operations per weight and token: twelve blocks of a tiny ViT") {
  constexpr ViTConfig tiny{.image = 32, .patch = 4, .dim = 192, .depth = 12, .heads = 3, .class_token = false};
  constexpr Cost c = cost<Supervised<ViT<tiny>, 10>>(1);
  const double products = 12 * (2.0 * 64 * 12 * 192 * 192 + 4.0 * 64 * 64 * 192) + 2.0 * 64 * 48 * 192;  // linears, attention, patches
  CHECK(c.forward_flops >= static_cast<std::int64_t>(products));
  CHECK(c.forward_flops < static_cast<std::int64_t>(1.05 * products));
  CHECK(c.backward_flops > 2 * c.forward_flops - c.forward_flops / 10);
}

TEST_CASE_TEMPLATE("evaluation uses exactly what was planned, at any depth", Encoder, ViT<config(2)>, ViT<config(12)>, ViT<published>) {
  constexpr Cost plan = evaluation_cost<Encoder>(5);
  Timed<Cpu> cpu(1);
  Model<Encoder, Timed<Cpu>> model{cpu, Random{1}};
  Arena<Timed<Cpu>> inputs{cpu}, values{cpu};
  auto images = noise<typename Encoder::images_shape, float>(inputs, 5, 1);
  images.arena = &values;
  cpu.forward_flops = cpu.kernels = 0;
  (*model)(images);
  CHECK(cpu.forward_flops == plan.forward_flops);
  CHECK(cpu.kernels == plan.kernels);
  CHECK(values.peak() == plan.value_bytes);
  CHECK(plan.peak_bytes == plan.value_bytes + static_cast<std::size_t>(model.size()) * sizeof(float));
}

TEST_CASE("evaluation keeps one block's values, and of every other block its result") {
  constexpr int B = 5;
  constexpr Cost shallow = evaluation_cost<ViT<config(2)>>(B), deep = evaluation_cost<ViT<config(12)>>(B);
  CHECK(in_features(deep.value_bytes - shallow.value_bytes, B) / 10 < 1.01);
  CHECK(in_features(deep.value_bytes, B) < 0.25 * in_features(cost<Classifier12>(B).value_bytes, B));
}

TEST_CASE("evaluation plans no gradients") {
  constexpr Cost plan = evaluation_cost<ViT<config(2)>>(1);
  CHECK(plan.gradient_bytes == 0);
  CHECK(plan.backward_flops == 0);
}

TEST_SUITE_END();
