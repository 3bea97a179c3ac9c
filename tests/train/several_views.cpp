// Several views of each image, from the loader to an objective, and what watches over a teacher.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/objectives/dino.hpp>
#include <vitrail/train/watch_collapse.hpp>

using namespace vitrail;

namespace {

// Noise whose seed says which image it is.
class NoisySquares : public ImageSet {
 public:
  explicit NoisySquares(int size) : size_(size) {}
  int size() const override { return size_; }
  Image image(int index, int) const override {
    Image image(12, 12, 1);
    Random random(static_cast<std::uint64_t>(index));
    for (auto& pixel : image.pixels) pixel = static_cast<std::uint8_t>(random.below(256));
    return image;
  }
  int label(int) const override { return -1; }
  const std::vector<std::string>& classes() const override { return none_; }
  std::string name(int index) const override { return "square " + std::to_string(index); }

 private:
  int size_;
  std::vector<std::string> none_;
};

LoaderConfig several(int workers = 1) {
  LoaderConfig config{.batch = 4, .size = 8, .channels = 1};
  config.views = dino_views(config.augment, 8, 4, 3);
  config.workers = workers, config.seed = 3;
  return config;
}

constexpr ViTConfig tiny{.image = 8, .patch = 2, .channels = 1, .dim = 8, .depth = 1, .heads = 2, .mlp_ratio = 2};
using Distilled = Dino<ViT<tiny>, DinoConfig{.local = 4, .locals = 3, .hidden = 12, .bottleneck = 6, .prototypes = 10}>;

// All numbers of a model that is trained in legs, and the last weight decay.
struct Run {
  std::vector<float> values;
  double decay;
  std::vector<std::string> terms;
};
Run train(const std::vector<std::int64_t>& legs, int threads, int workers) {
  const NoisySquares squares(10);
  Cpu device(threads);
  Model<Distilled, Cpu> model{device, Random{1}};
  model->teacher_warmup = 4, model->frozen_steps = 2;
  AdamW optimizer{model};
  const FitConfig config{.steps = 0, .seed = 5, .weight_decay = CosineSchedule{.peak = 0.04, .minimum = 0.4, .steps = 6}};
  Run run;
  for (const std::int64_t until : legs) {
    BatchLoader loader(squares, several(workers), optimizer.steps());
    FitConfig leg = config;
    leg.steps = until, leg.momentum_from = leg.momentum_to = 0.9;
    fit(model, optimizer, CosineSchedule{.peak = 1e-3, .steps = 6}, loader, leg, [&](const StepReport& r) {
      run.terms.clear();
      for (const auto& term : r.terms) run.terms.push_back(term.first);
    });
  }
  run.values.assign(model.values(), model.values() + model.size());
  run.decay = optimizer.config().weight_decay;
  return run;
}
bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

StepReport reported(std::int64_t step, double variance) {
  StepReport report;
  report.step = step, report.terms = {{"global", 1}, {"teacher_variance", variance}};
  return report;
}

}  // namespace

TEST_SUITE("loader") {
  TEST_CASE("views come size by size, an image's own side by side, each with its recipe") {
    const NoisySquares squares(6);
    LoaderConfig config{.batch = 4, .size = 8, .channels = 1, .shuffle = false};
    AugmentConfig whole = augment_none(), negative = whole;
    whole.crop_ratio = negative.crop_ratio = 1;
    negative.solarise = 1, negative.solarise_threshold = 0;
    config.views = {{.augment = whole}, {.augment = negative}, {.size = 4, .augment = whole, .count = 2}};
    BatchLoader loader(squares, config);
    for (const int size : {4, 2}) {  // the last batch is shorter
      const Batch& batch = loader.next();
      REQUIRE(batch.size == size);
      REQUIRE(batch.images.size() == static_cast<std::size_t>(size) * (2 * 64 + 2 * 16));
      for (int i = 0; i < size; ++i) {
        std::vector<float> large(64), small(16);
        Random random(0);
        const Image image = squares.image(batch.indices[static_cast<std::size_t>(i)], 0);
        augment(image, whole, random, 8, 1, large.data());
        augment(image, whole, random, 4, 1, small.data());
        const float* const at = batch.images.data() + i * 2 * 64;
        const float* const at_small = batch.images.data() + size * 2 * 64 + i * 2 * 16;
        CHECK(std::equal(large.begin(), large.end(), at));
        CHECK_FALSE(std::equal(large.begin(), large.end(), at + 64));
        CHECK(std::equal(small.begin(), small.end(), at_small));
        CHECK(std::equal(small.begin(), small.end(), at_small + 16));
      }
    }
  }
  TEST_CASE("random views of one image differ") {
    const NoisySquares squares(6);
    BatchLoader loader(squares, several());
    const Batch& batch = loader.next();
    const float *large = batch.images.data(), *small = large + 4 * 2 * 64;
    CHECK_FALSE(std::equal(large, large + 64, large + 64));
    CHECK_FALSE(std::equal(small, small + 16, small + 16));
  }
  TEST_CASE("a single view is what it was before there were several") {
    const NoisySquares squares(6);
    LoaderConfig config{.batch = 4, .size = 8, .channels = 1, .seed = 3};
    BatchLoader loader(squares, config);
    const Batch& batch = loader.next();
    for (std::uint64_t i = 0; i < 4; ++i) {
      std::vector<float> view(64);
      Random random = Random(3).stream(2, i);
      augment(squares.image(batch.indices[i], 0), config.augment, random, 8, 1, view.data());
      CHECK(std::equal(view.begin(), view.end(), batch.images.data() + i * 64));
    }
  }
  TEST_CASE("views that make no sense are refused in words") {
    const NoisySquares squares(6);
    const auto refuse = [&](std::vector<ViewConfig> views, const char* words) {
      LoaderConfig config = several();
      config.views = std::move(views);
      CHECK_THROWS_WITH_AS(BatchLoader(squares, config), doctest::Contains(words), ConfigError);
    };
    refuse({{.size = 9}}, "one of 9 pixels is larger than the image of 8 pixels");
    refuse({{.size = -1}}, "choose 1 .. 8");
    refuse({{.count = 0}}, "at least once, found 0");
    refuse({{.size = 8}, {.size = 4}, {.size = 8}}, "views: those of 8 pixels must follow one another");
    ViewConfig wrong;
    wrong.augment.blur = 2;
    refuse({wrong}, "a probability must lie in 0 .. 1");
  }
}

