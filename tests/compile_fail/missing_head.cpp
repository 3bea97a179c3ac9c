// An objective of one's own whose author forgot the head: the guess is as wide as the decoder, the target as the encoder.
// expect: cosine: both must have the same shape; .* needs a head
// expect: Shape<(vitrail::)?dyn, 108, 128>
// expect: Shape<(vitrail::)?dyn, 108, 192>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/masking/block_mask.hpp"
#include "vitrail/masking/split.hpp"
#include "vitrail/nn/ema.hpp"
#include "vitrail/objectives/objective.hpp"
#include "vitrail/ops/normalize.hpp"
#include "vitrail/vit/vit.hpp"

using namespace vitrail;

constexpr ViTConfig vit{.image = 96, .patch = 8, .dim = 192, .depth = 2, .heads = 3};
using Encoder = ViT<vit>;
using Mask = BlockMask<12, 75>;

struct FeaturePrediction {
  using images_shape = Encoder::images_shape;
  Encoder student{};
  Ema<Encoder> teacher{};
  Linear<192, 128> shallow{};
  Linear<128, 192> head{};

  struct Draw {
    Indices<Mask::visible> visible;
    Indices<Mask::masked> masked;
  };
  constexpr auto operator()(const Tracked auto& images, const Draw& part) const {
    const auto target = gather<1>(teacher(detach(images)), part.masked);  // (B, M, D)
    const auto all = student(images);                                     // (B, 1 + N, D)
    const auto guess = shallow(gather<1>(all, part.masked));              // (B, M, 128)
#ifdef BAD
    return 1.0 - mean(cosine(guess, target));
#else
    return 1.0 - mean(cosine(head(guess), target));
#endif
  }
  constexpr void visit(auto&& f) { f("student", student), f("teacher", teacher), f("shallow", shallow), f("head", head); }
};

void step(Tape<Cpu>& tape, const FeaturePrediction& objective, Tensor<Encoder::images_shape, Cpu, float> images) {
  tape.backward(objective(tape.input(images), FeaturePrediction::Draw{}));
}
