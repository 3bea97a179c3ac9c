// Training steps on a card, values in float and in bfloat16: SplitMask, classification, BEiT with relative positions, DINO, MoCo v3 and
// Mask R-CNN against the Cpu, products with and without what may be fused to them; 1,000 steps as graphs against as many of single calls;
// and views that the card renders against the loader's own. Where there is no card, the error that says so. With --short one
// step each, for compute-sanitizer.
#include <vitrail/backends/cpu.hpp>
#include <vitrail/backends/cuda.hpp>
#include <vitrail/backends/timed.hpp>
#include <vitrail/masking/block_mask.hpp>
#include <vitrail/nn/model.hpp>
#include <vitrail/objectives/beit.hpp>
#include <vitrail/objectives/cost.hpp>
#include <vitrail/objectives/dino.hpp>
#include <vitrail/objectives/mask_rcnn.hpp>
#include <vitrail/objectives/moco_v3.hpp>
#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/objectives/supervised.hpp>
#include <vitrail/ops/arithmetic.hpp>
#include <vitrail/ops/conv2d.hpp>
#include <vitrail/ops/matmul.hpp>
#include <vitrail/ops/normalize.hpp>
#include <vitrail/ops/planes.hpp>
#include <vitrail/ops/reduce.hpp>
#include <vitrail/ops/softmax.hpp>
#include <vitrail/ops/squared_error.hpp>
#include <vitrail/tokenizers/random_projection.hpp>
#include <vitrail/train/adamw.hpp>
#include <vitrail/train/input_queue.hpp>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

using namespace vitrail;

// What DALL-E's encoder is made of, with gradients.
struct Convolved {
  using images_shape = Shape<dyn, 3, 32, 32>;
  Parameter<Shape<8, 3, 3, 3>> weight{};
  Parameter<Shape<8>> bias{};
  Parameter<Shape<8, 4, 2, 2>> back{};
  Parameter<Shape<4>> back_bias{};
  struct Draw {};
  constexpr Draw draw(Sampler&, int) const { return {}; }
  constexpr auto operator()(const Tracked auto& images, const Draw&) const {
    const auto y = max_pool2d<2>(conv2d<1, 1>(images, weight, bias));                 // (B, 8, 16, 16)
    const auto z = conv_transpose2d<2, 0>(resize<12, 12>(y), back, back_bias);        // (B, 4, 24, 24)
    return mean(z * z);                                                               // ()
  }
  constexpr void visit(auto&& f) { f("weight", weight), f("bias", bias), f("back", back), f("back_bias", back_bias); }
};

