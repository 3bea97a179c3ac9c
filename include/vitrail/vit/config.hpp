// The numbers that make a Vision Transformer, and the rules they must keep.
#pragma once
#include <string>

#include "../nn/block.hpp"

namespace vitrail {

enum class Positions : char {
  learned,   // a trained table, normal with standard deviation 0.02
  sincos,    // the fixed 2-D sine-cosine table of MAE: for models that later see other image sizes
  relative,  // none: attention knows how far apart two patches are, see RelativeAttention. As in BEiT's published model
};

enum class PatchProjection : char {
  learned,
  frozen,  // stays as it was drawn at random (MoCo v3: Chen et al. 2021, section 4.2)
};

// Sizes in pixels and channels. The defaults are vit_tiny_patch16_224. Shares are integers, because floating-point template
// arguments are not portable.
struct ViTConfig {
  int image = 224, patch = 16, channels = 3;
  int dim = 192, depth = 12, heads = 3, mlp_ratio = 4;
  bool class_token = true;
  Positions positions = Positions::learned;
  int drop_path_percent = 0;  // at the last block; grows linearly from 0 at the first. Training only.
  int layer_scale_ppm = 0;    // initial gamma in millionths: 100'000 is 0.1, 10 is 1e-5; 0: no layer scale
  bool recompute = false;     // a training step keeps one number in ten of a block, and takes a third more work
  PatchProjection patch_projection = PatchProjection::learned;

  constexpr int grid() const { return image / patch; }
  constexpr int tokens() const { return grid() * grid(); }                  // patches, N
  constexpr int lead() const { return class_token ? 1 : 0; }                // tokens in front of the patches
  constexpr int patch_values() const { return channels * patch * patch; }   // numbers per patch, P
  constexpr BlockConfig block() const {
    return {dim, heads, dim * mlp_ratio, layer_scale_ppm > 0, drop_path_percent > 0, recompute,
            positions == Positions::relative ? AttentionKind::relative : AttentionKind::plain};
  }
};

// "image 224, patch 16, channels 3, dim 192, depth 12, heads 3, mlp_ratio 4, class_token, learned positions": and what is not usual.
inline std::string text(const ViTConfig& c) {
  const auto number = [](const char* name, int n) { return std::string(name) + " " + std::to_string(n) + ", "; };
  std::string out = number("image", c.image) + number("patch", c.patch) + number("channels", c.channels) + number("dim", c.dim) +
                    number("depth", c.depth) + number("heads", c.heads) + number("mlp_ratio", c.mlp_ratio);
  if (c.class_token) out += "class_token, ";
  out += c.positions == Positions::learned ? "learned" : c.positions == Positions::sincos ? "sincos" : "relative";
  out += " positions";
  if (c.drop_path_percent != 0) out += ", drop_path_percent " + std::to_string(c.drop_path_percent);
  if (c.layer_scale_ppm != 0) out += ", layer_scale_ppm " + std::to_string(c.layer_scale_ppm);
  if (c.recompute) out += ", recompute";
  return out + (c.patch_projection == PatchProjection::frozen ? ", frozen patch projection" : "");
}

template <int Image, int Patch> struct PatchDividesImage {
  static constexpr bool holds = Patch > 0 && Image % (Patch > 0 ? Patch : 1) == 0;
  static_assert(holds, "image must be a multiple of patch");
};
template <int Dim, Positions P> struct PositionsFitDim {
  static constexpr bool holds = P != Positions::sincos || Dim % 4 == 0;
  static_assert(holds, "2-D sine-cosine positions need a dim that is a multiple of 4");
};

}  // namespace vitrail
