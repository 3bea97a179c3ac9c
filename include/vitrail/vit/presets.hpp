// The models people know, under timm's names. Parameter counts: docs/layout.md, and a test.
#pragma once
#include "vit.hpp"

namespace vitrail {

inline constexpr ViTConfig vit_tiny_patch16_224{.image = 224, .patch = 16, .dim = 192, .depth = 12, .heads = 3};
inline constexpr ViTConfig vit_small_patch16_224{.image = 224, .patch = 16, .dim = 384, .depth = 12, .heads = 6};
inline constexpr ViTConfig vit_base_patch16_224{.image = 224, .patch = 16, .dim = 768, .depth = 12, .heads = 12};

// BEiT's published model in pre-training: relative positions, layer scale (not timm's name: its own is the fine-tuned model).
inline constexpr ViTConfig beit_base_patch16_224{.image = 224, .patch = 16, .dim = 768, .depth = 12, .heads = 12,
                                                 .positions = Positions::relative, .drop_path_percent = 10, .layer_scale_ppm = 100'000};

// Small images: for experiments on a CPU. Not timm's; named in its manner.
inline constexpr ViTConfig vit_tiny_patch4_32{.image = 32, .patch = 4, .dim = 192, .depth = 12, .heads = 3};
inline constexpr ViTConfig vit_tiny_patch8_96{.image = 96, .patch = 8, .dim = 192, .depth = 12, .heads = 3};
inline constexpr ViTConfig vit_micro_patch8_64{.image = 64, .patch = 8, .dim = 192, .depth = 6, .heads = 3};
inline constexpr ViTConfig vit_pico_patch8_64{.image = 64, .patch = 8, .dim = 96, .depth = 6, .heads = 3, .mlp_ratio = 2};
inline constexpr ViTConfig vit_nano_patch4_32{.image = 32, .patch = 4, .dim = 96, .depth = 6, .heads = 3};
inline constexpr ViTConfig vit_nano_patch4_28_grey{.image = 28, .patch = 4, .channels = 1, .dim = 96, .depth = 6, .heads = 3};
inline constexpr ViTConfig vit_pico_patch4_28_grey{.image = 28, .patch = 4, .channels = 1, .dim = 64, .depth = 4, .heads = 2};

}  // namespace vitrail