namespace {

constexpr ViTConfig config{.image = 32, .patch = 4, .dim = 128, .depth = 2, .heads = 2, .class_token = true, .drop_path_percent = 10};
using Pretext = SplitMask<ViT<config>, BlockSplit<config.grid(), 50>, RandomProjection<config, 512>>;
using Classifier = Supervised<ViT<config>, 10>;
constexpr ViTConfig related{.image = 32, .patch = 4, .dim = 128, .depth = 2, .heads = 2, .class_token = true,
                            .positions = Positions::relative, .layer_scale_ppm = 100'000};
using Masked = Beit<ViT<related>, BeitMask<related.grid()>, RandomProjection<related, 512>>;
using Distilled = Dino<ViT<config>, DinoConfig{.local = 16, .locals = 2, .hidden = 256, .bottleneck = 64, .prototypes = 1024}>;
using Contrasted = MocoV3<ViT<config>, MocoV3Config{.hidden = 256, .out = 64, .predictor_hidden = 256}>;
constexpr ViTConfig seen{.image = 32, .patch = 8, .dim = 64, .depth = 3, .heads = 2};
constexpr DetectorConfig few{.classes = 3, .objects = 4, .width = 16, .hidden = 32, .proposals = 20, .per_level = 30, .regions = 16};
using Detector = MaskRcnn<ViT<seen>, few>;
static_assert(FitsInto<cost<Pretext>(64).peak_bytes, 4_GiB>);

// Objects of a view of 32 x 32 pixels whose masks are stripes: none, one or two.
std::vector<ViewObject> some_objects(int image) {
  std::vector<ViewObject> out;
  for (int i = 0; i < image % 3; ++i) {
    const float left = static_cast<float>(2 + image + 5 * i), top = static_cast<float>(11 * i + 1);
    out.push_back({(image + i) % 3, {left, top, left + 14, top + 17}, std::vector<std::uint32_t>(32, 0x33333333u)});
  }
  return out;
}

// The losses of some steps, and the parameters after them.
template <class Objective, class T = float, class D>
std::vector<float> train(D& device, int steps) {
  constexpr int batch = 8;
  const int labels[batch] = {0, 1, 2, 3, 4, 5, 6, 7};
  std::vector<std::vector<ViewObject>> objects;
  for (int image = 0; image < batch; ++image) objects.push_back(some_objects(image));
  Model<Objective, D, T> model{device, Random{1}};
  AdamW optimizer{model, {.eps = 1e-2}};  // so that a gradient which is zero but for rounding moves nothing
  Tape<D> tape{device};
  Arena<D> inputs{device};
  Sampler sampler{Random{2}};
  std::vector<float> out;
  for (int step = 0; step < steps; ++step) {
    sampler.begin(Random{4}.stream(static_cast<std::uint64_t>(step)));
    tape.reset(static_cast<std::uint64_t>(step));
    model.zero_gradients();
    const auto part = draw_for(*model, sampler, batch, Labels{labels, labels, 1, objects.data()});
    inputs.reset();
    Random random{3};
    const auto result = loss_on_views(*model, batch, part, [&]<class Images>(Images shape) {
      const auto images = make_tensor<Images, T>(inputs, shape);
      std::vector<T> pixels(static_cast<std::size_t>(shape.size()));
      for (T& p : pixels) p = static_cast<T>(static_cast<float>(random.normal()));
      device.upload(images.at, pixels.data(), pixels.size() * sizeof(T));
      return tape.input(images);
    });
    const auto loss = loss_of(result);
    tape.backward(loss);
    optimizer.step(1e-2);
    if constexpr (requires { model->after_step(0.9); }) model->after_step(0.9);
    out.push_back(0);
    device.download(&out.back(), loss.data(), sizeof(float));
  }
  const std::size_t kept = out.size(), size = static_cast<std::size_t>(model.size());
  out.resize(kept + size);
  device.download(out.data() + kept, model.values(), size * sizeof(float));
  return out;
}
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference += std::pow(double{a[i]} - b[i], 2), size += std::pow(double{b[i]}, 2);
  return std::sqrt(difference / size);
}
// T: the scalar of values on the card.
template <class Objective, class T>
bool same(const char* name, const char* how, int steps, const std::vector<float>& wanted, const CudaConfig& config, double tolerance) {
  Timed<Cuda> card(config);
  Cuda again(config);
  const std::vector<float> found = train<Objective, T>(card, steps);
  const bool repeats = found == train<Objective, T>(again, steps);
  const double error = distance(found, wanted);
  std::printf("%s, %s: distance from the Cpu after %d steps %.2e (%.0e), %s\n", name, how, steps, error, tolerance,
              repeats ? "the same bits again" : "OTHER BITS AGAIN");
  return error < tolerance && repeats;
}
template <class Objective>
bool same(const char* name, int steps) {
  Cpu cpu;
  const std::vector<float> wanted = train<Objective>(cpu, steps);
  bool good = same<Objective, float>(name, "full", steps, wanted, {}, 1e-4);
  good = same<Objective, float>(name, "products rounded", steps, wanted, {.precision = Precision::bf16}, 2e-2) && good;
  good = same<Objective, float>(name, "sums of biases in products", steps, wanted, {.epilogues = true}, 1e-4) && good;
  good = same<Objective, bfloat16>(name, "values in bfloat16", steps, wanted, {}, 5e-2) && good;
  return same<Objective, bfloat16>(name, "values in bfloat16, GELU and sums of biases in products", steps, wanted, {.epilogues = true}, 5e-2) &&
         good;
}
// A detector's anchors and regions may turn out otherwise by the last bit of a score, and with them what is learned.
bool same_detector(int steps) {
  Cpu cpu;
  const std::vector<float> wanted = train<Detector>(cpu, steps);
  const bool good = same<Detector, float>("Mask R-CNN", "full", steps, wanted, {}, 1e-2);
  return same<Detector, bfloat16>("Mask R-CNN", "values in bfloat16", steps, wanted, {.epilogues = true}, 5e-2) && good;
}
template <class Objective, class T>
bool same_as_graphs(const char* name, int steps) {
  Cuda calls(CudaConfig{.epilogues = true}), graphs(CudaConfig{.epilogues = true, .graphs = true});
  const bool good = train<Objective, T>(calls, steps) == train<Objective, T>(graphs, steps);
  const auto share = [&] { return 100.0 * static_cast<double>(graphs.graphs_started()) / static_cast<double>(graphs.started()); };
  std::printf("%s, %d steps as graphs (%.1f %% of what was started): %s\n", name, steps, share(),
              good ? "the bits of single calls" : "OTHER BITS THAN SINGLE CALLS");
  return good && (steps < 100 || share() > 90);
}
// Views of pictures of noise, all transforms in use, by the card and by render_view().
template <class T>
bool same_views(int views, double tolerance) {
  constexpr int size = 96, channels = 3;
  constexpr std::size_t values = std::size_t{channels} * size * size;
  Cuda device;
  AugmentConfig config = augment_small_data();
  config.sigma_size = size;
  std::vector<ViewPlan> plans;
  std::vector<std::uint8_t> bytes;
  std::vector<float> wanted(static_cast<std::size_t>(views) * values);
  std::vector<T> found(wanted.size());
  AugmentScratch scratch;
  for (int i = 0; i < views; ++i) {
    Random random{static_cast<std::uint64_t>(i)};
    Image image(60 + 31 * (i % 7), 50 + 43 * (i % 5), i % 4 == 0 ? 1 : 3);
    for (std::uint8_t& pixel : image.pixels) pixel = static_cast<std::uint8_t>(random.below(256));
    ViewPlan plan = plan_view(image, config, random, size, channels);
    render_view(plan, image.pixels.data(), channels, wanted.data() + static_cast<std::size_t>(i) * values, scratch);
    plan.at = static_cast<std::int64_t>(bytes.size());
    bytes.insert(bytes.end(), image.pixels.begin(), image.pixels.end());
    plans.push_back(plan);
  }
  Arena<Cuda> memory(device);
  T* const to = memory.take<T>(static_cast<std::int64_t>(found.size()));
  ViewPlan* const plans_there = memory.take<ViewPlan>(views);
  std::uint8_t* const bytes_there = memory.take<std::uint8_t>(static_cast<std::int64_t>(bytes.size()));
  device.upload(plans_there, plans.data(), plans.size() * sizeof(ViewPlan));
  device.upload(bytes_there, bytes.data(), bytes.size());
  kernel_forward(device, op::RenderViews{views, channels, size, detail::most_taps(plans.data(), plans.size())}, to, static_cast<const ViewPlan*>(plans_there),
                 static_cast<const std::uint8_t*>(bytes_there));
  device.download(found.data(), to, found.size() * sizeof(T));
  double worst = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    worst = std::max(worst, std::abs(double{static_cast<wide<T>>(found[i])} - double{wanted[i]}));
  std::printf("%d views rendered on the card: at most %.1e from the loader's (%.0e)\n", views, worst, tolerance);
  return worst < tolerance;
}
}  // namespace

