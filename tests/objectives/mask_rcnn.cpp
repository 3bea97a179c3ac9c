// Mask R-CNN against PyTorch and torchvision (tests/fixtures/mask_rcnn), its laws, what it refuses, and what it costs.
#include "vitrail/objectives/mask_rcnn.hpp"

#include "support/detection.hpp"
#include "support/reference.hpp"
#include "support/refusal.hpp"
#include "vitrail/objectives/cost.hpp"
#include "vitrail/train/adamw.hpp"

using namespace vitrail;
using detection::Detector;

namespace {

template <class T> struct Case {
  Fixture fixture{"mask_rcnn"};
  Trial<Detector, T> trial{};
  Tensor<Detector::images_shape, Cpu, T> images = load_tensor<Detector::images_shape, T>(trial.inputs, fixture, "images");
  detection::ObjectsOfBatch objects{};

  Case() {
    load_parameters(trial.model, fixture);
    for (const char* image : {"truth0.", "truth1."}) {
      const auto boxes = fixture.load<float>(std::string(image) + "boxes").values;
      const auto masks = fixture.load<double>(std::string(image) + "masks").values;
      objects.emplace_back();
      for (const int label : fixture.load<int>(std::string(image) + "labels").values) {
        const std::size_t i = objects.back().size();
        const Box box{boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]};
        objects.back().push_back(detection::object(
            label, box, [&](int x, int y) { return masks[1024 * i + static_cast<std::size_t>(32 * y + x)] > 0; }));
      }
    }
  }
  auto run() {
    trial.sampler.begin(Random(1));
    return trial.run_on(images, detection::draw(trial.model, trial.sampler, objects), 0);
  }
};

double total(const auto& result) {
  return number(result.anchor_class) + number(result.anchor_box) + number(result.box_class) + number(result.box) + number(result.mask);
}

}  // namespace

TEST_SUITE_BEGIN("objectives");

