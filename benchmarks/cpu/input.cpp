// What feeding a training step costs, per image: reading JPEGs, the cache, augmentation to 96 pixels, the whole loader; and the
// step of vit_tiny_patch8_96 on one fixed batch and on loaded ones. VITRAIL_IMAGES names a folder of images; without it, textured
// shapes are written as JPEG files of 400 x 533 pixels. Read "CPU" as the work of all threads, per iteration: an image, a batch or a step.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <optional>

#include <jpeglib.h>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io.hpp>
#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/tokenizers/random_projection.hpp>
#include <vitrail/train/fit.hpp>
#include <vitrail/vit/presets.hpp>

using namespace vitrail;

namespace {

constexpr ViTConfig vit = vit_tiny_patch8_96;
constexpr int size = vit.image, side = 2 * size, batch = 64;
using Pretext = SplitMask<ViT<vit>, BlockSplit<vit.grid(), 50>, RandomProjection<vit, 2048>>;  // the preset of examples/

void write_jpeg(const std::filesystem::path& path, const Image& image, int width) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* data = nullptr;
  unsigned long length = 0;
  jpeg_mem_dest(&info, &data, &length);
  info.image_width = static_cast<JDIMENSION>(width), info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = image.channels, info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 85, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.at(0, static_cast<int>(info.next_scanline)));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  write_atomically(path, std::as_bytes(std::span(data, length)));
  std::free(data);
}

// The folder that VITRAIL_IMAGES names, or 128 files of our own that go with the program.
class Photos {
 public:
  Photos() {
    if (const char* given = std::getenv("VITRAIL_IMAGES")) {
      images = open_images(given).train;
      return;
    }
    made_ = std::filesystem::temp_directory_path() / ("vitrail-input-" + std::to_string(::getpid()));
    std::filesystem::create_directories(*made_);
    const TexturedShapes shapes({.count = 128, .size = 533, .seed = 1});
    for (int i = 0; i < shapes.size(); ++i) write_jpeg(*made_ / (std::to_string(1000 + i) + ".jpg"), shapes.image(i), 400);
    images = std::make_shared<ImageFolder>(*made_);
  }
  ~Photos() {
    std::error_code ignored;
    if (made_) std::filesystem::remove_all(*made_, ignored);
  }
  std::shared_ptr<const ImageSet> images;

 private:
  std::optional<std::filesystem::path> made_;
};

std::shared_ptr<const ImageSet> photos() {
  static const Photos all;
  return all.images;
}
// Those of them that the benchmarks go round, all of which are in the cache.
constexpr int kept = 128;
std::shared_ptr<const CachedImages> cached() {
  static const auto set = [] {
    const auto all = std::make_shared<const CachedImages>(photos(), side);
    for (int i = 0; i < all->size(); ++i) all->image(i, side);
    return all;
  }();
  return set;
}

void per_image(benchmark::State& state, int images) {
  using benchmark::Counter;
  state.counters["images/s"] = Counter(static_cast<double>(state.iterations() * images), Counter::kIsRate);
}

// As an epoch is that meets every image for the first time.
std::shared_ptr<const ImageSet> uncached() { return std::make_shared<CachedImages>(photos(), side, 0); }

// Calls use(i) for images 0, 1, ... round and round.
template <class Use> void each_image(benchmark::State& state, const ImageSet& set, const Use& use) {
  const int count = std::min(kept, set.size());
  int i = 0;
  for (auto _ : state) {
    use(i);
    i = i + 1 < count ? i + 1 : 0;
  }
  per_image(state, 1);
}

void decode(benchmark::State& state) {
  each_image(state, *photos(), [&](int i) { benchmark::DoNotOptimize(photos()->image(i, side).pixels.data()); });
}
void cold(benchmark::State& state) {
  const auto set = uncached();
  each_image(state, *set, [&](int i) { benchmark::DoNotOptimize(set->image(i, side).pixels.data()); });
}
void warm(benchmark::State& state) {
  const auto set = cached();
  each_image(state, *set, [&](int i) { benchmark::DoNotOptimize(set->image(i, side).pixels.data()); });
}
void render(benchmark::State& state) {
  const TexturedShapes shapes({.count = kept, .size = size});
  each_image(state, shapes, [&](int i) { benchmark::DoNotOptimize(shapes.image(i, side).pixels.data()); });
}

