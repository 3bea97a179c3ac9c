// A teacher is given what is on a tape.
// expect: a teacher receives no gradient: call detach\(\) first
#include "vitrail/backends/cpu.hpp"
#include "vitrail/nn/ema.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;
using Encoder = ViT<vit_tiny_patch4_32>;

void step(const Ema<Encoder>& teacher, const Var<Encoder::images_shape, Cpu, float>& images) {
#ifdef BAD
  teacher(images);
#else
  teacher(detach(images));
#endif
}
