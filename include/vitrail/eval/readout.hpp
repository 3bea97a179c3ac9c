// How an image's tokens become one vector: averages, the class token, or a coarse grid that keeps the layout.
#pragma once
#include <string>
#include <vector>

#include "../core/config.hpp"
#include "../core/error.hpp"

namespace vitrail {

enum class Readout : char {
  mean,                  // of the patches: D numbers
  class_token,           // D
  class_token_and_mean,  // one after the other: 2 D (BEiT's linear probe)
  grid,  // means of cells x cells parts of the picture, by rows: cells^2 D. Masked modelling puts what it
         // knows into single patches, which one mean over all of them throws away
};

struct Pooling {
  Readout readout = Readout::mean;
  int cells = 4;  // of a side; Readout::grid only. Where it does not divide the patches, cells overlap by one row
};

// What a pooling makes of sequences of lead + grid x grid tokens of `dim` numbers. Throws ConfigError where the encoder
// lacks what the pooling reads.
class TokenPool {
 public:
  TokenPool(Pooling pooling, int lead, int grid, int dim);

  int dim() const {  // numbers per image
    if (pooling_.readout == Readout::grid) return pooling_.cells * pooling_.cells * dim_;
    return pooling_.readout == Readout::class_token_and_mean ? 2 * dim_ : dim_;
  }

  // One image: tokens (lead + grid^2, D), appended to `out` as dim() numbers.
  template <class T>
  void operator()(const T* tokens, std::vector<float>& out) const {
    if (pooling_.readout == Readout::grid) {
      for (int row = 0; row < pooling_.cells; ++row)
        for (int column = 0; column < pooling_.cells; ++column)
          append_mean(tokens, begin(row), end(row), begin(column), end(column), out);
      return;
    }
    if (pooling_.readout != Readout::mean)
      for (int d = 0; d < dim_; ++d) out.push_back(static_cast<float>(tokens[d]));
    if (pooling_.readout != Readout::class_token) append_mean(tokens, 0, grid_, 0, grid_, out);
  }

 private:
  int begin(int cell) const { return cell * grid_ / pooling_.cells; }
  int end(int cell) const { return ((cell + 1) * grid_ + pooling_.cells - 1) / pooling_.cells; }

  template <class T>
  void append_mean(const T* tokens, int top, int bottom, int left, int right, std::vector<float>& out) const {
    const double share = 1.0 / ((bottom - top) * (right - left));
    const T* const patches = tokens + static_cast<std::ptrdiff_t>(lead_) * dim_;
    for (int d = 0; d < dim_; ++d) {
      double sum = 0;
      for (int y = top; y < bottom; ++y)
        for (int x = left; x < right; ++x)
          sum += static_cast<double>(patches[static_cast<std::ptrdiff_t>(y * grid_ + x) * dim_ + d]);
      out.push_back(static_cast<float>(sum * share));
    }
  }

  Pooling pooling_;
  int lead_, grid_, dim_;
};

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/readout.hpp"
#endif
