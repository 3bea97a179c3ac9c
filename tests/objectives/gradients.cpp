// Gradients of the objectives by finite differences, in every form of their configuration.
#include "support/differences.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/objectives/supervised.hpp"
#include "vitrail/tokenizers/random_projection.hpp"

using namespace vitrail;

namespace {

constexpr ViTConfig with_token{.image = 8, .patch = 2, .channels = 1, .dim = 8, .depth = 1, .heads = 2, .mlp_ratio = 2};
constexpr ViTConfig without{.image = 8, .patch = 2, .channels = 1, .dim = 8, .depth = 1, .heads = 2, .mlp_ratio = 2, .class_token = false};
template <ViTConfig E, class Split = RandomSplit<16, 50>, SplitMaskConfig C = SplitMaskConfig{.decoder_depth = 1}>
using Pretext = SplitMask<ViT<E>, Split, RandomProjection<E, 8>, C>;

}  // namespace

TEST_SUITE_BEGIN("objectives");

TEST_CASE("SplitMask's gradients") { check_objective<Pretext<with_token>>(3); }
TEST_CASE("SplitMask's gradients without a class token, in blocks") { check_objective<Pretext<without, BlockSplit<4, 50>>>(3); }
TEST_CASE("SplitMask's gradients when each branch sees a quarter") { check_objective<Pretext<with_token, RandomSplit<16, 75>>>(3); }
TEST_CASE("SplitMask's gradients with positions of the decoder's own") {
  check_objective<Pretext<with_token, RandomSplit<16, 50>, SplitMaskConfig{.decoder_depth = 1, .own_decoder_positions = true}>>(3);
}
TEST_CASE("SplitMask's gradients when class tokens are matched") {
  check_objective<Pretext<with_token, RandomSplit<16, 50>, SplitMaskConfig{.decoder_depth = 1, .match_class_token = true}>>(3);
}
TEST_CASE("SplitMask's gradients with negatives of both branches") {
  check_objective<Pretext<without, RandomSplit<16, 50>, SplitMaskConfig{.decoder_depth = 1, .both_branches = true}>>(3);
}
TEST_CASE("SplitMask's gradients with descriptors of any length") {
  check_objective<Pretext<without, RandomSplit<16, 50>, SplitMaskConfig{.decoder_depth = 2, .unit_length = false}>>(3);
}
TEST_CASE("the gradients of classification by the mean of patches") { check_objective<Supervised<ViT<with_token>, 3>>(4); }
TEST_CASE("the gradients of classification by the class token") { check_objective<Supervised<ViT<with_token>, 3, ClassTokenPool>>(4); }

TEST_SUITE_END();
