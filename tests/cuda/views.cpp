// Views that a device renders after plans of the loader: the kernel on the host against the loader's own code, and training with either.
#include <doctest/doctest.h>

#include "support/host_kernels.hpp"
#include "vitrail/backends/cpu.hpp"
#include "vitrail/masking/split.hpp"
#include "vitrail/objectives/dino.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/train/fit.hpp"

using namespace vitrail;

namespace {

// Noise in colour or grey, no two pictures of one size; one that cannot be read.
class Pictures : public ImageSet {
 public:
  explicit Pictures(int size, int broken = -1) : size_(size), broken_(broken) {}
  int size() const override { return size_; }
  Image image(int index, int) const override {
    if (index == broken_) throw FileError("picture " + std::to_string(index) + " cannot be read");
    Image image(11 + 7 * (index % 5), 13 + 5 * (index % 7), index % 3 == 0 ? 1 : 3);
    Random random(static_cast<std::uint64_t>(index));
    for (auto& pixel : image.pixels) pixel = static_cast<std::uint8_t>(random.below(256));
    return image;
  }
  int label(int index) const override { return index % 2; }
  const std::vector<std::string>& classes() const override { return names_; }
  std::string name(int index) const override { return "picture " + std::to_string(index); }

 private:
  int size_, broken_;
  std::vector<std::string> names_{"a", "b"};
};

// What the kernel makes of planned views, and what the loader's own code does.
template <class T>
void check_kernel(const AugmentConfig& config, int pictures, int size, int channels, double tolerance, Order order = {}) {
  const Pictures set(pictures);
  HostCuda device(HostCudaConfig{.order = order});
  std::vector<ViewPlan> plans;
  std::vector<std::uint8_t> bytes;
  std::vector<float> wanted;
  AugmentScratch scratch;
  const std::size_t values = static_cast<std::size_t>(channels * size * size);
  for (int i = 0; i < pictures; ++i) {
    const Image image = set.image(i, 0);
    Random random(static_cast<std::uint64_t>(100 + i));
    ViewPlan plan = plan_view(image, config, random, size, channels);
    wanted.resize(wanted.size() + values);
    render_view(plan, image.pixels.data(), channels, wanted.data() + wanted.size() - values, scratch);
    Random again(static_cast<std::uint64_t>(100 + i));
    std::vector<float> augmented(values);
    augment(image, config, again, size, channels, augmented.data(), scratch);
    REQUIRE(std::equal(augmented.begin(), augmented.end(), wanted.end() - static_cast<std::ptrdiff_t>(values)));  // to the last bit
    plan.at = static_cast<std::int64_t>(bytes.size());
    bytes.insert(bytes.end(), image.pixels.begin(), image.pixels.end());
    plans.push_back(plan);
  }
  std::vector<T> found(wanted.size(), T(static_cast<wide<T>>(77)));
  const op::RenderViews op{pictures, channels, size, detail::most_taps(plans.data(), plans.size())};
  kernel_forward(device, op, found.data(), static_cast<const ViewPlan*>(plans.data()), static_cast<const std::uint8_t*>(bytes.data()));
  double worst = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double difference = std::abs(double{static_cast<wide<T>>(found[i])} - double{wanted[i]});
    worst = std::isfinite(difference) ? std::max(worst, difference) : INFINITY;
  }
  CHECK(worst < tolerance);
}
// One transform and nothing else.
template <class F>
AugmentConfig only(F change) {
  AugmentConfig config;
  config.flip = 0;
  change(config);
  return config;
}

LoaderConfig views(Rendering rendering, bool several = false) {
  LoaderConfig config{
      .batch = 4, .size = 8, .channels = 3, .augment = augment_small_data(), .rendering = rendering};  // small enough for fibers
  if (several) config.views = dino_views(config.augment, 8, 4, 2);
  config.seed = 3, config.workers = 2;
  return config;
}

constexpr ViTConfig tiny{.image = 8, .patch = 4, .dim = 8, .depth = 1, .heads = 2, .mlp_ratio = 2};
using Pretext = SplitMask<ViT<tiny>, RandomSplit<4, 50>, RandomProjection<tiny, 12>, SplitMaskConfig{.decoder_depth = 1}>;
using Distilled = Dino<ViT<tiny>, DinoConfig{.local = 4, .locals = 2, .hidden = 8, .bottleneck = 4, .prototypes = 16}>;

