// The device-independent headers under a CUDA compiler, with a device whose kernels launch nothing of use: what the CUDA
// backend will need of the design compiles, without a warning. Compiled, never run.
#include <vitrail/autograd/run.hpp>
#include <vitrail/backends/checked.hpp>
#include <vitrail/backends/device.hpp>
#include <vitrail/backends/timed.hpp>
#include <vitrail/core/dual.hpp>
#include <vitrail/core/shape_rules.hpp>
#include <vitrail/masking/block_mask.hpp>
#include <vitrail/masking/random_mask.hpp>
#include <vitrail/nn/ema.hpp>
#include <vitrail/nn/model.hpp>
#include <vitrail/objectives/cost.hpp>
#include <vitrail/objectives/dino.hpp>
#include <vitrail/objectives/moco_v3.hpp>
#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/objectives/supervised.hpp>
#include <vitrail/ops/matmul.hpp>
#include <vitrail/ops/normalize.hpp>
#include <vitrail/ops/softmax.hpp>
#include <vitrail/ops/squared_error.hpp>
#include <vitrail/tokenizers/random_projection.hpp>
#include <vitrail/vit/presets.hpp>

namespace {
using namespace vitrail;

class StubCuda {
 public:
  static constexpr bool has_memory = true;
  void* allocate(std::size_t bytes) {
    void* at = nullptr;
    if (cudaMalloc(&at, bytes) != cudaSuccess) throw std::bad_alloc{};
    return at;
  }
  void release(void* at) { cudaFree(at); }
  void upload(void* to, const void* from, std::size_t bytes) { cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice); }
  void download(void* to, const void* from, std::size_t bytes) { cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost); }
  template <class T> void fill(T* at, std::int64_t n, T) { cudaMemset(at, 0, static_cast<std::size_t>(n) * sizeof(T)); }
  void synchronise() { cudaDeviceSynchronize(); }
};
static_assert(Device<StubCuda>);

template <class Op, class... A> __global__ void nothing(Op, A...) {}

// Formulas and shapes serve device code as they are.
__global__ void formulas(float* y, const float* x) {
  constexpr Shape<4, 8> shape{};
  const Dual<float, 1> d = math::sigmoid(Dual<float, 1>::variable(x[0], 0));
  y[0] = math::gelu(x[0]) + d.value + d.slope[0] + static_cast<float>(shape.size() + Shape<4, 8>::extent<-1>());
  y[1] = static_cast<float>(detail::philox(1, 2, 3).word[0]);
}
}  // namespace

namespace vitrail {
template <class Op> struct Kernel<Op, StubCuda> {
  template <class... A> static void forward(StubCuda&, const Op& op, A... a) { nothing<<<1, 1>>>(op, a...); }
  template <class... A> static void backward(StubCuda&, const Op& op, A... a) { nothing<<<1, 1>>>(op, a...); }
};
}  // namespace vitrail

namespace {
constexpr ViTConfig config{.image = 32, .patch = 4, .dim = 192, .depth = 12, .heads = 3, .drop_path_percent = 10};
using Pretext = SplitMask<ViT<config>, BlockSplit<config.grid(), 50>, RandomProjection<config, 1024>>;
static_assert(FitsInto<cost<Pretext>(64).peak_bytes, 4_GiB>);

template <class Objective> float step(int batch, const int* labels) {
  StubCuda device;
  Model<Objective, StubCuda> model{device, Random{1}};
  Tape<StubCuda, float> tape{device};
  Arena<StubCuda> inputs{device};
  Sampler sampler{Random{2}};
  using Images = typename Objective::images_shape;
  const auto images = make_tensor<Images, float>(inputs, Images(batch));
  const auto part = draw_for(*model, sampler, batch, labels);
  const auto loss = loss_of((*model)(tape.input(images), part));
  tape.backward(loss);
  float value = 0;
  device.download(&value, loss.data(), sizeof value);
  return value;
}
}  // namespace

int main() {
  const int labels[2] = {0, 1};
  formulas<<<1, 1>>>(nullptr, nullptr);
  StubCuda().synchronise();
  return step<Pretext>(2, nullptr) + step<Supervised<ViT<config>, 10>>(2, labels) > 0 ? 0 : 1;
}
