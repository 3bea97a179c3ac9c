// An objective of one's own, outside the library: predict, for the patches that a student cannot see, the features that a
// slow teacher gives them. Nothing is registered, no backward is written, and its memory is known to the compiler.
#include <cmath>
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/textured_shapes.hpp>
#include <vitrail/masking/block_mask.hpp>
#include <vitrail/masking/sample.hpp>
#include <vitrail/nn/ema.hpp>
#include <vitrail/objectives/decoder.hpp>
#include <vitrail/ops/normalize.hpp>
#include <vitrail/train/fit.hpp>
#include <vitrail/vit/vit.hpp>

using namespace vitrail;

template <class Encoder, DecoderConfig Shallow, MaskPolicy Mask> struct FeaturePrediction {
  using images_shape = typename Encoder::images_shape;
  static constexpr int lead = Encoder::lead;

  Encoder student{};
  Ema<Encoder> teacher{};
  Decoder<Encoder, Shallow> decoder{};
  Linear<Shallow.dim, Encoder::dim> head{};

  constexpr auto draw(Sampler& sampler, int batch) const { return sample<Mask>(sampler, batch); }

  constexpr auto operator()(const Tracked auto& images, const auto& part) const {
    const auto target = gather<lead>(teacher(detach(images)), part.masked);            // Tensor (B, M, D): no gradient, by type
    const auto context = student.encode(student.embed(images, part.visible));  // Var (B, lead + V, D)
    const auto guess = head(decoder(context, part));                                   // Var (B, M, D)
    return 1.0 - mean(cosine(guess, target));                                          // Var ()
  }
  void start() { teacher.follow(student, 0); }
  void after_step(StepScalar momentum) { teacher.follow(student, momentum); }
  constexpr void visit(auto&& f) { f("student", student), f("teacher", teacher), f("decoder", decoder), f("head", head); }
};

constexpr ViTConfig vit{.image = 32, .patch = 4, .dim = 96, .depth = 4, .heads = 3};
using Mine = FeaturePrediction<ViT<vit>, DecoderConfig{.dim = 48, .depth = 1, .heads = 3}, BlockMask<vit.grid(), 60>>;

constexpr Cost needed = cost<Mine>(32);  // a whole step, forward and backward, executed by the compiler
static_assert(FitsInto<needed.peak_bytes, 64_MiB>);
static_assert(needed.parameters < 2 * count_parameters<ViT<vit>>(), "the teacher is no parameter: nothing trains it");

int main() {
  Cpu device;
  Model<Mine, Cpu> model{device, Random{17}};
  AdamW optimizer{model, {.weight_decay = 0.05}};
  const FitConfig config{.steps = 60, .seed = 17, .momentum_from = 0.99};
  const CosineSchedule rate{.peak = 2e-3, .warmup = 10, .steps = config.steps};
  const TexturedShapes images{{.count = 2000, .size = vit.image}};
  BatchLoader loader{images, {.batch = 32, .size = vit.image}};

  std::cout << "a step needs " << needed.peak_bytes / 1'000'000 << " MB and " << needed.kernels << " kernels; "
            << needed.parameters << " parameters learn, " << model.size() - model.trained() << " numbers follow\n";
  double first = 0;
  const StepReport last = fit(model, optimizer, rate, loader, config, every(10, [&](const StepReport& r) {
    if (first == 0) first = r.loss;
    std::cout << "step " << r.step << "  1 - cosine = " << r.loss << "\n";
  }));
  return std::isfinite(last.loss) && last.loss < 0.8 * first ? 0 : 1;
}
