// DINO and MoCo v3 against PyTorch: losses, what tells of a collapse, gradients, and ten steps with teachers, centre, running statistics
// and schedules, from the same weights on the same views (tests/fixtures/dino, moco_v3).
#include "support/reference.hpp"
#include "vitrail/objectives/dino.hpp"
#include "vitrail/objectives/moco_v3.hpp"
#include "vitrail/train/adamw.hpp"
#include "vitrail/train/schedule.hpp"

using namespace vitrail;

namespace {

constexpr ViTConfig tiny{.image = 16, .patch = 4, .channels = 1, .dim = 16, .depth = 1, .heads = 2, .mlp_ratio = 2};
constexpr ViTConfig frozen{.image = 16, .patch = 4, .channels = 1, .dim = 16, .depth = 1, .heads = 2, .mlp_ratio = 2,
                           .positions = Positions::sincos, .patch_projection = PatchProjection::frozen};
using Distilled = Dino<ViT<tiny>, DinoConfig{.local = 8, .locals = 3, .hidden = 24, .bottleneck = 8, .prototypes = 20}>;
using Contrasted = MocoV3<ViT<frozen>, MocoV3Config{.hidden = 24, .out = 8, .predictor_hidden = 12}>;

template <class T> constexpr bool in_double = std::is_same_v<T, double>;

// The fixture's weights, teachers included, and views.
template <class Objective, class T> struct Case {
  Fixture fixture;
  Trial<Objective, T> trial{};

  explicit Case(const char* name) : fixture(name) {
    load_parameters(trial.model, fixture);
    each_named(trial.model, [&](const std::string& of, std::span<T> values, std::span<T> gradients) {
      if (!gradients.empty()) return;
      const auto given = fixture.load<T>("frozen." + of);
      REQUIRE_MESSAGE(given.values.size() == values.size(), of);
      std::copy(given.values.begin(), given.values.end(), values.begin());
    });
  }
  auto run(int batch) {
    trial.inputs.reset();
    const char* const names[] = {std::is_same_v<Objective, Distilled> ? "large" : "images", "small"};
    int group = 0;
    return trial.run_views(batch, typename Objective::Draw{}, 0,
                           [&]<class S>(S) { return load_tensor<S, T>(trial.inputs, fixture, names[group++]); });
  }
  void check(const char* name, const auto& found, double tolerance) const {
    CAPTURE(name);
    CHECK(number(found) == doctest::Approx(fixture.scalar(std::string("loss.") + name)).epsilon(tolerance));
  }
  // The sums of all numbers at the end. What has no gradient but rounding, which AdamW divides by its own size, wanders in float.
  void check_sums(double tolerance, std::initializer_list<const char*> wandering) {
    const std::vector<std::string> known = fixture.names("train.abs_sum.");
    each_named(trial.model, [&](const std::string& name, auto values, auto) {
      CAPTURE(name);
      if (std::find(known.begin(), known.end(), name) == known.end()) return;
      if (!in_double<T>)
        for (const char* end : wandering)
          if (name.ends_with(end)) return;
      double sum = 0;
      for (const auto v : values) sum += std::abs(static_cast<double>(v));
      CHECK(sum == doctest::Approx(fixture.scalar("train.abs_sum." + name)).epsilon(tolerance));
    });
  }
};

}  // namespace

TEST_SUITE_BEGIN("objectives");

TEST_CASE_TEMPLATE("DINO gives PyTorch's losses, gauge and gradients", T, double, float) {
  Case<Distilled, T> c("dino");
  const double tolerance = in_double<T> ? 1e-12 : 2e-5;
  c.trial.model->first_teacher_temperature = 0.05, c.trial.model->teacher_warmup = 1;
  c.trial.model->before_step(0);
  const auto result = c.run(3);
  c.check("total", result.loss, tolerance);
  c.check("large", result.global, tolerance);
  c.check("entropy", result.entropy, tolerance);
  c.check("variance", result.variance, tolerance);
  check_gradients(c.trial.model, c.fixture, in_double<T> ? 1e-11 : 2e-4);
}

TEST_CASE_TEMPLATE("DINO passes PyTorch's scores on the way, of small crops too", T, double, float) {
  Case<Distilled, T> c("dino");
  const double tolerance = in_double<T> ? 1e-12 : 2e-5;
  const auto& model = *c.trial.model;
  const auto large = load_tensor<Shape<dyn, 1, 16, 16>, T>(c.trial.inputs, c.fixture, "large");
  const auto small = load_tensor<Shape<dyn, 1, 8, 8>, T>(c.trial.inputs, c.fixture, "small");
  const auto scores = model.teacher_head(pool_class_token<ViT<tiny>>(model.teacher(large)));                  // (2B, K)
  const auto guess = model.head(pool_class_token<ViT<tiny>>(model.encoder.resized(small, model.extra_position)));  // (3B, K)
  CHECK(relative_error(scores.data(), c.fixture.load("teacher_scores").values) < tolerance);
  CHECK(relative_error(guess.data(), c.fixture.load("student_small").values) < tolerance);
}

