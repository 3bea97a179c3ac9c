// Ranks that train on one batch take the step that one process takes with all of it: threads stand for processes.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/backends/parallel.hpp>
#include <vitrail/backends/threads.hpp>
#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/objectives/supervised.hpp>
#include <vitrail/tokenizers/random_projection.hpp>
#include <vitrail/train/fit.hpp>

#include "support/teachers.hpp"

using namespace vitrail;

namespace {

using Ranked = Parallel<Cpu, Threads::Rank>;

// Noise, each image its own; or a set that cannot be read.
class Noise : public ImageSet {
 public:
  explicit Noise(bool broken = false) : broken_(broken) {}
  int size() const override { return 31; }
  Image image(int index, int) const override {
    if (broken_) throw FileError("noise " + std::to_string(index) + " cannot be read");
    Image image(12, 12, 3);
    Random random(static_cast<std::uint64_t>(index));
    for (auto& sample : image.pixels) sample = static_cast<std::uint8_t>(random.below(256));
    return image;
  }
  int label(int index) const override { return index % 3; }
  const std::vector<std::string>& classes() const override { return names_; }
  std::string name(int index) const override { return "noise " + std::to_string(index); }

 private:
  bool broken_;
  std::vector<std::string> names_{"a", "b", "c"};
};

constexpr ViTConfig micro{.image = 8, .patch = 2, .dim = 24, .depth = 2, .heads = 3, .drop_path_percent = 30};
using Pretext = SplitMask<ViT<micro>, BlockSplit<micro.grid(), 50>, RandomProjection<micro, 16>>;
using BothBranches = SplitMask<ViT<micro>, BlockSplit<micro.grid(), 50>, RandomProjection<micro, 16>,
                               SplitMaskConfig{.both_branches = true, .unit_length = false}>;
using Classifier = Supervised<ViT<micro>, 3>;

template <class Objective> LoaderConfig views_of_batch(int batch) {
  LoaderConfig config{.batch = batch, .size = 8, .channels = Objective::encoder_type::config.channels};
  config.seed = 3;
  if constexpr (std::is_same_v<Objective, TinyDino>) config.views = dino_views({}, 8, 4, 3);
  if constexpr (std::is_same_v<Objective, TinyMoco>) config.views = moco_v3_views({});
  if constexpr (std::is_same_v<Objective, Classifier>) config.mix = {.mixup = 0.8, .cutmix = 1};
  return config;
}

struct Trained {
  std::vector<double> weights, losses, norms;
  std::vector<std::vector<double>> terms;
};
struct Plan4 {
  std::vector<std::int64_t> legs{4};
  int batch = 12, accumulate = 1;
};
template <class Objective, class D> Trained train_on(D& device, const Plan4& plan) {
  const Noise images;
  Model<Objective, D, double> model{device, Random{1}};
  if constexpr (std::is_same_v<Objective, TinyDino>) model->frozen_steps = 1;
  // With the usual eps of 1e-8 AdamW makes steps of gradients that are zero but for rounding.
  AdamW optimizer{model, {.eps = 1e-4}};
  Trained out;
  for (const std::int64_t until : plan.legs) {
    LoaderConfig views = views_of_batch<Objective>(plan.batch);
    views.part = part_of(device);
    BatchLoader loader(images, views, optimizer.steps() * plan.accumulate);
    fit(model, optimizer, CosineSchedule{.peak = 1e-2, .warmup = 2, .steps = 9}, loader,
        {.steps = until, .accumulate = plan.accumulate, .seed = 5, .momentum_from = 0.9}, [&](const StepReport& r) {
          out.losses.push_back(r.loss), out.norms.push_back(r.gradient_norm), out.terms.emplace_back();
          for (const auto& term : r.terms) out.terms.back().push_back(term.second);
        });
  }
  out.weights.assign(model.values(), model.values() + model.size());
  return out;
}
template <class Objective> Trained train_alone(const Plan4& plan) {
  Cpu device(1);
  return train_on<Objective>(device, plan);
}
template <class Objective> std::vector<Trained> train_ranks(int ranks, const Plan4& plan) {
  std::vector<Trained> out(static_cast<std::size_t>(ranks));
  run_ranks(ranks, [&](Threads::Rank& rank) {
    Ranked device(rank, 1);
    out[static_cast<std::size_t>(rank.rank())] = train_on<Objective>(device, plan);
  });
  return out;
}
double distance(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]) / (1 + std::abs(b[i])));
  return largest;
}
bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