// The losses of three steps of two batches, and all parameters after them.
template <class Objective, class D, class T>
std::vector<float> fitted(const LoaderConfig& config, auto device_config) {
  const Pictures set(11, 4);
  D device(device_config);
  Model<Objective, D, T> model(device, Random(1));
  AdamW optimizer(model);
  BatchLoader loader(set, config);
  std::vector<float> out;
  fit(model, optimizer, CosineSchedule{.peak = 1e-2, .warmup = 2, .steps = 3}, loader, {.steps = 3, .accumulate = 2},
      [&](const StepReport& report) { out.push_back(static_cast<float>(report.loss)); });
  device.synchronise();
  out.insert(out.end(), model.values(), model.values() + model.size());
  return out;
}
double apart(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(double{a[i]} - b[i]));
  return worst;
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("CUDA's kernel on the host renders each transform as the loader does, of grey and coloured pictures") {
  const auto all = [](const AugmentConfig& config) {
    check_kernel<float>(config, 4, 17, 3, 1e-5);
    check_kernel<float>(config, 4, 12, 1, 1e-5, {.reverse = true});
  };
  all(augment_none());
  all(only([](AugmentConfig& c) { c.flip = 1; }));
  all(only([](AugmentConfig& c) { c.filter = {Interpolation::lanczos}; }));
  all(only([](AugmentConfig& c) { c.jitter = 1, c.jitter_strength = {0.5, 0, 0, 0}; }));
  all(only([](AugmentConfig& c) { c.jitter = 1, c.jitter_strength = {0, 0.5, 0, 0}; }));
  all(only([](AugmentConfig& c) { c.jitter = 1, c.jitter_strength = {0, 0, 0.5, 0}; }));
  all(only([](AugmentConfig& c) { c.jitter = 1, c.jitter_strength = {0, 0, 0, 0.4}; }));
  all(only([](AugmentConfig& c) { c.grey = 1; }));
  all(only([](AugmentConfig& c) { c.blur = 1, c.sigma_size = 17; }));
  all(only([](AugmentConfig& c) { c.solarise = 1, c.solarise_threshold = 0.47; }));
}
TEST_CASE("CUDA's kernel on the host renders views with all transforms, more of them than blocks, also in bfloat16") {
  AugmentConfig config = augment_small_data();
  config.jitter = config.grey = config.blur = config.solarise = config.flip = 0.5, config.sigma_size = 8, config.solarise_threshold = 0.47;
  check_kernel<float>(config, 9, 40, 3, 2e-5, {.seed = 5});
  check_kernel<float>(config, 300, 3, 3, 2e-5);
  check_kernel<bfloat16>(config, 9, 16, 3, 0.02);
}
TEST_CASE("fit with views that the device renders has the bits of fit with the loader's, on the Cpu") {
  const auto trained = [](Rendering rendering) { return fitted<Pretext, Cpu, float>(views(rendering), 2); };
  CHECK(trained(Rendering::by_device) == trained(Rendering::by_loader));
  const auto distilled = [](Rendering rendering) { return fitted<Distilled, Cpu, float>(views(rendering, true), 2); };
  CHECK(distilled(Rendering::by_device) == distilled(Rendering::by_loader));
}
TEST_CASE("several views of each image, in batches of an epoch and a short last one, are rendered to their places") {
  for (const bool several : {true, false}) {
    const Pictures set(11, 4);
    LoaderConfig by_loader = views(Rendering::by_loader, several), by_device = views(Rendering::by_device, several);
    by_loader.shuffle = by_device.shuffle = several;
    BatchLoader loader(set, by_loader), planning(set, by_device);
    HostCuda device(HostCudaConfig{.late_copies = true});
    InputQueue<HostCuda, float> inputs(device, planning);
    double waited = 0;
    for (int i = 0; i < 3; ++i) {
      const Batch& wanted = loader.next();
      const Batch& found = inputs.next(waited);
      CHECK(found.size == wanted.size);
      CHECK(found.indices == wanted.indices);
      CHECK(found.labels == wanted.labels);
      CHECK(apart({inputs.images(), inputs.images() + wanted.images.size()}, wanted.images) < 2e-5);
      inputs.finished(i < 2, waited);
    }
  }
}
TEST_CASE("fit with views that CUDA's kernel renders learns the same, whether copies are early or late, and steps graphs or single calls") {
  const auto trained = [](Rendering rendering, HostCudaConfig config) {
    return fitted<Pretext, HostCuda, float>(views(rendering), config);
  };
  const std::vector<float> found = trained(Rendering::by_device, {});
  CHECK(apart(found, trained(Rendering::by_loader, {})) < 1e-3);
  CHECK(trained(Rendering::by_device, {.graphs = true, .late_copies = true}) == found);
  const auto narrow = [](Rendering rendering) { return fitted<Pretext, HostCuda, bfloat16>(views(rendering), HostCudaConfig{}); };
  CHECK(apart(narrow(Rendering::by_device), narrow(Rendering::by_loader)) < 0.05);
}
TEST_CASE("a device's views are a small part of a large picture: the box of a crop, and what the filter sees around a centre") {
  const Pictures set(11);
  BatchLoader loader(set, views(Rendering::by_device, true));
  const Batch& batch = loader.next();
  CHECK(batch.images.empty());
  REQUIRE(batch.plans.size() == 4 * 4);
  REQUIRE(batch.pictures.size() == 4);
  for (std::size_t i = 0; i < batch.pictures.size(); ++i) {
    const Image image = set.image(batch.indices[i], 0);
    CHECK(batch.pictures[i].size() <= 4 * image.pixels.size());
    CHECK(batch.pictures[i].size() > 0);
  }
}
TEST_CASE("views that no plan holds are refused in words") {
  const Pictures set(11);
  const auto refused = [&](const char* why, auto change) {
    LoaderConfig config = views(Rendering::by_device);
    change(config);
    CHECK_THROWS_WITH_AS(BatchLoader(set, config), doctest::Contains(why), ConfigError);
  };
  refused("found RandAugment; leave it away, or set Rendering::by_loader", [](LoaderConfig& c) { c.augment.rand.operations = 2; });
  refused("found random erasing", [](LoaderConfig& c) { c.augment.erase = 0.25; });
  refused("found a blur over 120 pixels, of at most 63",
          [](LoaderConfig& c) { c.augment.blur = 1, c.augment.sigma_max = 40, c.augment.sigma_size = 8; });
  refused("mixing needs views that the loader renders", [](LoaderConfig& c) { c.mix.mixup = 0.8; });
  refused("found random erasing", [](LoaderConfig& c) {
    c.views = dino_views(c.augment, 8, 4, 3);
    c.views.back().augment.erase = 0.25;
  });
}

TEST_SUITE_END();
