// Draws a mask for every image of a batch: what the draw() of an objective with one masked view returns.
#pragma once
#include "../tensor/sampler.hpp"
#include "mask_policy.hpp"

namespace vitrail {

// Which patches each image shows, and which it hides; ascending, without a class token.
template <MaskPolicy Mask> struct MaskDraw {
  Indices<Mask::visible> visible;  // (B, V)
  Indices<Mask::masked> masked;    // (B, M)
};

// An image's mask depends on the sampler's stream and the image's place in the batch alone. A blank sampler gives shapes without content.
// Throws ConfigError where a policy draws what is no mask.
template <MaskPolicy Mask> constexpr MaskDraw<Mask> sample(Sampler& sampler, int batch) {
  const MaskDraw<Mask> part{sampler.template indices<Mask::visible>(batch), sampler.template indices<Mask::masked>(batch)};
  if (!sampler.blank())
    for (int b = 0; b < batch; ++b) {
      Random random = sampler.random_of(b, batch);
      Mask::draw(random, part.visible.row(b), part.masked.row(b));
      detail::require_drawn<Mask::tokens, Mask::visible, Mask::masked>(part.visible.row(b), part.masked.row(b));
    }
  return part;
}

}  // namespace vitrail
