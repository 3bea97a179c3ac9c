// DINO and MoCo v3: gradients by finite differences, plans, and what must hold of students and teachers.
#include "support/differences.hpp"
#include "support/teachers.hpp"
#include "vitrail/backends/timed.hpp"
#include "vitrail/objectives/cost.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;

namespace {

template <class Objective> constexpr Cost planned = cost<Objective>(3);

// Of the student alone: the teacher stays where it is.
template <class Objective> GradientError student_gradients(Trial<Objective, double>& trial, double step) {
  spread_weights(trial.model, 0.5, 11);
  const auto loss = [&](auto& tape) {
    trial.inputs.reset();
    std::uint64_t seed = 12;
    return loss_of(loss_on_views(*trial.model, 3, typename Objective::Draw{}, [&]<class S>(S shape) {
      return tape.input(noise<S, double>(trial.inputs, shape.leading(), seed++));
    }));
  };
  return gradcheck(trial.model, loss, {.step = step, .floor = 1e-3, .at_most = 500, .key = 5});
}

}  // namespace

TEST_SUITE_BEGIN("objectives");

TEST_CASE("DINO's gradients, through resampled positions too") {
  Trial<TinyDino, double> trial;
  trial.model->student_temperature = 0.6;
  check_small(student_gradients(trial, 1e-3));
  check_all_reached(trial.model);
}
TEST_CASE("MoCo v3's gradients") {
  Trial<TinyMoco, double> trial;
  check_small(student_gradients(trial, 1e-5));  // ReLU has a kink, which a small step meets rarely
  CHECK(trial.model->encoder.patch_embed.weight.gradient == nullptr);
  CHECK(trial.model->encoder.pos_embed.gradient == nullptr);
}
TEST_CASE_TEMPLATE("a step with several views uses exactly what was planned", Objective, TinyDino, TinyMoco) {
  const Cost plan = cost<Objective>(3);
  CHECK(plan == planned<Objective>);
  Trial<Objective, float, Timed<Cpu>> trial;
  trial.tape.values().reserve(plan.value_bytes), trial.tape.gradients().reserve(plan.gradient_bytes);
  trial.device.forward_flops = 0;  // the teacher's first copy
  trial.run(3);
  CHECK(trial.device.forward_flops == plan.forward_flops);
  CHECK(trial.device.backward_flops == plan.backward_flops);
  CHECK(trial.tape.values().peak() == plan.value_bytes);
  CHECK(trial.tape.gradients().peak() == plan.gradient_bytes);
}
TEST_CASE("heads have as many parameters as the published ones") {
  static_assert(count_parameters<DinoHead<384, DinoConfig{}>>() == 5'509'376 + 16'777'216);
  static_assert(count_parameters<MocoProjector<384, MocoV3Config{}>>() == 19'415'040);
  static_assert(count_parameters<MocoPredictor<MocoV3Config{}>>() == 2'105'344);
}
TEST_CASE("DINO begins with teacher and student alike, a centre of zero, and about ln K") {
  constexpr ViTConfig small{.image = 32, .patch = 8, .dim = 48, .depth = 2, .heads = 3};
  Trial<Dino<ViT<small>, DinoConfig{.local = 16, .locals = 2, .hidden = 64, .bottleneck = 256, .prototypes = 2048}>> trial;
  auto& model = trial.model;
  model->before_step(0);
  std::map<std::string, std::vector<float>> all;
  each_named(model, [&](const std::string& name, std::span<float> values, auto) { all[name] = {values.begin(), values.end()}; });
  CHECK(all.at("teacher.target.blocks.1.mlp.fc1.weight") == all.at("encoder.blocks.1.mlp.fc1.weight"));
  CHECK(all.at("teacher_head.target.last_layer.weight") == all.at("head.last_layer.weight"));
  CHECK(all.at("center") == std::vector<float>(2048));
  CHECK(std::abs(number(trial.run(4).loss) - std::log(2048)) < 1);
  model->after_step(0.9);
  const std::vector<float> center(weights<float>(model->center.value), weights<float>(model->center.value) + 2048);
  CHECK(std::any_of(center.begin(), center.end(), [](float v) { return v != 0; }));
}
TEST_CASE("a step writes no running mean: the same step twice gives the same loss, and after_step takes the batch in") {
  Trial<TinyDino, double> dino;
  const double first = number(dino.run(3).loss);
  CHECK(number(dino.run(3).loss) == first);
  dino.model->after_step(1);  // the teacher stays, the centre moves
  CHECK(number(dino.run(3).loss) != first);

  Trial<TinyMoco, double> moco;
  const auto& norm = moco.model->projector.first.norm;
  moco.run(3);
  CHECK(*weights<double>(norm.mean.value) == 0);
  moco.model->after_step(1);
  CHECK(*weights<double>(norm.mean.value) != 0);
  CHECK(*weights<double>(norm.mean.value) == doctest::Approx(0.19 * *weights<double>(norm.mean.latest)));
}
TEST_CASE("the temperature warms up and the prototypes thaw, each at its step") {
  Trial<TinyDino, double> trial;
  auto& model = *trial.model;
  model.teacher_warmup = 10, model.frozen_steps = 2;
  const auto gradient = [&](std::int64_t step) {
    model.before_step(step);
    trial.run(3);
    return *static_cast<double*>(model.head.prototypes.gradient);
  };
  CHECK(gradient(1) == 0);
  CHECK(gradient(2) != 0);
}
TEST_CASE("a collapsed teacher has no variance, a healthy one has") {
  Trial<TinyDino> dino;
  Trial<TinyMoco> moco;
  spread_weights(dino.model, 0.5, 11), spread_weights(moco.model, 0.5, 11);
  dino.model->start(), moco.model->start();
  CHECK(number(dino.run(8).variance) > 1e-3);
  CHECK(number(dino.run(8).entropy) > 0.5);
  CHECK(number(moco.run(8).variance) > 1e-2);
  const auto blind = [](auto& model) {  // what it says of an image no longer depends on the image
    std::fill_n(weights<float>(model.encoder.transformer.norm.weight), 8, 0.0f);
    model.start();
  };
  blind(*dino.model), blind(*moco.model);
  CHECK(number(dino.run(8).variance) < 1e-6);
  CHECK(number(moco.run(8).variance) < 1e-6);
}
TEST_CASE("an encoder that is resized to its own size gives what it gave") {
  Cpu cpu(1);
  Model<ViT<tiny_student>, Cpu, double> model{cpu, Random{1}};
  Arena<Cpu> arena{cpu};
  const auto images = noise<ViT<tiny_student>::images_shape, double>(arena, 2, 3);
  const auto plain = (*model)(images), resized = model->resized(images);
  for (std::int64_t i = 0; i < plain.shape.size(); ++i) CHECK(resized.at[i] == doctest::Approx(plain.at[i]).epsilon(1e-12));
}

TEST_SUITE_END();