TEST_CASE_TEMPLATE("ten steps of DINO follow PyTorch's: teacher, centre, frozen prototypes, decay, temperature", T, double, float) {
  Case<Distilled, T> c("dino");
  const double tolerance = in_double<T> ? 1e-9 : 2e-4;
  auto& model = c.trial.model;
  model->teacher_warmup = 5, model->frozen_steps = 3;
  AdamW optimizer{model, {.clip_norm = 3}};
  const CosineSchedule decay{.peak = 0.04, .minimum = 0.4, .steps = 10}, momentum{.peak = 0.9, .minimum = 1, .steps = 10};
  const std::vector<double> losses = c.fixture.load("train.losses").values, norms = c.fixture.load("train.grad_norms").values;
  const auto prototypes = [&] { return std::vector<T>(weights<T>(model->head.prototypes), weights<T>(model->head.prototypes) + 160); };
  const std::vector<T> first = prototypes();
  for (std::int64_t step = 0; step < 10; ++step) {
    CAPTURE(step);
    model->before_step(step);
    const auto result = c.run(3);
    const double* const wanted = losses.data() + 4 * step;
    CHECK(number(result.loss) == doctest::Approx(wanted[0]).epsilon(tolerance));
    CHECK(number(result.global) == doctest::Approx(wanted[1]).epsilon(tolerance));
    CHECK(number(result.entropy) == doctest::Approx(wanted[2]).epsilon(tolerance));
    CHECK(number(result.variance) == doctest::Approx(wanted[3]).epsilon(tolerance));
    optimizer.set_weight_decay(decay(step));
    CHECK(optimizer.step(1e-3) == doctest::Approx(norms[static_cast<std::size_t>(step)]).epsilon(tolerance));
    model->after_step(momentum(step));
    CHECK((prototypes() == first) == (step < 3));
  }
  c.check_sums(tolerance, {"qkv.bias"});
}

TEST_CASE_TEMPLATE("MoCo v3 gives PyTorch's losses and gradients", T, double, float) {
  Case<Contrasted, T> c("moco_v3");
  const double tolerance = in_double<T> ? 1e-12 : 2e-5;
  const auto result = c.run(5);
  c.check("total", result.loss, tolerance);
  c.check("accuracy", result.accuracy, tolerance);
  c.check("variance", result.variance, tolerance);
  each_named(c.trial.model, [&](const std::string& name, std::span<T>, std::span<T> gradients) {
    CAPTURE(name);
    if (gradients.empty()) return;
    const std::vector<double> wanted = c.fixture.load("grad." + name).values;
    // What is added to every row is taken away by the normalisation behind it: a gradient of nothing but rounding.
    if (name == "encoder.norm.bias")
      for (const T g : gradients) CHECK(std::abs(static_cast<double>(g)) < (in_double<T> ? 1e-13 : 1e-6));
    else CHECK(relative_error(gradients.data(), wanted) < (in_double<T> ? 1e-11 : 2e-4));
  });
}

TEST_CASE_TEMPLATE("ten steps of MoCo v3 follow PyTorch's: losses, teacher and running statistics", T, double, float) {
  Case<Contrasted, T> c("moco_v3");
  const double tolerance = in_double<T> ? 1e-9 : 2e-4;
  AdamW optimizer{c.trial.model, {.weight_decay = 0.1, .clip_norm = 3}};
  const CosineSchedule momentum{.peak = 0.9, .minimum = 1, .steps = 10};
  const std::vector<double> losses = c.fixture.load("train.losses").values, norms = c.fixture.load("train.grad_norms").values;
  for (std::int64_t step = 0; step < 10; ++step) {
    CAPTURE(step);
    const auto result = c.run(5);
    const double* const wanted = losses.data() + 3 * step;
    CHECK(number(result.loss) == doctest::Approx(wanted[0]).epsilon(tolerance));
    CHECK(number(result.accuracy) == doctest::Approx(wanted[1]));
    CHECK(number(result.variance) == doctest::Approx(wanted[2]).epsilon(tolerance));
    CHECK(optimizer.step(1e-3) == doctest::Approx(norms[static_cast<std::size_t>(step)]).epsilon(tolerance));
    c.trial.model->after_step(momentum(step));
  }
  c.check_sums(tolerance, {"qkv.bias", "encoder.norm.bias", "target.norm.bias", "projector.0.norm.running_mean"});
}

TEST_SUITE_END();
