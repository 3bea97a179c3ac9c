// ViT's gradients by finite differences, in every form of its configuration.
#include "support/differences.hpp"
#include "vitrail/ops/squared_error.hpp"
#include "vitrail/vit/vit.hpp"

using namespace vitrail;

namespace {

// The features of a batch, pulled towards noise.
template <ViTConfig C>
struct Towards {
  using images_shape = typename ViT<C>::images_shape;
  using Features = Shape<dyn, C.lead() + C.tokens(), C.dim>;
  ViT<C> encoder{};
  struct Draw {};
  constexpr Draw draw(Sampler&, int) const { return {}; }
  auto operator()(const Tracked auto& images, const Draw&) const {
    return squared_error(encoder(images), noise<Features, double>(images.tape->values(), images.shape.leading(), 3));
  }
  constexpr void visit(auto&& f) { f("encoder", encoder); }
};

constexpr ViTConfig with_token{.image = 6, .patch = 2, .channels = 2, .dim = 8, .depth = 2, .heads = 2, .mlp_ratio = 2};
constexpr ViTConfig without{.image = 6, .patch = 2, .channels = 2, .dim = 8, .depth = 1, .heads = 4, .mlp_ratio = 1, .class_token = false};
constexpr ViTConfig fixed{
    .image = 6, .patch = 2, .channels = 2, .dim = 8, .depth = 1, .heads = 1, .mlp_ratio = 2, .positions = Positions::sincos};
constexpr ViTConfig everything{.image = 6,
                               .patch = 3,
                               .channels = 1,
                               .dim = 8,
                               .depth = 3,
                               .heads = 2,
                               .mlp_ratio = 2,
                               .drop_path_percent = 40,
                               .layer_scale_ppm = 100'000};

}  // namespace

TEST_SUITE_BEGIN("vit");

TEST_CASE("gradients with a class token") { check_objective<Towards<with_token>>(2); }
TEST_CASE("gradients without a class token") { check_objective<Towards<without>>(2); }
TEST_CASE("gradients with fixed positions, which have none themselves") { check_objective<Towards<fixed>>(2); }
TEST_CASE("gradients with layer scale and drop path") { check_objective<Towards<everything>>(5); }

TEST_SUITE_END();
