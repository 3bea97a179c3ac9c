// The loader, the schedule and the training loop: what a step sees depends on its number and the seed alone.
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/objectives/supervised.hpp>
#include <vitrail/tokenizers/random_projection.hpp>
#include <vitrail/train/fit.hpp>
#include <vitrail/train/patches.hpp>
#include <vitrail/train/subset.hpp>

using namespace vitrail;

namespace {

// Grey squares whose brightness says which image they are; some cannot be read.
class Squares : public ImageSet {
 public:
  explicit Squares(int size, int broken = -1) : size_(size), broken_(broken) {}
  int size() const override { return size_; }
  Image image(int index, int) const override {
    if (index == broken_ || broken_ == all) throw FileError("square " + std::to_string(index) + " cannot be read");
    Image image(12, 12, 3);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>((index * 37 + static_cast<int>(i)) % 256);
    return image;
  }
  int label(int index) const override { return index % 3; }
  const std::vector<std::string>& classes() const override { return names_; }
  std::string name(int index) const override { return "square " + std::to_string(index); }
  static constexpr int all = -2;

 private:
  int size_, broken_;
  std::vector<std::string> names_{"a", "b", "c"};
};

constexpr ViTConfig micro{.image = 8, .patch = 2, .dim = 24, .depth = 2, .heads = 3, .drop_path_percent = 20};
using Pretext = SplitMask<ViT<micro>, BlockSplit<micro.grid(), 50>, RandomProjection<micro, 16>>;

LoaderConfig small_views(int workers = 1) {
  LoaderConfig config{.batch = 6, .size = 8};
  config.workers = workers, config.seed = 3;
  return config;
}

struct Trained {
  std::vector<float> weights;
  std::vector<double> losses;
};
// Trains in legs: stops and begins anew with what the model and the optimiser hold.
Trained train(const std::vector<std::int64_t>& legs, int threads, int workers, int accumulate = 1) {
  const Squares squares(20);
  Cpu device(threads);
  Model<Pretext, Cpu> model{device, Random{1}};
  AdamW optimizer{model};
  Trained out;
  for (const std::int64_t until : legs) {
    BatchLoader loader(squares, small_views(workers), optimizer.steps() * accumulate);
    fit(model, optimizer, CosineSchedule{.peak = 1e-3, .warmup = 2, .steps = 9}, loader, {.steps = until, .accumulate = accumulate, .seed = 5},
        [&](const StepReport& r) { out.losses.push_back(r.loss); });
  }
  out.weights.assign(model.values(), model.values() + model.size());
  return out;
}
bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_SUITE("loader") {
  TEST_CASE("an epoch shows every image once, in another order than the next") {
    const Squares squares(18);
    BatchLoader loader(squares, small_views());
    std::vector<int> first, second;
    for (int i = 0; i < 6; ++i) {
      const Batch& batch = loader.next();
      for (int index : batch.indices) (i < 3 ? first : second).push_back(index);
    }
    CHECK(first != second);
    std::sort(first.begin(), first.end());
    std::sort(second.begin(), second.end());
    CHECK(first == second);
    CHECK(std::unique(first.begin(), first.end()) == first.end());
  }

  TEST_CASE("without shuffling the set passes once, in order, with a shorter last batch") {
    const Squares squares(20);
    LoaderConfig config = small_views(2);
    config.shuffle = false, config.augment = augment_none();
    BatchLoader loader(squares, config);
    std::vector<int> seen;
    for (int size : {6, 6, 6, 2, 0, 0}) {
      const Batch& batch = loader.next();
      CHECK(batch.size == size);
      if (size > 0) seen.insert(seen.end(), batch.indices.begin(), batch.indices.end());
    }
    REQUIRE(seen.size() == 20);
    for (int i = 0; i < 20; ++i) CHECK(seen[static_cast<std::size_t>(i)] == i);
  }

  TEST_CASE("an unreadable image is replaced, counted and named; if none can be read the reason is thrown") {
    const Squares squares(12, 7);
    BatchLoader loader(squares, small_views());
    for (int i = 0; i < 4; ++i)
      for (int index : loader.next().indices) CHECK(index != 7);
    CHECK(loader.unreadable() == 1);
    CHECK(loader.first_unreadable() == "square 7 cannot be read");
    const Squares none(12, Squares::all);
    BatchLoader hopeless(none, small_views());
    CHECK_THROWS_AS(hopeless.next(), FileError);
  }

  TEST_CASE("an empty set and a batch of nothing are refused") {
    const Squares empty(0), some(3);
    CHECK_THROWS_AS(BatchLoader(empty, small_views()), ConfigError);
    LoaderConfig config = small_views();
    config.batch = 0;
    CHECK_THROWS_AS(BatchLoader(some, config), ConfigError);
  }

  TEST_CASE("a balanced order takes the classes in turn") {
    const Squares squares(20);
    const std::vector<int> order = balanced_order(squares, Random{1});
    REQUIRE(order.size() == 20);
    int count[3] = {};
    for (std::size_t i = 0; i < 9; ++i) ++count[squares.label(order[i])];
    CHECK(count[0] == 3);
    CHECK(count[1] == 3);
    CHECK(count[2] == 3);
  }
}

TEST_SUITE("training with threads") {
  TEST_CASE("batch k is the same whoever makes it and wherever the loader began") {
    const Squares squares(20);
    BatchLoader one(squares, small_views(1)), three(squares, small_views(3)), late(squares, small_views(2), 4);
    for (int k = 0; k < 8; ++k) {
      const Batch& a = one.next();
      const Batch& b = three.next();
      CHECK(a.images == b.images);
      CHECK(a.labels == b.labels);
      if (k >= 4) CHECK(a.images == late.next().images);
    }
  }

  TEST_CASE("the same seed gives the same bits with 1 and 2 threads, any number of workers") {
    const Trained one = train({6}, 1, 1), two = train({6}, 2, 2), three = train({6}, 3, 1);
    CHECK(same_bits(one.weights, two.weights));
    CHECK(same_bits(one.weights, three.weights));
    CHECK(one.losses == two.losses);
  }
}

TEST_SUITE("schedule") {
  TEST_CASE("the rate warms up linearly, peaks, and falls along half a cosine to its minimum") {
    const CosineSchedule rate{.peak = 1, .minimum = 0.1, .warmup = 10, .steps = 110};
    CHECK(rate(0) == doctest::Approx(0.1));
    CHECK(rate(4) == doctest::Approx(0.5));
    CHECK(rate(9) == doctest::Approx(1));
    CHECK(rate(10) == doctest::Approx(1));
    CHECK(rate(60) == doctest::Approx(0.55));
    CHECK(rate(110) == doctest::Approx(0.1));
    for (int step = 10; step < 109; ++step) CHECK(rate(step + 1) < rate(step));
  }
}

TEST_SUITE("fit") {
  TEST_CASE("training in legs gives the bits of training at once") {
    CHECK(same_bits(train({9}, 2, 1).weights, train({1, 5, 9}, 2, 1).weights));
    CHECK(same_bits(train({5}, 2, 1, 2).weights, train({2, 5}, 2, 1, 2).weights));
  }
  TEST_CASE("the loss falls on images that can be learned") {
    const Squares squares(6);
    Cpu device(2);
    Model<Pretext, Cpu> model{device, Random{1}};
    AdamW optimizer{model};
    LoaderConfig views = small_views();
    views.augment = augment_none();
    BatchLoader loader(squares, views);
    double first = 0, last = 0;
    fit(model, optimizer, CosineSchedule{.peak = 3e-3, .warmup = 5, .steps = 120}, loader, {.steps = 120}, [&](const StepReport& r) {
      if (r.step == 1) first = r.loss;
      last = r.loss;
      CHECK(r.terms.size() == 3);
      CHECK(r.loss == doctest::Approx(r.terms[0].second + r.terms[1].second).epsilon(1e-5));
    });
    CHECK(last < 0.8 * first);
  }
  TEST_CASE("accumulated batches give the gradient of their mean") {
    const Squares squares(12);
    Cpu device(2);
    using Classifier = Supervised<ViT<ViTConfig{.image = 8, .patch = 2, .dim = 24, .depth = 1, .heads = 3}>, 3>;
    LoaderConfig views = small_views();
    views.augment = augment_none(), views.shuffle = true;
    double norm[2];
    for (int accumulate : {1, 2}) {
      Model<Classifier, Cpu> model{device, Random{1}};
      AdamW optimizer{model};
      views.batch = 12 / accumulate;
      BatchLoader loader(squares, views);
      fit(model, optimizer, CosineSchedule{.peak = 1e-3, .steps = 1}, loader, {.steps = 1, .accumulate = accumulate},
          [&](const StepReport& r) { norm[accumulate - 1] = r.gradient_norm; });
    }
    CHECK(norm[0] == doctest::Approx(norm[1]).epsilon(1e-4));
  }
  TEST_CASE("a loss that is no number stops training, names the step and leaves the model alone") {
    const Squares squares(12);
    Cpu device(1);
    Model<Pretext, Cpu> model{device, Random{1}};
    AdamW optimizer{model};
    BatchLoader loader(squares, small_views());
    std::vector<float> before;
    const auto sabotage = [&](const StepReport& r) {
      if (r.step != 3) return;
      model->match_weight = std::numeric_limits<double>::quiet_NaN();
      before.assign(model.values(), model.values() + model.size());
    };
    bool thrown = false;
    try {
      fit(model, optimizer, CosineSchedule{.peak = 1e-3, .steps = 9}, loader, {.steps = 9}, sabotage);
    } catch (const NumericError& error) {
      thrown = true;
      CHECK(std::string(error.what()).find("step 4") != std::string::npos);
    }
    CHECK(thrown);
    CHECK(optimizer.steps() == 3);
    CHECK(same_bits(before, std::vector<float>(model.values(), model.values() + model.size())));
  }
  TEST_CASE("labels out of range are refused in words") {
    const Squares squares(12);
    Cpu device(1);
    Model<Supervised<ViT<micro>, 2>, Cpu> model{device, Random{1}};
    AdamW optimizer{model};
    BatchLoader loader(squares, small_views());
    CHECK_THROWS_WITH_AS(fit(model, optimizer, CosineSchedule{}, loader, {.steps = 3}), doctest::Contains("labels in 0 .. 1"), ConfigError);
  }
  TEST_CASE("every(n) calls at multiples of n and at the end") {
    std::vector<std::int64_t> seen;
    auto callback = every(4, [&](const StepReport& r) { seen.push_back(r.step); });
    for (std::int64_t step = 1; step <= 10; ++step) {
      StepReport report;
      report.step = step, report.steps = 10;
      callback(report);
    }
    CHECK(seen == std::vector<std::int64_t>{4, 8, 10});
  }
  TEST_CASE("sampled patches are patches of views, as the tokenizer cuts them") {
    const Squares squares(12);
    const TokenizerConfig config = decltype(Pretext{}.tokenizer)::config;
    const std::vector<float> rows = sample_patches(squares, config, small_views(), 100, Random{1});
    CHECK(rows.size() == 100u * static_cast<std::size_t>(config.values()));
    CHECK(std::all_of(rows.begin(), rows.end(), [](float v) { return std::isfinite(v) && std::abs(v) < 4; }));
  }
}
