// Detection from end to end: objects follow their views, boxes are chosen, masks pasted, and a detector that has learned finds them.
#include "vitrail/eval/detect.hpp"

#include <doctest/doctest.h>

#include "sets.hpp"
#include "support/detection.hpp"
#include "support/host_kernels.hpp"
#include "support/refusal.hpp"
#include "vitrail/io/textured_shapes.hpp"
#include "vitrail/train/fit.hpp"
#include "vitrail/train/object_subset.hpp"

using namespace vitrail;

namespace {

// One or two bright rectangles on a dark ground: something that a tiny detector learns in seconds.
class Rectangles final : public ObjectSet {
 public:
  explicit Rectangles(int count, std::uint64_t seed, int width = 32, int height = 32) : count_(count), width_(width), height_(height), seed_(seed) {}
  int size() const override { return count_; }
  Image image(int index, int = 0) const override {
    Image out(width_, height_, 3, 40);
    for (const Object& o : objects(index).all)
      for (int y = static_cast<int>(o.box.top); y < static_cast<int>(o.box.bottom); ++y)
        for (int x = static_cast<int>(o.box.left); x < static_cast<int>(o.box.right); ++x)
          for (int c = 0; c < 3; ++c) out.at(x, y)[c] = static_cast<std::uint8_t>(c == o.label ? 240 : 60);
    return out;
  }
  int label(int) const override { return 0; }
  const std::vector<std::string>& classes() const override { return names_; }
  std::string name(int index) const override { return "rectangle #" + std::to_string(index); }
  Objects objects(int index) const override {
    Random random = Random(seed_).stream(static_cast<std::uint64_t>(index));
    Objects out{width_, height_, {}};
    const int count = 1 + random.below(2);
    for (int i = 0; i < count; ++i) {  // left and right half, so that they do not overlap
      const int half = width_ / 2, w = half / 2 + random.below(half / 2), h = height_ / 3 + random.below(height_ / 3);
      const int x = i * half + random.below(half - w + 1), y = random.below(height_ - h + 1);
      const float left = static_cast<float>(x), top = static_cast<float>(y);
      std::vector<std::uint8_t> mask(static_cast<std::size_t>(width_ * height_));
      for (int r = y; r < y + h; ++r)
        for (int c = x; c < x + w; ++c) mask[static_cast<std::size_t>(r * width_ + c)] = 1;
      out.all.push_back({.label = random.below(3), .box = {left, top, left + static_cast<float>(w), top + static_cast<float>(h)},
                         .mask = encode_mask(mask, width_, height_)});
    }
    return out;
  }

 private:
  int count_, width_, height_;
  std::uint64_t seed_;
  std::vector<std::string> names_ = {"red", "green", "blue"};
};


bool on(const ViewObject& object, int size, int x, int y) {
  const int at = y * size + x;
  return (object.mask[static_cast<std::size_t>(at / 32)] >> (at % 32) & 1u) != 0;
}

}  // namespace

TEST_SUITE_BEGIN("eval");

