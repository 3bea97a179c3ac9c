// Layer-wise decay of the learning rate: what lies deeper in a pre-trained encoder changes less when it is fine-tuned.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "../nn/module.hpp"

namespace vitrail {

// The layer of a parameter by its name in an encoder, or in an objective that has one: 0 for what makes tokens (patch embedding,
// positions, class and mask token), i + 1 for block i, and -1 for what comes last (the final normalisation, pools, heads, decoders).
inline int layer_of(std::string name) {
  if (name.starts_with("encoder.")) name.erase(0, 8);
  if (name.starts_with("blocks.")) return 1 + std::atoi(name.c_str() + 7);
  for (const char* first : {"patch_embed.", "pos_embed", "cls_token", "mask_token"})
    if (name.starts_with(first)) return 0;
  return -1;
}

// Factors of the learning rate, decay^(last - layer), where the last layer, depth + 1, has factor 1 (ELECTRA, Clark et al. 2020; in
// this form BEiT, Bao et al. 2021). At 0.65 and 12 blocks, patches learn at 0.0037 of the rate.
class LayerDecay {
 public:
  LayerDecay(const std::vector<ParameterEntry>& parameters, double decay) : decay_(decay) {
    for (const ParameterEntry& p : parameters) last_ = std::max(last_, layer_of(p.name) + 1);
  }
  double factor(const std::string& name) const {
    const int layer = layer_of(name);
    return layer < 0 ? 1 : std::pow(decay_, last_ - layer);
  }

 private:
  double decay_;
  int last_ = 0;  // depth + 1
};

}  // namespace vitrail
