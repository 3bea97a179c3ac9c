// ViT against PyTorch: the same weights give the same tokens and the same gradients (tests/fixtures/vit).
#include "support/reference.hpp"
#include "vitrail/ops/reduce.hpp"
#include "vitrail/vit/vit.hpp"

using namespace vitrail;

namespace {
using Encoder = ViT<ViTConfig{.image = 16, .patch = 4, .dim = 24, .depth = 2, .heads = 3}>;
using Tokens = Shape<dyn, 17, 24>;
template <class T>
constexpr double tolerance = std::is_same_v<T, double> ? 1e-12 : 2e-5;
}  // namespace

TEST_SUITE_BEGIN("vit");

TEST_CASE_TEMPLATE("ViT gives PyTorch's tokens and gradients", T, double, float) {
  const Fixture fixture{"vit"};
  Cpu cpu(1);
  Model<Encoder, Cpu, T> model{cpu, Random{1}};
  load_parameters(model, fixture);
  Arena<Cpu> arena{cpu};
  const auto images = load_tensor<Encoder::images_shape, T>(arena, fixture, "images");
  const auto weight = load_tensor<Tokens, T>(arena, fixture, "grad.tokens");

  Tape<Cpu> tape{cpu};
  const auto tokens = (*model)(tape.input(images));
  CHECK(relative_error(tokens.data(), fixture.load("tokens").values) < tolerance<T>);
  const auto loss = sum(tokens * weight);
  CHECK(number(loss) == doctest::Approx(fixture.scalar("loss")).epsilon(tolerance<T> * 10));
  tape.backward(loss);
  check_gradients(model, fixture, 5 * tolerance<T>);
}

TEST_CASE_TEMPLATE("evaluation gives the tokens of training, in less memory", T, double, float) {
  const Fixture fixture{"vit"};
  Cpu cpu(1);
  Model<Encoder, Cpu, T> model{cpu, Random{1}};
  load_parameters(model, fixture);
  Arena<Cpu> arena{cpu};
  const auto images = load_tensor<Encoder::images_shape, T>(arena, fixture, "images");
  const std::size_t before = arena.used();
  Tape<Cpu> tape{cpu};
  const auto trained = (*model)(tape.input(images));
  const auto evaluated = (*model)(images);
  static_assert(Untracked<std::remove_const_t<decltype(evaluated)>>);
  CHECK(std::memcmp(trained.data(), evaluated.data(), static_cast<std::size_t>(evaluated.shape.size()) * sizeof(T)) == 0);
  CHECK(arena.peak() - before < tape.values().peak());
}

TEST_SUITE_END();
