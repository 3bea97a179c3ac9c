// Layer-wise decay, and the recipes that use it.
#include "vitrail/train/recipes.hpp"

#include <doctest/doctest.h>

#include "vitrail/objectives/supervised.hpp"
#include "vitrail/train/layer_decay.hpp"

using namespace vitrail;

TEST_SUITE("recipes") {
  TEST_CASE("the layer of a parameter: tokens first, then blocks, and last what stands behind an encoder") {
    for (const char* first : {"patch_embed.proj.weight", "encoder.pos_embed", "cls_token", "mask_token"}) CHECK(layer_of(first) == 0);
    CHECK(layer_of("encoder.blocks.0.norm1.bias") == 1);
    CHECK(layer_of("blocks.11.mlp.fc2.weight") == 12);
    for (const char* last : {"encoder.norm.weight", "fc_norm.bias", "head.weight", "decoder.blocks.0.norm1.bias"}) CHECK(layer_of(last) == -1);
  }
  TEST_CASE("at 0.65 the patches of twelve blocks learn at 0.0037 of the rate, and the head at all of it") {
    Supervised<ViT<ViTConfig{.image = 8, .patch = 4, .dim = 8, .depth = 12, .heads = 2}>, 3> classifier;
    const std::vector<ParameterEntry> parameters = parameters_of(classifier);
    const LayerDecay layers(parameters, 0.65);
    for (const ParameterEntry& p : parameters) {
      const std::string& name = p.name;
      if (name.find("patch_embed") != std::string::npos) CHECK(layers.factor(name) == doctest::Approx(0.0037).epsilon(0.01));
      if (name.find("blocks.11.") != std::string::npos) CHECK(layers.factor(name) == doctest::Approx(0.65));
      if (name.find("head") != std::string::npos || name == "encoder.norm.weight") CHECK(layers.factor(name) == 1);
    }
  }
  TEST_CASE("every recipe can be used, and its rate grows with the batch") {
    for (const Recipe& recipe : {recipe_large_sets, recipe_small_sets, recipe_deit}) {
      CHECK_NOTHROW(check(recipe.augment));
      CHECK_NOTHROW(check(recipe.mix));
      CHECK(recipe.rate_for(512) == doctest::Approx(recipe.learning_rate / 2));
    }
  }
}