// What each rank has to say when f throws.
template <class F> std::vector<std::string> words_of(int ranks, F f) {
  std::vector<std::string> words(static_cast<std::size_t>(ranks));
  try {
    run_ranks(ranks, [&](Threads::Rank& rank) {
      try {
        f(rank);
      } catch (const Error& error) {
        words[static_cast<std::size_t>(rank.rank())] = error.what();
        throw;
      }
    });
  } catch (const Error&) {
  }
  return words;
}
bool says(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// fit() of a small model on every rank, which `change(rank, model, views, config)` may spoil.
template <class Change, class... Callbacks> void spoiled(Threads::Rank& rank, Change change, Callbacks... callbacks) {
  const Noise images(false), broken(true);
  Ranked device(rank, 1);
  Model<Pretext, Ranked, double> model{device, Random{1}};
  LoaderConfig views = views_of_batch<Pretext>(4);
  views.part = device.part();
  FitConfig config{.steps = 5};
  const bool reads = change(rank.rank(), model, views, config);
  AdamW optimizer{model};
  BatchLoader loader(reads ? images : broken, views);
  fit(model, optimizer, CosineSchedule{.peak = 1e-3, .steps = 9}, loader, config,
      [&](const StepReport& r) { callbacks(rank.rank(), *model, r); }...);
}

}  // namespace

TEST_SUITE("training on ranks") {
  TEST_CASE_TEMPLATE("two and three ranks take the steps of one process, and have the same weights to the last bit", Objective, Pretext,
                     BothBranches, TinyMoco, TinyDino, Classifier) {
    const Trained alone = train_alone<Objective>({});
    for (const int ranks : {2, 3}) {
      CAPTURE(ranks);
      const std::vector<Trained> all = train_ranks<Objective>(ranks, {});
      for (const Trained& one : all) CHECK(same_bits(one.weights, all[0].weights));
      CHECK(distance(all[0].weights, alone.weights) < 1e-11);
      CHECK(distance(all[0].losses, alone.losses) < 1e-11);
      CHECK(distance(all[0].norms, alone.norms) < 1e-11);
      for (std::size_t step = 0; step < alone.terms.size(); ++step)
        for (std::size_t i = 0; i < alone.terms[step].size(); ++i)
          // DINO's entropy and variance are means of each rank's own.
          if (!std::is_same_v<Objective, TinyDino> || i == 0)
            CHECK(all[0].terms[step][i] == doctest::Approx(alone.terms[step][i]).epsilon(1e-10));
      CHECK(all[0].losses == all[1].losses);
    }
  }
  TEST_CASE("batches accumulate and runs resume on ranks as they do alone") {
    const Plan4 legs{{1, 2, 4}, 6, 2}, whole{{4}, 6, 2};
    const std::vector<Trained> resumed = train_ranks<Pretext>(2, legs), once = train_ranks<Pretext>(2, whole);
    CHECK(same_bits(resumed[0].weights, once[0].weights));
    CHECK(distance(once[0].weights, train_alone<Pretext>(whole).weights) < 1e-11);
  }
  TEST_CASE("a rank that is alone trains to the bits of a device without ranks") {
    Alone only;
    Parallel<Cpu, Alone> device(only, 1);
    CHECK(same_bits(train_on<TinyMoco>(device, {}).weights, train_alone<TinyMoco>({}).weights));
  }

  TEST_CASE("a NaN on one rank stops all with the same error before weights change") {
    const auto words = words_of(3, [](Threads::Rank& rank) {
      spoiled(rank, [](int, auto&, LoaderConfig& views, FitConfig&) { return views.batch = 6, true; },
              [](int r, Pretext& objective, const StepReport& report) {
                if (r == 1 && report.step == 2) objective.match_weight = std::numeric_limits<double>::quiet_NaN();
              });
    });
    CHECK(says(words[0], "at step 3 the loss is"));
    CHECK(words[1] == words[0]);
    CHECK(words[2] == words[0]);
  }
  TEST_CASE("a rank that throws takes the others with it, and is named") {
    const auto good = [](int, auto&, LoaderConfig&, FitConfig&) { return true; };
    auto words = words_of(2, [&](Threads::Rank& rank) {
      spoiled(rank, good, [](int r, Pretext&, const StepReport& report) {
        if (r == 1 && report.step == 2) throw FileError("no room on the disk");
      });
    });
    CHECK(words[1] == "no room on the disk");
    CHECK(words[0] == "rank 0 cannot go on: rank 1 has left: no room on the disk");
    words = words_of(2, [](Threads::Rank& rank) {
      spoiled(rank, [](int r, auto&, LoaderConfig&, FitConfig&) { return r == 1; });
    });
    CHECK(says(words[0], "none of the 31 images can be read"));
    CHECK(says(words[1], "rank 0 has left: loader: none of the 31"));
    CHECK_THROWS_AS(run_ranks(2, [&](Threads::Rank& rank) { spoiled(rank, good, [](int r, Pretext&, const StepReport&) {
                      if (r == 0) throw FileError("mine");
                    }); }), FileError);
  }
  TEST_CASE("ranks that begin differently, or share what cannot be shared, are refused in words") {
    const auto refused = [](const char* why, auto change) {
      const auto words = words_of(2, [&](Threads::Rank& rank) { spoiled(rank, change); });
      CAPTURE(words[0]);
      CAPTURE(words[1]);
      CHECK((says(words[0], why) || says(words[1], why)));
      CHECK_FALSE(words[0].empty());
      CHECK_FALSE(words[1].empty());
    };
    refused("begin alike, found as checksum of the weights", [](int r, auto& model, LoaderConfig&, FitConfig&) {
      model.values()[0] += r;
      return true;
    });
    refused("begin alike, found as steps to take 5 on rank 0 and 6 on rank 1", [](int r, auto&, LoaderConfig&, FitConfig& config) {
      config.steps += r;
      return true;
    });
    refused("seed of the loader", [](int r, auto&, LoaderConfig& views, FitConfig&) { return views.seed += static_cast<unsigned>(r), true; });
    refused("a batch of 5 images cannot be shared evenly by 2 ranks",
            [](int, auto&, LoaderConfig& views, FitConfig&) { return views.batch = 5, true; });
    refused("set LoaderConfig::part to device.part()", [](int, auto&, LoaderConfig& views, FitConfig&) { return views.part = {}, true; });
    refused("a batch of 1 for each rank", [](int, auto&, LoaderConfig& views, FitConfig&) {
      return views.batch = 2, views.mix.mixup = 1, true;
    });
    refused("part = {}", [](int, auto&, LoaderConfig& views, FitConfig&) { return views.shuffle = false, true; });
    refused("found rank 2 of 2", [](int, auto&, LoaderConfig& views, FitConfig&) { return views.part.rank = 2, true; });
    // A device without ranks and a loader for one of two.
    const Noise images;
    Cpu device(1);
    Model<Pretext, Cpu> model{device, Random{1}};
    AdamW optimizer{model};
    LoaderConfig views = views_of_batch<Pretext>(4);
    views.part = {.rank = 1, .ranks = 2};
    BatchLoader loader(images, views);
    CHECK_THROWS_WITH_AS(fit(model, optimizer, CosineSchedule{}, loader, {.steps = 1}), doctest::Contains("device has no ranks"), ConfigError);
  }
  TEST_CASE("broadcast weights are those of the rank that is named") {
    run_ranks(3, [](Threads::Rank& rank) {
      Ranked device(rank, 1);
      Model<Linear<5, 7>, Ranked> model{device, Random{static_cast<std::uint64_t>(rank.rank())}};
      broadcast_weights(model, 2);
      Model<Linear<5, 7>, Ranked> second{device, Random{2}};
      if (std::memcmp(model.values(), second.values(), static_cast<std::size_t>(model.size()) * sizeof(float)) != 0)
        throw NumericError("other weights");
    });
  }
}

