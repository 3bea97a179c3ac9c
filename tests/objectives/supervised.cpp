// Supervised classification: its loss at the start, its labels, its two poolings.
#include "vitrail/objectives/supervised.hpp"

#include <doctest/doctest.h>

#include "support/models.hpp"

using namespace vitrail;

namespace {
constexpr ViTConfig small{.image = 16, .patch = 4, .dim = 24, .depth = 2, .heads = 3};
using Classifier = Supervised<ViT<small>, 10>;
}  // namespace

TEST_SUITE_BEGIN("objectives");

TEST_CASE("an untrained classifier knows nothing: its loss is ln of the number of classes") {
  Trial<Classifier> trial;
  CHECK(number(trial.run(16).loss) == doctest::Approx(std::log(10)).epsilon(1e-3));
}

TEST_CASE("a label that is no class is refused in words") {
  Trial<Classifier> trial;
  for (const int wrong : {-1, 10}) {
    trial.labels[2] = wrong;
    const std::string sentence = "supervised: expected labels in 0 .. 9, found " + std::to_string(wrong) +
                                 "; choose a model with enough classes, and a labelled image set";
    CHECK_THROWS_WITH_AS(trial.run(4), sentence.c_str(), ConfigError);
  }
  CHECK_NOTHROW(trial.run(2));
}

TEST_CASE("of the classes that are used alone something is learned, and the others have no label and no gradient") {
  Trial<Classifier> trial;
  trial.model->classes_used = 3, trial.model->smoothing = 0.1;
  CHECK(number(trial.run(16).loss) == doctest::Approx(std::log(3)).epsilon(1e-3));
  const auto* const weight = static_cast<const float*>(trial.model->head.weight.gradient);
  const auto* const bias = static_cast<const float*>(trial.model->head.bias.gradient);
  for (int k = 0; k < 10; ++k) CHECK((bias[k] != 0) == (k < 3));
  CHECK(std::all_of(weight + 3 * 24, weight + 10 * 24, [](float w) { return w == 0; }));
  trial.labels[1] = 3;
  CHECK_THROWS_WITH_AS(trial.run(4), doctest::Contains("expected labels in 0 .. 2, found 3"), ConfigError);
}

TEST_CASE("logits of a tensor are those of training, and a batch of one is a row of a larger batch") {
  Trial<Classifier, double> trial;
  spread_weights(trial.model, 0.2, 3);
  const auto images = noise<Classifier::images_shape, double>(trial.inputs, 5, 9);
  trial.tape.reset();
  const auto trained = trial.model->logits(trial.tape.input(images));
  const auto evaluated = trial.model->logits(images);
  CHECK(std::equal(evaluated.data(), evaluated.data() + 50, trained.data()));
  for (int b = 0; b < 5; ++b) {
    using One = Classifier::images_shape;
    const auto alone = trial.model->logits(Tensor<One, Cpu, double>{images.at + b * One::inner, images.arena, One(1)});
    for (int k = 0; k < 10; ++k) CHECK(alone.data()[k] == doctest::Approx(evaluated.data()[b * 10 + k]).epsilon(1e-12));
  }
}

TEST_CASE("pooling the class token ignores what the patches became, pooling patches ignores the class token") {
  Cpu cpu(1);
  Arena<Cpu> arena{cpu};
  const auto features = noise<Shape<dyn, 17, 24>, double>(arena, 3, 9);
  const auto token = pool_class_token<ViT<small>>(features);
  const auto mean = pool_patches<ViT<small>>(features);
  for (int b = 0; b < 3; ++b)
    for (int i = 0; i < 24; ++i) {
      double sum = 0;
      for (int n = 1; n < 17; ++n) sum += features.at[(b * 17 + n) * 24 + i];
      CHECK(mean.at[b * 24 + i] == doctest::Approx(sum / 16).epsilon(1e-12));
      CHECK(token.at[b * 24 + i] == features.at[b * 17 * 24 + i]);
    }
}

TEST_CASE("training on one batch learns its labels") {
  Trial<Classifier> trial;
  const auto images = noise<Classifier::images_shape, float>(trial.inputs, 6, 9);
  for (int step = 0; step < 60; ++step) {
    trial.run_on(images);
    for (std::int64_t i = 0; i < trial.model.trained(); ++i) trial.model.values()[i] -= 0.2f * trial.model.gradients()[i];
  }
  CHECK(number(trial.run_on(images).loss) < 0.1);
}

TEST_SUITE_END();
