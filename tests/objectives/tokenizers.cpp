// Tokenizers are interchangeable: SplitMask, and an objective in the manner of BEiT, with each; and their plans are what they use.
#include <doctest/doctest.h>

#include "support/models.hpp"
#include "vitrail/backends/timed.hpp"
#include "vitrail/objectives/cost.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/tokenizers/dalle.hpp"
#include "vitrail/tokenizers/kmeans.hpp"
#include "vitrail/tokenizers/random_patches.hpp"
#include "vitrail/tokenizers/random_projection.hpp"

using namespace vitrail;

namespace {

constexpr ViTConfig vit{.image = 32, .patch = 4, .dim = 8, .depth = 1, .heads = 1};
using Projected = RandomProjection<vit, 24>;
using FromPatches = Codebook<TokenizerConfig{vit.channels, vit.patch, 24, true}>;  // rows of kmeans() or random_patches()
using Convolved = Dalle<DalleConfig{.image = vit.image, .patch = vit.patch, .width = 4, .blocks = 1, .vocabulary = 24}>;

// Words of masked patches, from an encoder that sees all others.
template <class Encoder, class Tokenizer>
struct MaskedWords {
  static_assert(TokenizerFits<Tokenizer, Encoder>::holds);
  using images_shape = typename Encoder::images_shape;
  static constexpr int N = Encoder::tokens, M = N / 2;
  Encoder encoder{};
  Linear<Encoder::dim, Tokenizer::vocabulary> head{};
  Tokenizer tokenizer{};

  constexpr Indices<M> draw(Sampler& sampler, int batch) const {
    const auto masked = sampler.template indices<M>(batch);
    if (!sampler.blank())
      for (std::int64_t i = 0; i < masked.shape.size(); ++i) masked.at[i] = static_cast<int>(i) % M * 2;
    return masked;
  }
  constexpr auto operator()(const Tracked auto& images, const Indices<M>& masked) const {
    const auto words = gather(tokenizer(detach(images)), masked);                  // (B, M)
    return linear_cross_entropy(gather<1>(encoder(images), masked), head.weight, head.bias, words);
  }
  constexpr void visit(auto&& f) { f("encoder", encoder), f("head", head), f("tokenizer", tokenizer); }
};

template <class Tokenizer>
using Split = SplitMask<ViT<vit>, BlockSplit<vit.grid()>, Tokenizer, SplitMaskConfig{.decoder_depth = 1}>;
template <class Tokenizer>
using Masked = MaskedWords<ViT<vit>, Tokenizer>;

template <class Objective>
void check() {
  constexpr Cost plan = cost<Objective>(5);
  Trial<Objective, float, Timed<Cpu>> trial;
  const double loss = number(loss_of(trial.run(5)));
  CHECK(std::isfinite(loss));
  CHECK(trial.device.forward_flops == plan.forward_flops);
  CHECK(trial.device.kernels == plan.kernels);
  CHECK(trial.tape.values().peak() == plan.value_bytes);
}

}  // namespace

TEST_SUITE_BEGIN("objectives");

TEST_CASE("SplitMask and masked words take every tokenizer, and are planned as they run") {
  check<Split<Projected>>(), check<Split<FromPatches>>(), check<Split<Convolved>>();
  check<Masked<Projected>>(), check<Masked<FromPatches>>(), check<Masked<Convolved>>();
  static_assert(count_parameters<Split<Convolved>>() == count_parameters<Split<Projected>>());
  static_assert(cost<Masked<Convolved>>(5).forward_flops > cost<Masked<Projected>>(5).forward_flops);
}

TEST_SUITE_END();
