// The smallest DINO and MoCo v3 that have all their parts.
#pragma once
#include "vitrail/objectives/dino.hpp"
#include "vitrail/objectives/moco_v3.hpp"

inline constexpr vitrail::ViTConfig tiny_student{.image = 8, .patch = 2, .channels = 1, .dim = 8, .depth = 1, .heads = 2, .mlp_ratio = 2};
inline constexpr vitrail::ViTConfig tiny_frozen{.image = 8, .patch = 2, .channels = 1, .dim = 8, .depth = 1, .heads = 2, .mlp_ratio = 2,
                                                .positions = vitrail::Positions::sincos,
                                                .patch_projection = vitrail::PatchProjection::frozen};
using TinyDino = vitrail::Dino<vitrail::ViT<tiny_student>,
                               vitrail::DinoConfig{.local = 4, .locals = 3, .hidden = 12, .bottleneck = 6, .prototypes = 10}>;
using TinyMoco = vitrail::MocoV3<vitrail::ViT<tiny_frozen>, vitrail::MocoV3Config{.hidden = 12, .out = 6, .predictor_hidden = 10}>;
