// A Vision Transformer is a config and a type. Its parameters are counted by the compiler, a step's memory and arithmetic too;
// and whether it trains or evaluates is decided by the type of what it is given.
#include <cstring>
#include <iostream>
#include <vector>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/nn/model.hpp>
#include <vitrail/objectives/cost.hpp>
#include <vitrail/vit/presets.hpp>

using namespace vitrail;

// timm's models under timm's names; without a head, as features need none.
static_assert(count_parameters<ViT<vit_tiny_patch16_224>>() == 5'524'416);
static_assert(count_parameters<ViT<vit_small_patch16_224>>() == 21'665'664);
static_assert(count_parameters<ViT<vit_base_patch16_224>>() == 85'798'656);

constexpr ViTConfig vit{.image = 32, .patch = 4, .dim = 96, .depth = 3, .heads = 3, .drop_path_percent = 20};
using Encoder = ViT<vit>;

constexpr Cost evaluation = evaluation_cost<Encoder>(16);
static_assert(FitsInto<evaluation.peak_bytes, 16_MiB>);

int main() {
  std::cout << "patches " << Encoder::tokens << ", parameters " << evaluation.parameters << ", " << evaluation.forward_flops / 16 / 1'000'000
            << " MFLOP per image, " << evaluation.peak_bytes / 1'000'000 << " MB to evaluate 16 images\n";

  // Names are timm's, so that checkpoints open in Python and published weights load here.
  Cpu device;
  Model<Encoder, Cpu> model{device, Random{1}};
  int printed = 0;
  each_parameter(*model, [&](const Path& path, auto& p) {
    using S = typename std::remove_reference_t<decltype(p)>::shape_type;
    if (++printed <= 7) std::cout << "  " << path.text() << " " << text(S()) << "\n";
  });
  std::cout << "  ... " << printed << " in all\n";

  Arena<Cpu> memory{device};
  using Images = Encoder::images_shape;
  const auto images = make_tensor<Images, float>(memory, Images(4));
  Random random{2};
  for (std::int64_t i = 0; i < images.shape.size(); ++i) images.data()[i] = static_cast<float>(random.normal());

  // A Tensor is evaluated: no tape, no drop path, the memory of one block at a time.
  auto features = (*model)(images);                     // Tensor (B, 1 + N, D)
  const auto pooled = pool_patches<Encoder>(features);  // Tensor (B, D)
  static_assert(Untracked<decltype(features)>);
  std::cout << text(images.shape) << " -> " << text(features.shape) << " -> " << text(pooled.shape) << "\n";

  // A Var is trained: everything is kept for backward, and branches are dropped at random, as the tape's key says.
  Tape<Cpu> tape{device};
  const auto train = [&](std::uint64_t key) {
    tape.reset(key);
    return (*model)(tape.input(images));                // Var (B, 1 + N, D)
  };
  const auto bytes = static_cast<std::size_t>(features.shape.size()) * sizeof(float);
  const auto first = train(7);
  const std::vector<float> once(first.data(), first.data() + features.shape.size());  // the next step takes its memory
  const bool same = std::memcmp(once.data(), train(7).data(), bytes) == 0;
  const bool other = std::memcmp(once.data(), train(8).data(), bytes) != 0;
  const bool dropped = std::memcmp(once.data(), features.data(), bytes) != 0;
  std::cout << "training: same key, same numbers " << same << "; another key, others " << other << "; evaluation differs " << dropped << "\n"
            << "kept for backward: " << tape.values().used() / 1'000 << " kB\n";
  return same && other && dropped ? 0 : 1;
}