TEST_CASE_TEMPLATE("Mask R-CNN gives PyTorch's losses and gradients, with the same anchors and regions", T, double, float) {
  constexpr bool in_double = sizeof(T) == 8;
  Case<T> c;
  const auto result = c.run();
  const auto near = [&](const char* name) { return doctest::Approx(c.fixture.scalar(name)).epsilon(in_double ? 1e-10 : 2e-4); };
  CHECK(number(result.anchor_class) == near("part.anchor_class"));
  CHECK(number(result.anchor_box) == near("part.anchor_box"));
  CHECK(number(result.box_class) == near("part.box_class"));
  CHECK(number(result.box) == near("part.box"));
  CHECK(number(result.mask) == near("part.mask"));
  CHECK(number(result.loss) == near("loss"));
  CHECK(total(result) == doctest::Approx(number(result.loss)).epsilon(1e-6));
  each_named(c.trial.model, [&](const std::string& name, std::span<T>, std::span<T> gradients) {
    if (gradients.empty()) return;
    CAPTURE(name);
    const auto wanted = c.fixture.load("grad." + name).values;
    if (name == "neck.up0.bias") {  // the normalisation behind it takes it away: nothing but rounding
      const auto all = c.fixture.load("grad.neck.up0.weight").values;
      const double scale = std::abs(*std::max_element(all.begin(), all.end()));
      for (const T g : gradients) CHECK(std::abs(static_cast<double>(g)) < (in_double ? 1e-12 : 1e-4) * scale);
      return;
    }
    // In float a proposal may end elsewhere by its last bit, and with it everything that is cut from there.
    CHECK(relative_error(gradients.data(), wanted) < (in_double ? 1e-8 : 2e-3));
  });
}
TEST_CASE("Mask R-CNN's pyramid has PyTorch's levels") {
  Case<double> c;
  Tape<Cpu> tape{c.trial.device};
  const auto levels = c.trial.model->neck(c.trial.model->encoder, tape.input(c.images));
  CHECK(relative_error(levels.l0.data(), c.fixture.load("level0").values) < 1e-10);
  CHECK(relative_error(levels.l1.data(), c.fixture.load("level1").values) < 1e-10);
  CHECK(relative_error(levels.l2.data(), c.fixture.load("level2").values) < 1e-10);
  CHECK(relative_error(levels.l3.data(), c.fixture.load("level3").values) < 1e-10);
  CHECK(relative_error(levels.l4.data(), c.fixture.load("level4").values) < 1e-10);
}
TEST_CASE("Mask R-CNN's regions are PyTorch's, and those without an object have none") {
  Case<double> c;
  Tape<Cpu> tape{c.trial.device};
  const auto draw = detection::draw(c.trial.model, c.trial.sampler, c.objects);
  CHECK(tape.draw_key() != 0);  // the anchors'
  const auto levels = c.trial.model->neck(c.trial.model->encoder, tape.input(c.images));
  const auto proposed = c.trial.model->proposed(levels, detection::config.per_level);
  const auto regions = sample_regions<16, 3>(levels.l0, proposed, draw);
  CHECK(relative_error(regions.boxes.data(), c.fixture.load("regions").values) < 1e-9);
  const std::vector<int> held = c.fixture.load<int>("held").values;
  for (std::size_t i = 0; i < held.size(); ++i) {
    CAPTURE(i);
    const int label = held[i] < 0 ? 3 : c.objects[i / 16][static_cast<std::size_t>(held[i])].label;
    CHECK(regions.label.at[i] == label);
    if (held[i] >= 0) CHECK(regions.object.at[i] == held[i]);
  }
}
TEST_CASE("Mask R-CNN learns a few objects by heart") {
  Case<float> c;
  AdamW optimizer{c.trial.model, {.clip_norm = 5}};
  const double before = number(c.run().loss);
  for (int step = 0; step < 60; ++step) c.run(), optimizer.step(3e-3);
  CHECK(number(c.run().loss) < 0.35 * before);
}
TEST_CASE("Mask R-CNN takes images without objects, and boxes learn nothing from them") {
  Case<double> c;
  c.objects = {{}, {}};
  const auto result = c.run();
  CHECK(number(result.anchor_class) > 0);
  CHECK(number(result.box_class) > 0);
  CHECK(number(result.anchor_box) == 0);
  CHECK(number(result.box) == 0);
  CHECK(number(result.mask) == 0);
  each_named(c.trial.model, [&](const std::string& name, auto, std::span<double> gradients) {
    CAPTURE(name);
    for (const double g : gradients) CHECK(std::isfinite(g));
  });
}
TEST_CASE("Mask R-CNN learns from the largest objects where there are more than its places") {
  Case<float> c;
  for (int i = 0; i < 9; ++i) {
    const float side = static_cast<float>(3 + 3 * i);
    c.objects[0].push_back(detection::full_object(i % 3, {1, 1, 1 + side, 1 + side}));
  }
  const auto draw = detection::draw(c.trial.model, c.trial.sampler, c.objects);
  const int* const corners = draw.corners.row(0);
  for (int i = 0; i + 1 < 4; ++i) {
    const auto area = [&](int k) { return (corners[4 * k + 2] - corners[4 * k]) * (corners[4 * k + 3] - corners[4 * k + 1]); };
    CHECK(area(i) >= area(i + 1));
  }
  CHECK(corners[2] == 64 * 28);  // the last one added is the largest, with 27 pixels a side
  CHECK(draw.label.row(1)[0] == 1);
  CHECK(draw.label.row(1)[1] == -1);
}
TEST_CASE("Mask R-CNN refuses what it cannot learn from, in words") {
  Case<float> c;
  const auto message = [&](const detection::ObjectsOfBatch& objects) {
    return refusal<Error>([&] { detection::draw(c.trial.model, c.trial.sampler, objects); });
  };
  CHECK(message({{detection::full_object(3, {1, 1, 9, 9})}}).find("expected objects of the classes 0 .. 2, found 3") != std::string::npos);
  ViewObject bare{1, {1, 1, 9, 9}, {}};
  CHECK(message({{bare}}).find("expected a mask of 32 words") != std::string::npos);
  CHECK(refusal<ConfigError>([&] { c.trial.model->draw(c.trial.sampler, 2, c.trial.labels.data()); }).find("give an ObjectSet") !=
        std::string::npos);
}
TEST_CASE("threads change no bit of Mask R-CNN") {
  const auto step = [](int threads) {
    Trial<Detector, float> trial(3, threads);
    const detection::ObjectsOfBatch objects = {{detection::full_object(0, {2, 3, 20, 15}), detection::full_object(2, {11, 9, 31, 30})}, {}};
    const auto images = noise<Detector::images_shape, float>(trial.inputs, 2, 4);
    trial.run_on(images, detection::draw(trial.model, trial.sampler, objects), 0);
    return checksum(trial.model.gradients(), trial.model.trained());
  };
  const std::uint64_t one = step(1);
  CHECK(step(2) == one);
  CHECK(step(3) == one);
}
TEST_CASE("what a step of Mask R-CNN costs is known to the byte") {
  constexpr Cost planned = cost<Detector>(2);
  static_assert(planned.peak_bytes > 0);
  Case<float> c;
  c.trial.tape.gradients().reserve(planned.gradient_bytes);
  c.run();
  CHECK(c.trial.tape.gradients().chunks() == 1);
  CHECK(planned.value_bytes == c.trial.tape.values().peak());
  CHECK(planned.gradient_bytes == c.trial.tape.gradients().peak());
  CHECK(planned.parameters == c.trial.model.trained());
}
TEST_CASE("the parameters beside the encoder are those of the paper's detector") {
  // Beyond the backbone, with 80 classes: 22.1 million for ViT-S and 27.8 for ViT-B.
  using Small = MaskRcnn<ViT<ViTConfig{.image = 224, .dim = 384, .depth = 1, .heads = 6}>>;
  using Base = MaskRcnn<ViT<ViTConfig{.image = 224, .dim = 768, .depth = 1, .heads = 12}>>;
  const auto beside = [](auto detector) {
    using D = decltype(detector);
    return static_cast<double>(count_parameters<D>() - count_parameters<typename D::encoder_type>()) / 1e6;
  };
  CHECK(beside(Small{}) == doctest::Approx(22.1).epsilon(0.01));
  CHECK(beside(Base{}) == doctest::Approx(27.8).epsilon(0.01));
}

TEST_SUITE_END();
