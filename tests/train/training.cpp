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
  explicit Squares(int size, int broken = -1, int unlabelled = -1) : size_(size), broken_(broken), unlabelled_(unlabelled) {}
  int size() const override { return size_; }
  Image image(int index, int) const override {
    if (index == broken_ || broken_ == all) throw FileError("square " + std::to_string(index) + " cannot be read");
    Image image(12, 12, 3);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>((index * 37 + static_cast<int>(i)) % 256);
    return image;
  }
  int label(int index) const override { return index == unlabelled_ ? -1 : index % 3; }
  const std::vector<std::string>& classes() const override { return names_; }
  std::string name(int index) const override { return "square " + std::to_string(index); }
  static constexpr int all = -2;

 private:
  int size_, broken_, unlabelled_;
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

  TEST_CASE("sets, batches and mixtures that cannot work are refused in words") {
    const Squares empty(0), some(8);
    const auto refused = [&](const char* why, auto change) {
      LoaderConfig config = small_views();
      change(config);
      CHECK_THROWS_WITH_AS(BatchLoader(some, config), doctest::Contains(why), ConfigError);
    };
    CHECK_THROWS_AS(BatchLoader(empty, small_views()), ConfigError);
    refused("at least 1", [](LoaderConfig& c) { c.batch = 0; });
    refused("a batch of 9 images needs a set of as many, found 8", [](LoaderConfig& c) { c.batch = 9; });
    refused("in pairs, found a batch of 5", [](LoaderConfig& c) { c.batch = 5, c.mix.mixup = 1; });
    refused("set shuffle = true", [](LoaderConfig& c) { c.mix.mixup = 1, c.shuffle = false; });
    refused("set shuffle = true", [](LoaderConfig& c) { c.repeats = 3, c.shuffle = false; });
    refused("repeats", [](LoaderConfig& c) { c.repeats = 0; });
    refused("crop_ratio must lie in 0 (exclusive) .. 1", [](LoaderConfig& c) { c.augment.crop_ratio = 1.5; });
  }

  TEST_CASE("repeated augmentation shows each image three times in a row, in different views, and a third of the images in an epoch") {
    const Squares squares(18);
    LoaderConfig config = small_views();
    config.repeats = 3;
    BatchLoader loader(squares, config);
    std::vector<int> seen;
    for (int i = 0; i < 3; ++i) {
      const Batch& batch = loader.next();
      for (std::size_t b = 0; b < 6; b += 3) {
        CHECK((batch.indices[b] == batch.indices[b + 1] && batch.indices[b] == batch.indices[b + 2]));
        const auto view = batch.images.begin() + static_cast<std::ptrdiff_t>(b * 192);
        CHECK_FALSE(std::equal(view, view + 192, view + 192));
        seen.push_back(batch.indices[b]);
      }
    }
    std::sort(seen.begin(), seen.end());
    CHECK(std::unique(seen.begin(), seen.end()) == seen.end());
  }

  TEST_CASE("a mixed batch says whose labels were mixed in, and is the plain one where nothing was") {
    const Squares squares(18);
    LoaderConfig config = small_views();
    BatchLoader plain(squares, config);
    config.mix.mixup = 0.8;
    BatchLoader mixed(squares, config);
    for (int k = 0; k < 5; ++k) {
      const Batch &a = plain.next(), &b = mixed.next();
      CHECK(a.share == 1);
      CHECK(a.others == a.labels);
      CHECK((b.share > 0 && b.share < 1));
      CHECK(b.labels == a.labels);
      CHECK(b.others == std::vector<int>(b.labels.rbegin(), b.labels.rend()));
      for (std::size_t i = 0; i < 192; ++i)
        CHECK(b.images[i] == doctest::Approx(b.share * static_cast<double>(a.images[i]) +
                                             (1 - b.share) * static_cast<double>(a.images[5 * 192 + i])).epsilon(1e-4));
    }
  }

  TEST_CASE("a subset names the index that its set does not have") {
    const auto squares = std::make_shared<Squares>(20);
    CHECK(Subset(squares, {0, 19}).label(1) == squares->label(19));
    CHECK_THROWS_WITH_AS(Subset(squares, {0, 20}), doctest::Contains("index 20 is not in 0 .. 19; take"), ShapeError);
    CHECK_THROWS_WITH_AS(Subset(squares, {3, 4}).label(4), doctest::Contains("image 4 is not in 0 .. 1; count"), ShapeError);
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
    CHECK(balanced_choice(squares, 9, Random{1}) == std::vector<int>(order.begin(), order.begin() + 9));
    CHECK(balanced_choice(squares, 30, Random{1}) == order);
  }
}

