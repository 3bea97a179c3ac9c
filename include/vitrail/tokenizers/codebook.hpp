// Patches as words: the row of a fixed codebook with the largest inner product (SplitMask, section 3.3). Tokenizers differ
// only in where the rows come from.
#pragma once
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "../ops/patchify.hpp"
#include "../vit/config.hpp"

namespace vitrail {

// How images become words. The paper tokenises 8 x 8 patches of a half-size copy for 16 x 16 patches of the image; we average
// pixels instead of resizing a second time, so that patches of more than 8 pixels shrink to 8.
struct TokenizerConfig {
  int channels, patch, vocabulary;
  bool centred = false;  // remove each patch's mean first: brightness then does not count

  constexpr int shrink() const { return patch > 8 && patch % 8 == 0 ? patch / 8 : 1; }
  constexpr int side() const { return patch / shrink(); }             // pixels
  constexpr int values() const { return channels * side() * side(); }  // numbers per patch, P
};

template <TokenizerConfig C> struct Codebook {
  static constexpr TokenizerConfig config = C;
  static constexpr int vocabulary = C.vocabulary, values = C.values();

  // Rows of length one. Fixed: saved with the model, never trained.
  Parameter<Shape<vocabulary, values>> codebook{.init = Init::unit_rows, .decay = false, .trained = false};

  // images (B, C, I, I), normalised as the model's input -> words (B, N): integers in 0 .. vocabulary - 1.
  constexpr auto operator()(const Untracked auto& images) const {
    return nearest_code(patchify<C.patch, C.shrink()>(images), codebook, C.centred);
  }
  // Replaces the rows: `rows` holds (vocabulary, values) numbers, and is scaled to rows of length one.
  template <class T> void assign(std::vector<T> rows) {
    if (rows.size() != static_cast<std::size_t>(vocabulary) * static_cast<std::size_t>(values))
      throw ShapeError("codebook: expected " + std::to_string(vocabulary) + " rows of " + std::to_string(values) +
                       " numbers, found " + std::to_string(rows.size()) + " numbers in all");
    for (auto row = rows.begin(); row != rows.end(); row += values) {
      const double sum = std::inner_product(row, row + values, row, 0.0);
      const T inverse = sum > 0 ? static_cast<T>(1 / std::sqrt(sum)) : T(0);
      std::transform(row, row + values, row, [&](T value) { return value * inverse; });
    }
    codebook.home->upload(codebook.value, rows.data(), rows.size() * sizeof(T));
  }
  constexpr void visit(auto&& f) { f("codebook", codebook); }
};

}  // namespace vitrail
