// A codebook of patches of the training images (SplitMask, section 5.5): words that can be looked at.
#pragma once
#include "../core/random.hpp"
#include "codebook.hpp"

namespace vitrail {

// `patches` holds rows of `values` numbers. Chooses `vocabulary` different rows at random: a codebook for assign(). Centred
// codebooks have each row's mean removed, as their patches will.
template <class T>
std::vector<T> random_patches(const std::vector<T>& patches, int values, int vocabulary, Random random) {
  const std::size_t width = static_cast<std::size_t>(values), rows = patches.size() / width;
  if (rows < static_cast<std::size_t>(vocabulary))
    throw ConfigError("random_patches: a codebook of " + std::to_string(vocabulary) + " words needs as many patches, found " +
                      std::to_string(rows) + "; sample more patches or choose a smaller vocabulary");
  std::vector<std::size_t> order(rows);
  for (std::size_t i = 0; i < rows; ++i) order[i] = i;
  random.shuffle(order.data(), static_cast<int>(rows));
  std::vector<T> out;
  out.reserve(static_cast<std::size_t>(vocabulary) * width);
  for (std::size_t i = 0; i < static_cast<std::size_t>(vocabulary); ++i) {
    const auto at = patches.begin() + static_cast<std::ptrdiff_t>(order[i] * width);
    out.insert(out.end(), at, at + values);
  }
  return out;
}

}  // namespace vitrail
