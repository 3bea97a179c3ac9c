// What compile time is counted and measured on: count.sh and run.sh compile it with several definitions.
//   STEPS 0: headers alone; 1: SplitMask is trained; 2: SplitMask and BEiT are, on the same encoder.   BLOCKS: of the encoder.
#include <vitrail/vitrail.hpp>

#if STEPS > 0
using namespace vitrail;

constexpr ViTConfig vit{.image = 64, .patch = 8, .dim = 192, .depth = BLOCKS, .heads = 3};
using Encoder = ViT<vit>;
using Words = RandomProjection<vit, 1024>;

template <class Pretext>
void train(const ImageSet& photos) {
  Cpu device;
  Model<Pretext, Cpu> model{device, Random{17}};
  AdamW optimizer{model};
  BatchLoader images{photos, {.batch = 64, .size = vit.image}};
  fit(model, optimizer, CosineSchedule{.peak = 1e-3, .warmup = 100, .steps = 2'000}, images, {.steps = 2'000});
}

void train_splitmask(const ImageSet& photos) { train<SplitMask<Encoder, BlockSplit<vit.grid(), 50>, Words>>(photos); }
#if STEPS > 1
void train_beit(const ImageSet& photos) { train<Beit<Encoder, BeitMask<vit.grid()>, Words>>(photos); }
#endif
#endif
