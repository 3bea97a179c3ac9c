// Training steps on a card: SplitMask and classification against the Cpu. Where there is no card, the error that says so. With
// --short one step each, for compute-sanitizer.
#include <vitrail/backends/cpu.hpp>
#include <vitrail/backends/cuda.hpp>
#include <vitrail/backends/timed.hpp>
#include <vitrail/masking/block_mask.hpp>
#include <vitrail/nn/model.hpp>
#include <vitrail/objectives/cost.hpp>
#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/objectives/supervised.hpp>
#include <vitrail/ops/matmul.hpp>
#include <vitrail/ops/normalize.hpp>
#include <vitrail/ops/softmax.hpp>
#include <vitrail/ops/squared_error.hpp>
#include <vitrail/tokenizers/random_projection.hpp>
#include <vitrail/train/adamw.hpp>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

namespace {
using namespace vitrail;

constexpr ViTConfig config{.image = 32, .patch = 4, .dim = 128, .depth = 2, .heads = 2, .class_token = true, .drop_path_percent = 10};
using Pretext = SplitMask<ViT<config>, BlockSplit<config.grid(), 50>, RandomProjection<config, 512>>;
using Classifier = Supervised<ViT<config>, 10>;
static_assert(FitsInto<cost<Pretext>(64).peak_bytes, 4_GiB>);

// The losses of some steps, and the parameters after them.
template <class Objective, class D>
std::vector<float> train(D& device, int steps) {
  constexpr int batch = 8;
  const int labels[batch] = {0, 1, 2, 3, 4, 5, 6, 7};
  Model<Objective, D> model{device, Random{1}};
  AdamW optimizer{model, {.eps = 1e-2}};  // so that a gradient which is zero but for rounding moves nothing
  Tape<D, float> tape{device};
  Arena<D> inputs{device};
  Sampler sampler{Random{2}};
  using Images = typename Objective::images_shape;
  const auto images = make_tensor<Images, float>(inputs, Images(batch));
  std::vector<float> pixels(static_cast<std::size_t>(images.shape.size())), out;
  Random random{3};
  for (float& p : pixels) p = static_cast<float>(random.normal());
  device.upload(images.at, pixels.data(), pixels.size() * sizeof(float));
  for (int step = 0; step < steps; ++step) {
    sampler.begin(Random{4}.stream(static_cast<std::uint64_t>(step)));
    tape.reset(static_cast<std::uint64_t>(step));
    model.zero_gradients();
    const auto part = draw_for(*model, sampler, batch, labels);
    const auto loss = loss_of((*model)(tape.input(images), part));
    tape.backward(loss);
    optimizer.step(1e-2);
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
template <class Objective>
bool same(const char* name, int steps) {
  Cpu cpu;
  const std::vector<float> wanted = train<Objective>(cpu, steps);
  bool good = true;
  for (const Precision precision : {Precision::full, Precision::bf16}) {
    Timed<Cuda> card(CudaConfig{.precision = precision});
    Cuda again(CudaConfig{.precision = precision});
    const std::vector<float> found = train<Objective>(card, steps);
    const bool repeats = found == train<Objective>(again, steps);
    const double error = distance(found, wanted), tolerance = precision == Precision::full ? 1e-4 : 2e-2;
    std::printf("%s, %s: distance from the Cpu after %d steps %.2e (%.0e), %s\n", name, precision == Precision::full ? "full" : "bf16", steps,
                error, tolerance, repeats ? "the same bits again" : "OTHER BITS AGAIN");
    good = good && error < tolerance && repeats;
  }
  return good;
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
  const bool pretext = same<Pretext>("SplitMask", steps), classifier = same<Classifier>("classification", steps);
  return pretext && classifier ? 0 : 1;
}