TEST_SUITE("training with threads") {
  TEST_CASE("batch k is the same whoever makes it and wherever the loader began") {
    const Squares squares(20);
    const auto views = [](int workers, bool all) {
      LoaderConfig config = small_views(workers);
      if (all) config.augment.rand.operations = 2, config.augment.erase = 0.5, config.mix = {.mixup = 0.8, .cutmix = 1}, config.repeats = 3;
      return config;
    };
    for (const bool all : {false, true}) {
      BatchLoader one(squares, views(1, all)), three(squares, views(3, all)), late(squares, views(2, all), 4);
      for (int k = 0; k < 8; ++k) {
        const Batch& a = one.next();
        const Batch& b = three.next();
        CHECK(a.images == b.images);
        CHECK(a.labels == b.labels);
        CHECK(a.share == b.share);
        if (k >= 4) CHECK(a.images == late.next().images);
      }
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
  TEST_CASE("a gradient is clipped by the norm of all, or of its own parameter") {
    for (const Clipping clipping : {Clipping::together, Clipping::each}) {
      Cpu device(1);
      Model<Linear<3, 2>, Cpu> model{device, Random{1}};
      AdamW optimizer{model, {.clip_norm = 1, .clipping = clipping}};
      float *weight = static_cast<float*>(model->weight.gradient), *bias = static_cast<float*>(model->bias.gradient);
      std::fill_n(weight, 6, 10.0f), std::fill_n(bias, 2, 0.1f);
      optimizer.step(1e-3);
      const double all = std::sqrt(6 * 100 + 2 * 0.01), own = std::sqrt(6 * 100.0);  // the bias's own norm is below 1
      const auto mean = [&](const float* gradient) { return optimizer.mean()[gradient - model.gradients()]; };
      CHECK(mean(weight) == doctest::Approx(0.1 * 10 / (clipping == Clipping::each ? own : all)).epsilon(1e-5));
      CHECK(mean(bias) == doctest::Approx(0.1 * 0.1 / (clipping == Clipping::each ? 1 : all)).epsilon(1e-5));
    }
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
  TEST_CASE("labels and images that the model cannot take are refused in words, before the first step") {
    const Squares squares(12), unlabelled(12, -1, 4);
    Cpu device(1);
    const auto refused = [&](auto& model, const ImageSet& set, const LoaderConfig& views, const char* why) {
      AdamW optimizer{model};
      BatchLoader loader(set, views);
      CHECK_THROWS_WITH_AS(fit(model, optimizer, CosineSchedule{}, loader, {.steps = 3}), doctest::Contains(why), ConfigError);
      CHECK(optimizer.steps() == 0);
    };
    Model<Supervised<ViT<micro>, 2>, Cpu> two{device, Random{1}};
    Model<Supervised<ViT<micro>, 3>, Cpu> three{device, Random{1}};
    refused(two, squares, small_views(), "labels in 0 .. 1, found 2 at square 2");
    refused(three, unlabelled, small_views(), "a label for every image, found none for square 4");
    LoaderConfig large = small_views();
    large.size = 16;
    refused(three, squares, large, "the model sees 8 pixels and 3 channels, the loader gives 16 and 3");
  }
  TEST_CASE("a run that cannot be what was meant is refused before it changes anything") {
    const Squares squares(12);
    Cpu device(1);
    Model<Supervised<ViT<micro>, 3>, Cpu> model{device, Random{1}};
    AdamW optimizer{model};
    const CosineSchedule rate{.peak = 1e-3, .steps = 4};
    const auto refused = [&](const auto& schedule, const FitConfig& config, std::int64_t first, const char* why) {
      const std::vector<float> before(model.values(), model.values() + model.size());
      BatchLoader loader(squares, small_views(), first);
      CHECK_THROWS_WITH_AS(fit(model, optimizer, schedule, loader, config), doctest::Contains(why), Error);
      CHECK(same_bits(before, std::vector<float>(model.values(), model.values() + model.size())));
    };
    refused(rate, {.steps = 2, .accumulate = 0}, 0, "accumulate must be at least 1");
    refused(rate, {.steps = -1}, 0, "at least the 0 that the optimiser has taken, found -1");
    refused(CosineSchedule{.peak = 1e-3}, {.steps = 2}, 0, "expected .steps of at least 1");
    refused([](std::int64_t) { return std::numeric_limits<double>::quiet_NaN(); }, {.steps = 2}, 0, "at step 1 the schedule's rate is nan");
    refused(rate, {.steps = 2}, 1, "goes on with batch 0, the loader with batch 1");
    BatchLoader loader(squares, small_views());
    CHECK(std::isfinite(fit(model, optimizer, rate, loader, {.steps = 2}).loss));
    const StepReport again = fit(model, optimizer, rate, loader, {.steps = 2});  // all of them were taken
    CHECK(again.step == 2);
    CHECK(std::isnan(again.loss));
    CHECK(optimizer.steps() == 2);
    refused(rate, {.steps = 1}, 2, "at least the 2 that the optimiser has taken, found 1");
    refused(rate, {.steps = 4}, 0, "goes on with batch 2, the loader with batch 0; make it as BatchLoader(set, config, optimizer.steps())");
    refused(rate, {.steps = 4, .accumulate = 3}, 2, "optimizer.steps() * 3)");
    CHECK(fit(model, optimizer, rate, loader, {.steps = 4}).step == 4);
  }
  TEST_CASE("what is frozen while a model lives stays as it is, and moves again when it is let go") {
    const Squares squares(12);
    Cpu device(1);
    Model<Supervised<ViT<micro>, 3>, Cpu> model{device, Random{1}};
    AdamW optimizer{model, {.weight_decay = 0.5}};
    BatchLoader loader(squares, small_views());
    const auto moved = [&](std::int64_t until, bool encoder_trained) {
      each_parameter(model->encoder, [&](const Path&, auto& p) { p.trained = encoder_trained; });
      const std::vector<float> before(model.values(), model.values() + model.size());
      fit(model, optimizer, CosineSchedule{.peak = 1e-2, .steps = 6}, loader, {.steps = until});
      std::pair<int, int> parameters{};  // of the encoder, and others, that have moved
      for (const ParameterEntry& p : model.parameters()) {
        const float* const now = static_cast<const float*>(*p.value);
        const bool same = std::equal(now, now + p.count, before.begin() + (now - model.values()));
        (p.name.starts_with("encoder.") ? parameters.first : parameters.second) += !same;
      }
      return parameters;
    };
    CHECK(moved(2, false).first == 0);
    const auto [encoder, others] = moved(4, true);
    CHECK(encoder > 20);
    CHECK(others == 4);
    CHECK(moved(6, false) == std::pair{0, 4});
  }
  TEST_CASE("a classifier learns mixed images with smoothed labels") {
    const Squares squares(6);
    Cpu device(2);
    Model<Supervised<ViT<micro>, 3>, Cpu> model{device, Random{1}};
    model->smoothing = 0.1;
    AdamW optimizer{model, {.layer_decay = 0.8}};
    LoaderConfig views = small_views();
    views.augment = augment_none(), views.mix = {.mixup = 0.8, .cutmix = 1}, views.mix.probability = 0.5;
    BatchLoader loader(squares, views);
    double first = 0, last = 0;
    fit(model, optimizer, CosineSchedule{.peak = 3e-3, .warmup = 5, .steps = 200}, loader, {.steps = 200}, [&](const StepReport& r) {
      if (r.step <= 20) first += r.loss / 20;
      if (r.step > 180) last += r.loss / 20;
    });
    MESSAGE("from " << first << " to " << last);
    CHECK(first > 1);
    CHECK(last < 0.8 * first);
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
