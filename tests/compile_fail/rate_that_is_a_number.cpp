// A learning rate where a schedule belongs.
// expect: the learning rate is a function of the step
#include "vitrail/backends/cpu.hpp"
#include "vitrail/objectives/supervised.hpp"
#include "vitrail/train/fit.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;
using Classifier = Supervised<ViT<vit_nano_patch4_32>, 10>;

void train(Model<Classifier, Cpu>& model, AdamW<Classifier, Cpu, float>& optimizer, BatchLoader& loader) {
#ifdef BAD
  fit(model, optimizer, 1e-3, loader, {.steps = 10});
#else
  fit(model, optimizer, [](std::int64_t) { return 1e-3; }, loader, {.steps = 10});
#endif
}