int main(int count, char** words) {
  int cards = 0;
  if (cudaGetDeviceCount(&cards) != cudaSuccess || cards == 0) {
    try {
      Cuda device;
    } catch (const DeviceError& error) {
      std::printf("no card: %s\n", error.what());
      return std::strstr(error.what(), "expected an NVIDIA card and its driver, found none") != nullptr ? 0 : 1;
    }
    return 1;
  }
  const int steps = count > 1 && std::strcmp(words[1], "--short") == 0 ? 1 : 5;
  bool good = same<Pretext>("SplitMask", steps);
  good = same<Classifier>("classification", steps) && good;
  good = same<Masked>("BEiT with relative positions", steps) && good;
  good = same<Convolved>("convolutions", steps) && good;
  good = same<Distilled>("DINO", steps) && good;
  good = same<Contrasted>("MoCo v3", steps) && good;
  good = same_detector(steps) && good;
  const int many = steps == 1 ? 3 : 1000;
  good = same_as_graphs<Pretext, float>("SplitMask", many) && good;
  good = same_as_graphs<Pretext, bfloat16>("SplitMask in bfloat16", many) && good;
  good = same_as_graphs<Distilled, bfloat16>("DINO in bfloat16", many / 10) && good;
  good = same_as_graphs<Detector, float>("Mask R-CNN", many / 10) && good;
  good = same_as_graphs<Detector, bfloat16>("Mask R-CNN in bfloat16", many / 10) && good;
  good = same_views<float>(steps == 1 ? 8 : 600, 1e-3) && good;
  good = same_views<bfloat16>(steps == 1 ? 8 : 600, 2e-2) && good;
  return good ? 0 : 1;
}