TEST_SUITE("loader") {
  TEST_CASE("the parts of all ranks are the whole batch, also where images are mixed or there are several views") {
    const Noise images;
    for (const int kind : {0, 1, 2}) {
      CAPTURE(kind);
      LoaderConfig config = kind == 1 ? views_of_batch<Classifier>(12) : kind == 2 ? views_of_batch<TinyDino>(12) : views_of_batch<Pretext>(12);
      BatchLoader whole(images, config, 1);
      std::vector<std::unique_ptr<BatchLoader>> parts;
      for (int r = 0; r < 3; ++r) {
        config.part = {.rank = r, .ranks = 3};
        parts.push_back(std::make_unique<BatchLoader>(images, config, 1));
      }
      for (int k = 0; k < 5; ++k) {  // beyond an epoch of 31 images
        const Batch& all = whole.next();
        int found = 0;
        for (const auto& loader : parts) {
          const Batch& own = loader->next();
          REQUIRE(own.size == 4);
          CHECK(own.share == all.share);
          for (int i = 0; i < own.size; ++i) {
            const std::size_t at = static_cast<std::size_t>(i), place = static_cast<std::size_t>(loader->config().part.place(i, 4));
            CHECK(own.indices[at] == all.indices[place]);
            CHECK(own.labels[at] == all.labels[place]);
            CHECK(own.others[at] == all.others[place]);
            const std::size_t values = kind == 2 ? 2 * 64 : 192;  // of the first size
            CHECK(std::equal(own.images.begin() + static_cast<std::ptrdiff_t>(at * values),
                             own.images.begin() + static_cast<std::ptrdiff_t>((at + 1) * values),
                             all.images.begin() + static_cast<std::ptrdiff_t>(place * values)));
            found += 1 << (2 * (static_cast<int>(place) % 12));
          }
        }
        CHECK(found == 0x555555);  // every place once
      }
    }
  }
}
