// An optimiser is given a teacher.
// expect: a teacher is never trained: give the optimiser the model of its student
#include "vitrail/backends/cpu.hpp"
#include "vitrail/nn/ema.hpp"
#include "vitrail/train/adamw.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;
using Encoder = ViT<vit_tiny_patch4_32>;

void train(Cpu& device) {
#ifdef BAD
  Model<Ema<Encoder>, Cpu> model{device, Random{1}};
#else
  Model<Encoder, Cpu> model{device, Random{1}};
#endif
  AdamW optimizer{model};
  optimizer.step(1e-3);
}
