// A model whose values are bfloat16, from the first step to the last figure: on the host's CUDA.
#include <filesystem>

#include "eval/sets.hpp"
#include "support/host_kernels.hpp"
#include "support/detection.hpp"
#include "support/models.hpp"
#include "vitrail/eval/classify.hpp"
#include "vitrail/io/checkpoint.hpp"
#include "vitrail/masking/split.hpp"
#include "vitrail/objectives/dino.hpp"
#include "vitrail/objectives/layer_costs.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/objectives/supervised.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/train/fit.hpp"

#include <doctest/doctest.h>

using namespace vitrail;

namespace {

constexpr ViTConfig config{.image = 8, .patch = 4, .dim = 8, .depth = 1, .heads = 2, .mlp_ratio = 2, .class_token = true,
                           .drop_path_percent = 20};
using Pretext = SplitMask<ViT<config>, RandomSplit<4, 50>, RandomProjection<config, 12>, SplitMaskConfig{.decoder_depth = 1}>;
using Classifier = Supervised<ViT<config>, 3>;
using Distilled = Dino<ViT<config>, DinoConfig{.local = 4, .locals = 1, .hidden = 8, .bottleneck = 4, .prototypes = 16}>;

LoaderConfig views() { return {.batch = 2, .size = 8, .augment = augment_none(), .seed = 2}; }

// The losses of `steps` steps, and all parameters after them.
template <class T> std::vector<float> fitted(const HostCudaConfig& device_config, std::int64_t steps, int accumulate) {
  const eval_test::Noise set(12, 8);
  HostCuda device(device_config);
  Model<Pretext, HostCuda, T> model(device, Random(1));
  AdamW optimizer(model);
  BatchLoader loader(set, views());
  std::vector<float> out;
  fit(model, optimizer, CosineSchedule{.peak = 1e-2, .warmup = 2, .steps = steps}, loader, {.steps = steps, .accumulate = accumulate},
      [&](const StepReport& report) { out.push_back(static_cast<float>(report.loss)); });
  device.synchronise();
  out.insert(out.end(), model.values(), model.values() + model.size());
  return out;
}
// What kernels read is what the optimiser, a file or a teacher's average has written. But for the latest batch's mean, which a step writes
// and no kernel reads rounded.
template <class D> bool rounded_as_written(Model<Distilled, D, bfloat16>& model) {
  const std::int64_t latest = static_cast<float*>(model->center.latest.value) - model.values();
  for (std::int64_t i = 0; i < model.size(); ++i)
    if ((i < latest || i >= latest + 16) && model.rounded()[i].bits != bfloat16(model.values()[i]).bits) return false;
  return true;
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("fit gives the same bits whether copies are early or late, and steps graphs or single calls") {
  const std::vector<float> wanted = fitted<bfloat16>({}, 4, 1);
  CHECK(fitted<bfloat16>({.late_copies = true}, 4, 1) == wanted);
  CHECK(fitted<bfloat16>({.graphs = true}, 4, 1) == wanted);
  CHECK(fitted<bfloat16>({.graphs = true, .late_copies = true}, 4, 2) == fitted<bfloat16>({}, 4, 2));
  CHECK(fitted<float>({.graphs = true, .late_copies = true}, 4, 1) == fitted<float>({}, 4, 1));
}
TEST_CASE("values in bfloat16: what kernels read follows every way in which parameters are written") {
  Trial<Distilled, bfloat16, HostCuda> trial;
  auto& model = trial.model;
  CHECK(rounded_as_written(model));
  AdamW optimizer(model);
  for (std::uint64_t step = 0; step < 2; ++step) {
    trial.run(2, step);
    optimizer.step(1e-2);
    CHECK(rounded_as_written(model));
    model->after_step(0.5);
  }
  CHECK(rounded_as_written(model));

  const auto path = std::filesystem::temp_directory_path() / "vitrail_narrow.safetensors";
  save_training(path, model, optimizer);
  Trial<Distilled, bfloat16, HostCuda> other(5);
  AdamW other_optimizer(other.model);
  load_training(path, other.model, other_optimizer);
  Cpu cpu(1);
  Model<Distilled, Cpu> on_cpu(cpu, Random(6));
  load(path, *on_cpu, {.ignore = {"optimizer."}});
  CHECK(std::equal(model.values(), model.values() + model.size(), on_cpu.values()));
  std::filesystem::remove(path);
  CHECK(rounded_as_written(other.model));
  CHECK(std::equal(model.values(), model.values() + model.size(), other.model.values()));
  CHECK(std::equal(optimizer.mean(), optimizer.mean() + model.trained(), other_optimizer.mean()));
  CHECK(number(loss_of(trial.run(2, 9))) == number(loss_of(other.run(2, 9))));
}
TEST_CASE("values in bfloat16: memory is as planned to the byte, and less than two thirds of what floats take") {
  constexpr Cost planned = cost<Pretext, bfloat16>(8), in_float = cost<Pretext>(8);
  Trial<Pretext, bfloat16, HostCuda> trial;
  trial.tape.values().reserve(planned.value_bytes), trial.tape.gradients().reserve(planned.gradient_bytes);
  trial.run(8);
  CHECK(trial.tape.values().reserved() == planned.value_bytes);
  CHECK(trial.tape.gradients().chunks() == 1);
  CHECK(trial.tape.values().peak() == planned.value_bytes);
  CHECK(trial.tape.gradients().peak() == planned.gradient_bytes);
  CHECK(3 * planned.value_bytes < 2 * in_float.value_bytes);
  CHECK(planned.forward_flops == in_float.forward_flops);
  CHECK(planned.parameter_bytes == in_float.parameter_bytes + sizeof(bfloat16) * static_cast<std::size_t>(trial.model.size()));
  std::int64_t bytes = 0, parameters = 0;
  for (const LayerCost& layer : layer_costs<Pretext, bfloat16>(8)) bytes += layer.value_bytes, parameters += layer.parameters;
  CHECK(bytes == static_cast<std::int64_t>(planned.value_bytes));
  CHECK(parameters == planned.parameters);
}
TEST_CASE("values in bfloat16: a detector's memory is as planned to the byte, and less than three quarters of what floats take") {
  using detection::Detector;
  constexpr Cost planned = cost<Detector, bfloat16>(2), in_float = cost<Detector>(2);
  Trial<Detector, bfloat16, HostCuda> trial;
  trial.tape.values().reserve(planned.value_bytes), trial.tape.gradients().reserve(planned.gradient_bytes);
  const auto images = noise<Detector::images_shape, bfloat16>(trial.inputs, 2, 1);
  const detection::ObjectsOfBatch objects = {{detection::full_object(0, {2, 3, 20, 15})}, {}};
  trial.run_on(images, detection::draw(trial.model, trial.sampler, objects), 0);
  CHECK(trial.tape.values().reserved() == planned.value_bytes);
  CHECK(trial.tape.gradients().chunks() == 1);
  CHECK(trial.tape.values().peak() == planned.value_bytes);
  CHECK(trial.tape.gradients().peak() == planned.gradient_bytes);
  CHECK(4 * planned.value_bytes < 3 * in_float.value_bytes);
  CHECK(planned.forward_flops == in_float.forward_flops);
}
TEST_CASE("values in bfloat16: a classifier learns, and is evaluated") {
  const eval_test::Noise set(24, 8);
  HostCuda device(HostCudaConfig{.graphs = true});
  Model<Classifier, HostCuda, bfloat16> model(device, Random(1));
  AdamW optimizer(model);
  BatchLoader loader(set, {.batch = 6, .size = 8, .augment = augment_none(), .seed = 2});
  double first = 0, last = 0;
  fit(model, optimizer, CosineSchedule{.peak = 2e-2, .warmup = 4, .steps = 24}, loader, {.steps = 24}, [&](const StepReport& report) {
    if (report.step == 1) first = report.loss;
    last = report.loss;
  });
  CHECK(last < 0.5 * first);
  LoaderConfig all = views();
  all.shuffle = false;
  CHECK(classify(model, set, all).accuracy > 0.9);
  const Features features = extract_features<bfloat16>(device, model->encoder, set, all);
  CHECK(features.count == 24);
  CHECK(features.values.size() == 24u * 8u);
}

TEST_SUITE_END();
