// Gradients of BEiT, MAE and SplitMask's two halves by finite differences.
#include "support/differences.hpp"
#include "vitrail/objectives/beit.hpp"
#include "vitrail/objectives/mae.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/tokenizers/random_projection.hpp"

using namespace vitrail;

namespace {

constexpr ViTConfig config(Positions positions, bool class_token = true, int layer_scale_ppm = 0) {
  return {.image = 8,
          .patch = 2,
          .channels = 1,
          .dim = 8,
          .depth = 2,
          .heads = 2,
          .mlp_ratio = 2,
          .class_token = class_token,
          .positions = positions,
          .drop_path_percent = layer_scale_ppm > 0 ? 20 : 0,
          .layer_scale_ppm = layer_scale_ppm,
          .recompute = !class_token};
}
constexpr ViTConfig learned = config(Positions::learned), no_token = config(Positions::learned, false),
                    fixed = config(Positions::sincos), published = config(Positions::relative, true, 100'000),
                    relative = config(Positions::relative, false);
template <ViTConfig C> using Words = RandomProjection<C, 8>;
template <ViTConfig C> using BeitOf = Beit<ViT<C>, BeitMask<4>, Words<C>>;

}  // namespace

TEST_SUITE_BEGIN("objectives");

TEST_CASE("BEiT's gradients with a plain ViT whose blocks are computed again") { check_objective<BeitOf<no_token>>(3); }
TEST_CASE("BEiT's gradients as published: relative positions, layer scale, dropped paths") { check_objective<BeitOf<published>>(3); }
TEST_CASE("BEiT's gradients with relative positions and no class token, in blocks that are computed again") { check_objective<BeitOf<relative>>(3); }
TEST_CASE("MAE's gradients, with fixed positions and normalised pixels") {
  check_objective<Mae<ViT<fixed>, RandomMask<16, 75>, DecoderConfig{.dim = 8, .depth = 1, .heads = 2, .positions = Positions::sincos}>>(3);
}
TEST_CASE("MAE's gradients, with learned positions and pixels as they are") {
  check_objective<Mae<ViT<no_token>, RandomMask<16, 50>, DecoderConfig{.dim = 6, .depth = 1, .heads = 3}, PatchPixels>>(3);
}
TEST_CASE("the gradients of inpainting without matching, and of matching without inpainting") {
  constexpr SplitMaskConfig shallow{.decoder_depth = 1};
  check_objective<SplitInpaint<ViT<learned>, RandomSplit<16, 50>, Words<learned>, shallow>>(3);
  check_objective<SplitMatch<ViT<learned>, RandomSplit<16, 50>, shallow>>(3);
}

TEST_SUITE_END();
