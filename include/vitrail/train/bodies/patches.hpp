// Bodies of patches.hpp.
#pragma once
#include "../patches.hpp"

namespace vitrail {

VITRAIL_FUNCTION std::vector<float> sample_patches(const ImageSet& set, const TokenizerConfig& config, LoaderConfig views, int count,
                                                   Random random) {
  constexpr int per_view = 8;
  const int side = config.side(), shrink = config.shrink(), grid = views.size / config.patch;
  const std::size_t plane_size = static_cast<std::size_t>(views.size) * static_cast<std::size_t>(views.size);
  std::vector<float> rows;
  rows.reserve(static_cast<std::size_t>(count) * static_cast<std::size_t>(config.values()));
  views.rendering = Rendering::by_loader;
  BatchLoader loader(set, views);
  for (int done = 0; done < count;) {
    const Batch& batch = loader.next();
    for (int b = 0; b < batch.size; ++b)
      for (int i = 0; i < per_view && done < count; ++i, ++done) {
        const int top = random.below(grid) * config.patch, left = random.below(grid) * config.patch;
        for (int c = 0; c < views.channels; ++c) {
          const float* plane = batch.images.data() + static_cast<std::size_t>(b * views.channels + c) * plane_size;
          for (int y = 0; y < side; ++y)
            for (int x = 0; x < side; ++x) {
              float sum = 0;
              for (int v = 0; v < shrink; ++v)
                for (int u = 0; u < shrink; ++u) sum += plane[(top + y * shrink + v) * views.size + left + x * shrink + u];
              rows.push_back(sum / static_cast<float>(shrink * shrink));
            }
        }
      }
  }
  return rows;
}

}  // namespace vitrail
