// Values in bfloat16, on a device whose kernels do not take them.
// expect: this device keeps no values of this scalar: vitrail::Cpu keeps float and double, vitrail::Cuda float and bfloat16
#include "vitrail/backends/cpu.hpp"
#include "vitrail/nn/model.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;
using Encoder = ViT<vit_tiny_patch4_32>;

void make(Cpu& device) {
#ifdef BAD
  Model<Encoder, Cpu, bfloat16> model{device, Random{1}};
#else
  Model<Encoder, Cpu> model{device, Random{1}};
#endif
  model.zero_gradients();
}