// Pre-training's crops keep at least 0.3 of the area, as the programs' --crop-min has it.
AugmentConfig views(bool strong) {
  AugmentConfig config = strong ? augment_small_data() : AugmentConfig{};
  config.range.scale_min = 0.3;
  return config;
}
void augmented(benchmark::State& state, bool strong) {
  std::vector<Image> images;
  for (int i = 0; i < std::min(kept, cached()->size()); ++i) images.push_back(cached()->image(i, side));
  std::vector<float> view(3 * size * size);
  AugmentScratch scratch;
  std::uint64_t sample = 0;
  each_image(state, *cached(), [&](int i) {
    Random random = Random{1}.stream(sample++);
    augment(images[static_cast<std::size_t>(i)], views(strong), random, size, 3, view.data(), scratch);
    benchmark::DoNotOptimize(view.data());
  });
}

LoaderConfig loading(int workers, bool strong) {
  return {.batch = batch, .size = size, .augment = views(strong), .seed = 1, .workers = workers};
}
void load(benchmark::State& state, std::shared_ptr<const ImageSet> set, bool strong) {
  BatchLoader loader(*set, loading(static_cast<int>(state.range(0)), strong));
  for (int i = 0; i < 3; ++i) loader.next();  // the ring that was filled ahead
  for (auto _ : state) benchmark::DoNotOptimize(loader.next().images.data());
  per_image(state, batch);
}

// A batch that stays, in the place of an InputQueue.
struct SameBatch {
  const Batch* batch;
  std::vector<float> copy{};
  const Batch& next(double&) {
    copy = batch->images;
    return *batch;
  }
  float* images() { return copy.data(); }
  void finished(bool, double&) {}
};

// As fit does it, but for callbacks; with a batch that stays, or with the loader's.
void step(benchmark::State& state, std::shared_ptr<const ImageSet> set, bool loaded) {
  Cpu device(static_cast<int>(state.range(0)));
  Model<Pretext, Cpu> model{device, Random{1}};
  AdamW optimizer{model};
  Tape<Cpu> tape{device};
  Sampler sampler{Random{2}};
  const Cost needed = cost<Pretext>(batch);
  tape.values().reserve(needed.value_bytes), tape.gradients().reserve(needed.gradient_bytes);
  BatchLoader loader(*set, loading(1, false));
  InputQueue<Cpu, float> queue{device, loader};
  double waited = 0;
  SameBatch same{&queue.next(waited)};
  StepReport report;
  detail::Readings<Cpu> readings{device};
  std::uint64_t number = 0;
  for (auto _ : state) {
    model.zero_gradients();
    const auto accumulate = [&](auto& inputs) {
      detail::accumulate_batch(model, tape, inputs, sampler, Random{2}.stream(number++), 1, true, readings, report);
      readings.fetch();
    };
    if (loaded) accumulate(queue);
    else accumulate(same);
    optimizer.step(1e-4, optimizer.gradient_norm());
  }
  per_image(state, batch);
}

void settings(auto* bench) { bench->Unit(benchmark::kMicrosecond)->UseRealTime()->MeasureProcessCPUTime(); }

}  // namespace

BENCHMARK(decode)->Name("read/decode")->Apply([](auto* b) { settings(b); });
BENCHMARK(cold)->Name("read/uncached")->Apply([](auto* b) { settings(b); });
BENCHMARK(warm)->Name("read/cached")->Apply([](auto* b) { settings(b); });
BENCHMARK(render)->Name("read/shapes")->Apply([](auto* b) { settings(b); });
BENCHMARK_CAPTURE(augmented, basic, false)->Apply([](auto* b) { settings(b); });
BENCHMARK_CAPTURE(augmented, strong, true)->Apply([](auto* b) { settings(b); });
BENCHMARK_CAPTURE(load, uncached, uncached(), false)->Arg(1)->Arg(2)->Apply([](auto* b) { settings(b); });
BENCHMARK_CAPTURE(load, basic, cached(), false)->Arg(1)->Arg(2)->Apply([](auto* b) { settings(b); });
BENCHMARK_CAPTURE(load, strong, cached(), true)->Arg(1)->Arg(2)->Apply([](auto* b) { settings(b); });
BENCHMARK_CAPTURE(step, fixed, cached(), false)->Arg(2)->Apply([](auto* b) { settings(b); });
BENCHMARK_CAPTURE(step, loaded, cached(), true)->Arg(2)->Apply([](auto* b) { settings(b); });
BENCHMARK_CAPTURE(step, uncached, uncached(), true)->Arg(2)->Apply([](auto* b) { settings(b); });

BENCHMARK_MAIN();
