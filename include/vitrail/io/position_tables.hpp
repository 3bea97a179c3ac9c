// Tables of positions of one image size for another, as a checkpoint is loaded.
#pragma once
#include <cmath>

#include "../core/resample_filter.hpp"
#include "tensor_entry.hpp"

namespace vitrail {

// Where the positions lie in a parameter of a file: a square lattice of rows, and rows of the class token's before or behind it, which
// no size changes. Known by name, as timm has them: `pos_embed` (1, lead + g^2, dim), for the patches of an image; and BEiT's
// `relative_position_bias_table` ((2g - 1)^2 + 0 or 3, heads), for the distances between them.
//
// Resampling is the bicubic of DeiT's fine-tuning (Touvron et al. 2021, and its code): Keys' kernel with a = -0.75, rows at the centres
// of their cells, edges repeated, no smoothing when the lattice shrinks. BEiT's own fine-tuning resamples its table at distances in
// geometric progression instead: at much larger images this one costs accuracy (microsoft/unilm#376).
struct PositionTable {
  std::int64_t before = 0, side = 0, behind = 0, dim = 0;  // rows, rows of the lattice's edge, rows, numbers in a row

  // side 0: no table of positions.
  static PositionTable of(const std::string& name, const std::vector<std::int64_t>& shape) {
    PositionTable table;
    if (name.ends_with("pos_embed") && shape.size() == 3 && shape[0] == 1) {
      table.before = table.square(shape[1] - 1) ? 1 : 0;
      if (table.before == 0) table.square(shape[1]);
    } else if (name.ends_with("relative_position_bias_table") && shape.size() == 2) {
      table.behind = table.square(shape[0] - 3) ? 3 : 0;
      if (table.behind == 0) table.square(shape[0]);
      if (table.side % 2 == 0) table.side = 0;
    }
    table.dim = shape.empty() ? 0 : shape.back();
    return table;
  }
  // Whether the entry is a table that can be made one of `shape`.
  static bool fits(const TensorEntry& entry, const std::vector<std::int64_t>& shape) {
    const PositionTable from = of(entry.name, entry.shape), to = of(entry.name, shape);
    return from.side > 0 && to.side > 0 && from.before == to.before && from.behind == to.behind && from.dim == to.dim;
  }
  // Its numbers, made a table of `shape`, which it fits.
  static std::vector<double> resampled(const TensorEntry& entry, const std::vector<std::int64_t>& shape) {
    const PositionTable from = of(entry.name, entry.shape), to = of(entry.name, shape);
    const std::vector<double> values = values_of<double>(entry);
    const auto lattice = values.begin() + from.before * from.dim, end = lattice + from.side * from.side * from.dim;
    std::vector<double> out(values.begin(), lattice);
    const std::vector<double> rows = stretched({lattice, end}, from.side, to.side, from.side * from.dim, 1);
    const std::vector<double> all = stretched(rows, from.side, to.side, from.dim, to.side);
    out.insert(out.end(), all.begin(), all.end());
    out.insert(out.end(), end, values.end());
    return out;
  }

 private:
  // Whether `rows` are a square; then its side is this one's.
  bool square(std::int64_t rows) {
    const auto root = static_cast<std::int64_t>(std::sqrt(static_cast<double>(std::max<std::int64_t>(rows, 0))) + 0.5);
    if (root < 1 || root * root != rows) return false;
    side = root;
    return true;
  }
  // Each of `groups` groups of `from` items of `width` numbers becomes `to` items, along the group.
  static std::vector<double> stretched(const std::vector<double>& x, std::int64_t from, std::int64_t to, std::int64_t width,
                                       std::int64_t groups) {
    std::vector<double> out(static_cast<std::size_t>(groups * to * width));
    for (std::int64_t item = 0; item < groups * to; ++item) {
      const CubicTaps taps(static_cast<int>(item % to), static_cast<int>(from), static_cast<double>(from) / static_cast<double>(to));
      for (int k = 0; k < 4; ++k) {
        const std::int64_t row = item / to * from + taps.cell[k];
        for (std::int64_t i = 0; i < width; ++i)
          out[static_cast<std::size_t>(item * width + i)] += taps.weight[k] * x[static_cast<std::size_t>(row * width + i)];
      }
    }
    return out;
  }
};

}  // namespace vitrail