TEST_CASE("objects follow their view through stretching, cropping and flipping") {
  const Rectangles set(1, 5, 64, 48);
  const Objects objects = set.objects(0);
  const Image image = set.image(0);
  Random random(3);
  for (const bool flip : {false, true}) {
    AugmentConfig config = augment_whole();
    config.flip = flip;
    const auto seen = objects_in_view(objects, image.width, image.height, detail::plan_cut(image, config, random, 32, 3));
    REQUIRE(seen.size() == objects.all.size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const Box& before = objects.all[i].box;
      const Box& after = seen[i].box;
      CHECK(after.top == doctest::Approx(before.top * 32 / 48));
      CHECK(after.left == doctest::Approx(flip ? 32 - before.right / 2 : before.left / 2));
      CHECK(after.right == doctest::Approx(flip ? 32 - before.left / 2 : before.right / 2));
      int inside = 0, area = 0;
      for (int y = 0; y < 32; ++y)
        for (int x = 0; x < 32; ++x) {
          area += on(seen[i], 32, x, y);
          const float u = static_cast<float>(x) + 0.5f, v = static_cast<float>(y) + 0.5f;
          inside += u > after.left && u < after.right && v > after.top && v < after.bottom && on(seen[i], 32, x, y);
        }
      CHECK(inside == area);
      CHECK(area == doctest::Approx(static_cast<double>(after.area())).epsilon(0.2));
    }
  }
}
TEST_CASE("objects are where the loader's pictures show them, whatever is cut out") {
  const Rectangles set(40, 6);
  LoaderConfig config{.batch = 8, .size = 32, .objects = true, .workers = 2};
  config.augment.range = {.scale_min = 0.3, .scale_max = 1};
  BatchLoader loader(set, config);
  int pixels = 0, right = 0;
  for (int k = 0; k < 5; ++k) {
    const Batch& batch = loader.next();
    REQUIRE(batch.objects.size() == 8);
    for (std::size_t b = 0; b < 8; ++b)
      for (const ViewObject& object : batch.objects[b])
        for (int y = 0; y < 32; ++y)
          for (int x = 0; x < 32; ++x)
            if (on(object, 32, x, y)) {
              const float* const at = batch.images.data() + b * 3 * 1024 + y * 32 + x;
              const PixelStatistics s;
              const auto value = [&](int c) { return at[c * 1024] * s.deviation[c] + s.mean[c]; };
              const int brightest = value(0) > value(1) ? (value(0) > value(2) ? 0 : 2) : value(1) > value(2) ? 1 : 2;
              ++pixels, right += brightest == object.label;
            }
  }
  CHECK(pixels > 5000);
  CHECK(right > 0.97 * pixels);  // edges are mixed with the ground
}
TEST_CASE("a loader makes the same objects with any number of threads, and for pictures that a device renders") {
  const Rectangles set(40, 6);
  const auto first = [&](int workers, Rendering rendering) {
    BatchLoader loader(set, {.batch = 8, .size = 32, .objects = true, .workers = workers, .rendering = rendering});
    loader.next();
    std::vector<float> out;
    for (const auto& objects : loader.next().objects)
      for (const ViewObject& o : objects) out.insert(out.end(), {o.box.left, o.box.top, o.box.right, o.box.bottom});
    return out;
  };
  const auto one = first(1, Rendering::by_loader);
  CHECK(first(3, Rendering::by_loader) == one);
  CHECK(first(1, Rendering::by_device) == one);
}
TEST_CASE("objects that the view does not show, and crowds, are left out") {
  Objects objects{32, 32, {}};
  objects.all = {{.label = 0, .box = {0, 0, 8, 8}}, {.label = 1, .box = {20, 20, 30, 30}}, {.label = 2, .box = {18, 18, 30, 30}, .crowd = true}};
  ViewPlan plan{.across = ResampleAxis::stretch(16, 16, 32), .down = ResampleAxis::stretch(16, 16, 32)};
  const auto seen = objects_in_view(objects, 32, 32, plan);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].label == 1);
  CHECK(seen[0].box == Box{8, 8, 28, 28});
  CHECK(on(seen[0], 32, 8, 8));       // without a mask, the box is one
  CHECK(!on(seen[0], 32, 7, 8));
  CHECK(!on(seen[0], 32, 28, 27));
}
TEST_CASE("a loader refuses objects that nobody annotated, and transforms through which they are not followed") {
  const TexturedShapes shapes({.count = 10, .size = 32});
  const Subset plain(std::make_shared<TexturedShapes>(ShapesConfig{.count = 10, .size = 32}), {0, 1, 2, 3});
  const auto start = [](const ImageSet& set, LoaderConfig config) {
    return refusal<ConfigError>([&] { BatchLoader loader(set, config); });
  };
  LoaderConfig config{.batch = 2, .size = 32, .objects = true};
  CHECK(has(start(plain, config), "nobody annotated them"));
  config.mix.mixup = 0.8;
  CHECK(has(start(shapes, config), "followed through crops and flips"));
  config.mix = {}, config.augment.erase = 0.5;
  CHECK(has(start(shapes, config), "followed through crops and flips"));
}
TEST_CASE("a part of an annotated set has its objects") {
  const auto whole = std::make_shared<TexturedShapes>(ShapesConfig{.count = 10, .size = 32, .objects = 3});
  const ObjectSubset part(whole, {7, 2});
  CHECK(part.size() == 2);
  CHECK(part.objects(0).all.size() == whole->objects(7).all.size());
  CHECK(part.objects(1).all[0].mask == whole->objects(2).all[0].mask);
}
TEST_CASE("of boxes of one class that overlap, the best is kept; classes do not hide each other") {
  const double boxes[] = {0, 0, 20, 20, 1, 0, 21, 20, 10, 10, 30, 30, 0, 0, 0, 0};
  double scores[4 * 3] = {3, 2.5, 0, 2.9, 0, 0, -1, 0.5, 0, 9, 9, 9};
  const double deltas[4 * 8] = {};
  const auto found = detail::choose_boxes(boxes, scores, deltas, 4, 2, 32, 10, {});
  const auto count = [&](int label) { return std::count_if(found.begin(), found.end(), [&](const auto& f) { return f.label == label; }); };
  CHECK(found[0].label == 0);
  CHECK(found[0].box == Box{1, 0, 21, 20});  // 2.9 of 0 and 0 is a larger share than 3 beside 2.5
  CHECK(count(0) == 2);                      // the first box is hidden; the third, a little over the threshold, is not
  CHECK(count(1) >= 2);
  CHECK(std::is_sorted(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.score > b.score; }));
  CHECK(detail::choose_boxes(boxes, scores, deltas, 4, 2, 32, 1, {}).size() == 1);
}
TEST_CASE("a mask is pasted where its box is") {
  std::vector<double> scores(28 * 28, -5);
  for (int y = 0; y < 28; ++y)
    for (int x = 0; x < 14; ++x) scores[static_cast<std::size_t>(y * 28 + x)] = 5;
  const auto mask = decode_mask(detail::paste_mask(scores.data(), 28, Box{4, 6, 20, 14}, 32, 24));
  for (int y = 0; y < 24; ++y)
    for (int x = 0; x < 32; ++x) {
      CAPTURE(x);
      CAPTURE(y);
      CHECK(mask[static_cast<std::size_t>(y * 32 + x)] == (x >= 4 && x < 12 && y >= 6 && y < 14));
    }
  // A box that leaves the picture.
  CHECK(mask_box(detail::paste_mask(std::vector<double>(784, 5).data(), 28, Box{-8, -8, 8, 8}, 32, 24)).right <= 8);
}
TEST_CASE("a detector learns to find rectangles, their classes and their masks") {
  using Detector = MaskRcnn<ViT<ViTConfig{.image = 32, .patch = 8, .dim = 48, .depth = 3, .heads = 3}>,
                            DetectorConfig{.classes = 3, .objects = 4, .width = 16, .hidden = 32, .proposals = 40, .per_level = 60, .regions = 32, .detections = 10}>;
  Cpu device(1);
  Model<Detector, Cpu> model{device, Random(1)};
  AdamW optimizer{model, {.weight_decay = 0.01, .clip_norm = 10}};
  const Rectangles train(400, 1), validation(30, 2, 48, 40);
  LoaderConfig views{.batch = 8, .size = 32, .objects = true};
  views.augment.range = {.scale_min = 0.6, .scale_max = 1};
  BatchLoader loader(train, views);
  const DetectionReport before = measure_detector(model, validation);
  fit(model, optimizer, StepSchedule::of(2e-3, 20, 120), loader, {.steps = 120});
  const DetectionReport after = measure_detector(model, validation, {.batch = 7});
  MESSAGE("AP of boxes ", before.boxes.ap, " to ", after.boxes.ap, ", of masks ", after.masks.ap);
  CHECK(before.boxes.ap < 0.05);
  CHECK(after.boxes.ap50 > 0.5);
  CHECK(after.masks.ap50 > 0.5);
  // The size of a batch changes nothing but rounding.
  CHECK(measure_detector(model, validation, {.batch = 3}).boxes.ap == doctest::Approx(after.boxes.ap).epsilon(0.02));
  // The same weights on CUDA's kernels, run on the host with values in bfloat16: of five detectors, no AP of boxes or masks differed by more
  // than 0.019.
  HostCuda card;
  Model<Detector, HostCuda, bfloat16> rounded{card, Random(2)};
  std::copy_n(model.values(), model.size(), rounded.values());
  rounded.round_values();
  const Rectangles some(10, 3, 48, 40);
  const DetectionReport in_bfloat16 = measure_detector(rounded, some), in_float = measure_detector(model, some);
  MESSAGE("in bfloat16 AP of boxes ", in_bfloat16.boxes.ap, " for ", in_float.boxes.ap);
  CHECK(std::abs(in_bfloat16.boxes.ap - in_float.boxes.ap) < 0.05);
  CHECK(std::abs(in_bfloat16.masks.ap - in_float.masks.ap) < 0.05);
  detect(device, *model, validation, {.masks = false}, [&](int index, int width, int height, const std::vector<Detection>& found) {
    CHECK((width == 48 && height == 40));
    CHECK(found.size() <= 10);
    for (const Detection& d : found) {
      CHECK(d.mask.empty());
      CHECK((d.box.left >= 0 && d.box.right <= 48 && d.box.top >= 0 && d.box.bottom <= 40));
    }
    CHECK(index < 30);
  });
  // Before the first step.
  LoaderConfig without = views;
  without.objects = false;
  BatchLoader no_objects(train, without);
  CHECK(has(refusal<ConfigError>([&] { fit(model, optimizer, CosineSchedule{}, no_objects, {.steps = 200}); }), "set LoaderConfig::objects"));
  const TexturedShapes ten({.count = 10, .size = 32});
  BatchLoader too_many(ten, {.batch = 2, .size = 32, .objects = true});
  CHECK(has(refusal<ConfigError>([&] { fit(model, optimizer, CosineSchedule{}, too_many, {.steps = 200}); }), "objects of 10 classes"));
  AugmentConfig cropped = augment_none();
  CHECK(has(refusal<ConfigError>([&] { measure_detector(model, validation, {.augment = cropped}); }), "expected whole pictures"));
}
TEST_CASE("the rate of a detector's schedule warms up and falls twice") {
  const StepSchedule rate = StepSchedule::of(1e-3, 10, 360);
  CHECK(rate(0) == doctest::Approx(1e-6));
  CHECK(rate(5) == doctest::Approx(1e-3 * (0.001 + 0.999 * 0.5)));
  CHECK(rate(10) == doctest::Approx(1e-3));
  CHECK(rate(269) == doctest::Approx(1e-3));
  CHECK(rate(270) == doctest::Approx(1e-4));
  CHECK(rate(330) == doctest::Approx(1e-5));
}

TEST_SUITE_END();
