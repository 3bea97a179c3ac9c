// Initial values. Every parameter has a random stream named by its path, so that one more layer does not change the others.
#pragma once
#include <vector>

#include "../autograd/parameter.hpp"
#include "../core/config.hpp"
#include "../core/random.hpp"

namespace vitrail {

// The fixed sine-cosine table of MAE (He et al. 2022): the first half of the channels encodes the column, the second half
// the row; per axis [sin | cos] of position * 10000^(-i / (dim / 4)). Rows before the last perfect square (a class token)
// are zero.
template <class T> void fill_positions_2d(std::vector<T>& table, int dim);

// Fills `values`, all of one parameter of shape (rows, ..., columns), as `init` says.
template <class T> void fill_initial(std::vector<T>& values, Init init, int rows, int columns, Random random);

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/init.hpp"
#endif
