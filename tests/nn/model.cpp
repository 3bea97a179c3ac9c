// Model: parameters in three segments of one buffer, gradients of the trained ones in another, teachers that follow.
#include <doctest/doctest.h>

#include "support/models.hpp"
#include "vitrail/nn/ema.hpp"
#include "vitrail/nn/linear.hpp"
#include "vitrail/objectives/cost.hpp"
#include "vitrail/ops/reduce.hpp"
#include "vitrail/ops/squared_error.hpp"
#include "vitrail/vit/vit.hpp"

using namespace vitrail;

namespace {

constexpr ViTConfig small{.image = 8, .patch = 4, .channels = 1, .dim = 8, .depth = 1, .heads = 2, .mlp_ratio = 2};
using Encoder = ViT<small>;

// A student that comes close to a teacher, which follows it.
struct Distillation {
  using images_shape = Encoder::images_shape;
  Encoder student{};
  Ema<Encoder> teacher{};
  Linear<8, 8> head{};
  struct Draw {};
  void start() { teacher.follow(student, 0); }
  constexpr Draw draw(Sampler&, int) const { return {}; }
  constexpr auto operator()(const Tracked auto& images, const Draw&) const {
    return squared_error(head(student(images)), teacher(detach(images)));
  }
  constexpr void visit(auto&& f) { f("student", student), f("teacher", teacher), f("head", head); }
};

std::vector<float> below(Model<Distillation, Cpu>& model, const std::string& prefix) {
  std::vector<float> out;
  each_named(model, [&](const std::string& name, std::span<float> values, std::span<float>) {
    if (name.rfind(prefix, 0) == 0) out.insert(out.end(), values.begin(), values.end());
  });
  return out;
}

}  // namespace

TEST_SUITE_BEGIN("nn");

TEST_CASE("one buffer: decayed weights, then the other trained numbers, then what is frozen; without gaps") {
  Cpu cpu(1);
  Model<Distillation, Cpu> model{cpu, Random{1}};
  std::int64_t decayed = 0, trained = 0, all = 0;
  std::vector<int> owner(static_cast<std::size_t>(model.size()));
  each_parameter(*model, [&](const Path& path, auto& p, bool is_trained) {
    CAPTURE(path.text());
    using S = typename std::remove_reference_t<decltype(p)>::shape_type;
    const std::int64_t at = static_cast<float*>(p.value) - model.values();
    const bool decays = path.text().ends_with("weight") && path.text().find("norm") == std::string::npos;
    const std::int64_t begin = !is_trained ? model.trained() : decays ? 0 : model.decayed();
    const std::int64_t end = !is_trained ? model.size() : decays ? model.decayed() : model.trained();
    CHECK(is_trained == (path.text().rfind("teacher", 0) != 0));
    CHECK(at >= begin);
    CHECK(at + S::inner <= end);
    CHECK((p.gradient == nullptr) == !is_trained);
    if (is_trained) CHECK(static_cast<float*>(p.gradient) - model.gradients() == at);
    for (std::int64_t i = at; i < at + S::inner; ++i) ++owner[static_cast<std::size_t>(i)];
    decayed += is_trained && decays ? S::inner : 0, trained += is_trained ? S::inner : 0, all += S::inner;
  });
  CHECK(owner == std::vector<int>(owner.size(), 1));
  CHECK(decayed == model.decayed());
  CHECK(trained == model.trained());
  CHECK(all == model.size());
  CHECK(trained == count_parameters<Distillation>());
}

TEST_CASE("gradients add up until they are zeroed") {
  Trial<Distillation> trial;
  trial.run(3);
  const std::vector<float> once(trial.model.gradients(), trial.model.gradients() + trial.model.trained());
  trial.tape.reset();
  trial.inputs.reset();
  const auto loss = (*trial.model)(trial.tape.input(noise<Distillation::images_shape, float>(trial.inputs, 3, 1000)), Distillation::Draw{});
  trial.tape.backward(loss);
  for (std::size_t i = 0; i < once.size(); ++i) CHECK(trial.model.gradients()[i] == doctest::Approx(2 * once[i]).epsilon(1e-4).scale(1e-6));
  trial.model.zero_gradients();
  CHECK(std::all_of(trial.model.gradients(), trial.model.gradients() + trial.model.trained(), [](float g) { return g == 0; }));
}

TEST_CASE("the seed of backward scales all gradients") {
  Trial<Distillation, double> trial;
  const auto loss = trial.run(3);
  const std::vector<double> whole(trial.model.gradients(), trial.model.gradients() + trial.model.trained());
  trial.model.zero_gradients();
  trial.tape.backward(loss, 0.25);
  for (std::size_t i = 0; i < whole.size(); ++i) CHECK(trial.model.gradients()[i] == doctest::Approx(0.25 * whole[i]).epsilon(1e-12));
}

TEST_CASE("a teacher begins as a copy, follows slowly, and no step changes it") {
  Trial<Distillation> trial;
  auto& model = trial.model;
  CHECK(below(model, "teacher.target.") == below(model, "student."));
  const std::vector<float> old = below(model, "teacher.");
  trial.run(3);
  for (std::int64_t i = 0; i < model.trained(); ++i) model.values()[i] += 0.5f;
  CHECK(below(model, "teacher.") == old);

  model->teacher.follow(model->student, 0.9);
  const std::vector<float> now = below(model, "teacher."), student = below(model, "student.");
  for (std::size_t i = 0; i < now.size(); ++i) CHECK(now[i] == doctest::Approx(0.9f * old[i] + 0.1f * student[i]).epsilon(1e-5));
  model->teacher.follow(model->student, 1);
  CHECK(below(model, "teacher.") == now);
  model->teacher.follow(model->student, 0);
  CHECK(below(model, "teacher.") == student);
}

namespace {
struct Forgetful {  // visit() does not list `second`
  using images_shape = Shape<dyn, 8>;
  Linear<8, 8> first{};
  Linear<8, 4> second{};
  struct Draw {};
  constexpr Draw draw(Sampler&, int) const { return {}; }
  constexpr auto operator()(const Value auto& x, const Draw&) const { return mean(second(first(x))); }
  constexpr void visit(auto&& f) { f("first", first); }
};
}  // namespace

TEST_CASE("a parameter that no visit() lists, or of a module in no model, is refused in words") {
  Cpu cpu(1);
  Arena<Cpu> arena{cpu};
  const auto x = make_tensor<Shape<dyn, 8>, float>(arena, Shape<dyn, 8>(3));
  Model<Forgetful, Cpu> model{cpu, Random{1}};
  const auto refused = [](auto&& call) {
    try {
      call();
    } catch (const ShapeError& error) {
      const std::string text = error.what();  // the weight, or the bias: compilers begin at either end
      return text.starts_with("linear: a parameter (4") &&
             text.ends_with(") has no memory; list it in the visit() of its module, and use that module inside a Model");
    }
    return false;
  };
  CHECK(refused([&] { (*model)(x, Forgetful::Draw{}); }));
  CHECK(refused([&] { cost<Forgetful>(4); }));
  const Linear<8, 4> alone{};
  CHECK(refused([&] { alone(x); }));
}

TEST_CASE("a model of one scalar refuses values of another") {
  Cpu cpu(1);
  Model<Linear<4, 4>, Cpu, float> model{cpu, Random{1}};
  Arena<Cpu> arena{cpu};
  CHECK_THROWS_AS((*model)(noise<Shape<dyn, 4>, double>(arena, 2, 1)), ShapeError);
}

TEST_SUITE_END();
