// SplitMask: split an image's patches in two, encode each part alone, inpaint what it does not see, and match the two
// descriptors of the image. Policies are template arguments; what a step costs is known to the compiler.
#include <cmath>
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/textured_shapes.hpp>
#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/tokenizers/random_projection.hpp>
#include <vitrail/train/fit.hpp>

using namespace vitrail;

constexpr ViTConfig vit{.image = 32, .patch = 4, .dim = 96, .depth = 4, .heads = 3};
constexpr int batch = 32, vocabulary = 256;

using Encoder = ViT<vit>;
using Split = BlockSplit<vit.grid(), 50>;           // or RandomSplit<vit.tokens(), 75>: two quarters
using Words = RandomProjection<vit, vocabulary>;    // patches as words: the nearest of 256 random directions
using Pretext = SplitMask<Encoder, Split, Words>;

// Memory of a step, forward and backward, with the optimiser's: the step's own code, executed by the compiler.
static_assert(FitsInto<cost<Pretext>(batch).peak_bytes, 160_MiB>);
// With 128_MiB g++ 12 says:
//   error: static assertion failed
//   note: the expression 'Needed <= Budget [with Budget = 134217728; Needed = 151217344]' evaluated to 'false'

int main() {
  Cpu device;
  Model<Pretext, Cpu> model{device, Random{17}};
  AdamW optimizer{model, {.weight_decay = 0.05}};
  const FitConfig config{.steps = 60, .seed = 17};
  const CosineSchedule rate{.peak = 1.5e-3, .warmup = 10, .steps = config.steps};
  const TexturedShapes images{{.count = 4000, .size = vit.image}};  // rendered on the fly, on a thread of the loader
  BatchLoader loader{images, {.batch = batch, .size = vit.image}};

  const Cost needed = cost<Pretext>(batch);
  std::cout << needed.parameters << " parameters, " << needed.peak_bytes / 1'000'000 << " MB, "
            << static_cast<double>(needed.forward_flops + needed.backward_flops) * 1e-9 << " GFLOP a step\n"
            << "at the start inpaint should be near ln " << vocabulary << " = " << std::log(vocabulary) << ", match near ln " << batch
            << " = " << std::log(batch) << "\n";
  StepReport first;
  const StepReport last = fit(model, optimizer, rate, loader, config, every(10, [&](const StepReport& r) {
    std::cout << "step " << r.step;
    for (const auto& [name, value] : r.terms) std::cout << "  " << name << " " << value;
    std::cout << "\n";
  }), [&](const StepReport& r) {
    if (r.step == 1) first = r;
  });
  // Words are guessed better than at random, and a descriptor finds its partner among 32 more often than one time in 32.
  const bool starts_ignorant = std::abs(first.terms[0].second - std::log(vocabulary)) < 0.3;
  const bool inpaints = last.terms[0].second < first.terms[0].second - 0.5;
  std::cout << "inpaint " << first.terms[0].second << " -> " << last.terms[0].second << ", match accuracy " << last.terms[2].second << "\n";
  return starts_ignorant && inpaints && last.terms[2].second > 3.0 / batch ? 0 : 1;
}