TEST_SUITE("views with threads") {
  TEST_CASE("a batch of several views is the same whoever makes it and wherever the loader began") {
    const NoisySquares squares(10);
    BatchLoader one(squares, several(1)), three(squares, several(3)), late(squares, several(2), 2);
    for (int k = 0; k < 4; ++k) {
      const std::vector<float> images = one.next().images;
      CHECK(images == three.next().images);
      if (k >= 2) CHECK(images == late.next().images);
    }
  }
  TEST_CASE("DINO trains to the same bits with any number of threads, at once and in legs") {
    const Run one = train({6}, 1, 1);
    CHECK(same_bits(one.values, train({6}, 2, 3).values));
    CHECK(same_bits(one.values, train({1, 3, 6}, 2, 1).values));
    CHECK(one.terms == std::vector<std::string>{"global", "teacher_entropy", "teacher_variance"});
  }
}

TEST_SUITE("fit") {
  TEST_CASE("weight decay follows its schedule") {
    CHECK(train({6}, 1, 1).decay == CosineSchedule{.peak = 0.04, .minimum = 0.4, .steps = 6}(5));
  }
  TEST_CASE("a loader that makes other views than the objective takes is refused before training") {
    const NoisySquares squares(10);
    Cpu device(1);
    Model<Distilled, Cpu> model{device, Random{1}};
    AdamW optimizer{model};
    const auto refuse = [&](const LoaderConfig& config, const char* words) {
      BatchLoader loader(squares, config);
      CHECK_THROWS_WITH_AS(fit(model, optimizer, CosineSchedule{}, loader, {.steps = 3}), doctest::Contains(words), ConfigError);
    };
    LoaderConfig config = several();
    config.views.clear();
    refuse(config, "takes views of each image, 2 of 8 pixels, 3 of 4 pixels with 1 channels; the loader makes 1 of 8 pixels");
    config = several();
    config.channels = 3;
    refuse(config, "with 3; set the loader's size, channels and views");
    CHECK(optimizer.steps() == 0);
  }
  TEST_CASE("a collapse is told once, when it has lasted, and again after a recovery") {
    std::vector<std::string> told;
    auto watch = watch_collapse({.below = 0.1, .patience = 3, .from = 2}, [&](const std::string& sentence) { told.push_back(sentence); });
    std::int64_t step = 0;
    for (const double variance : {0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0}) watch(reported(++step, variance));
    CHECK(told.empty());
    for (int i = 0; i < 5; ++i) watch(reported(++step, 0.01));
    REQUIRE(told.size() == 1);
    CHECK(told[0].find("teacher_variance is 0.01 at step 8, below 0.1 for 3 steps") != std::string::npos);
    watch(reported(++step, 0.2));
    for (int i = 0; i < 3; ++i) watch(reported(++step, NAN));
    CHECK(told.size() == 2);
    auto wrong = watch_collapse({.term = "entropy"});
    CHECK_THROWS_WITH_AS(wrong(reported(1, 1)), doctest::Contains("no 'entropy'; it reports global, teacher_variance"), ConfigError);
  }
  TEST_CASE("a collapsed teacher stops training, a healthy one does not") {
    const NoisySquares squares(10);
    Cpu device(1);
    for (const bool collapsed : {false, true}) {
      Model<Distilled, Cpu> model{device, Random{1}};
      if (collapsed) {  // whatever the image, the class token is the same
        std::fill_n(weights<float>(model->encoder.transformer.norm.weight), 8, 0.0f);
        model->start();
      }
      AdamW optimizer{model};
      BatchLoader loader(squares, several());
      const auto run = [&] {
        fit(model, optimizer, [](std::int64_t) { return 0.0; }, loader, {.steps = 6}, watch_collapse({.below = 1e-9, .patience = 4}));
      };
      if (collapsed) CHECK_THROWS_WITH_AS(run(), doctest::Contains("collapse: teacher_variance is"), NumericError);
      else CHECK_NOTHROW(run());
      CHECK(optimizer.steps() == (collapsed ? 4 : 6));
    }
  }
}
