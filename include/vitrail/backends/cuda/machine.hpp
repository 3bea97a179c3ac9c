// What kernels for CUDA run on: the card, or the host, where tests run the same kernels. A machine is a device that says so.
#pragma once
#include <algorithm>
#include <concepts>
#include <cstdint>

#include "../../core/bfloat16.hpp"
#include "../../core/error.hpp"
#include "../catalog.hpp"
#include "../device.hpp"

namespace vitrail::cuda {

using i64 = std::int64_t;

// y (rows, cols) = a (rows, inner) b (inner, cols), row-major; `batch` of them, so many numbers apart.
struct Gemm {
  i64 rows, cols, inner;
  bool a_transposed = false, b_transposed = false;  // stored as (inner, rows), as (cols, inner)
  i64 batch = 1, a_step = 0, b_step = 0, y_step = 0;
  bool exact = false;                               // never rounded, whatever the device's precision is
  bool operator==(const Gemm&) const = default;
};
// What is added on the way: a bias (cols) to every row; y's old value, or something else of y's shape.
template <class T>
struct Plus {
  const T* bias = nullptr;
  const T* other = nullptr;
};

// What a product may do in the same pass, where a machine can.
enum class Fused : char {
  none,
  gelu,        // kept = y;  y = gelu_tanh(y)
  gelu_slope,  // y = y gelu_tanh'(kept);  sums (cols) = the sums of y over its rows
  sums_of_a    // sums (rows) = the sums of a over `inner`; of each in a batch, `sums_step` numbers apart
};
template <class T>
struct Fusion {
  Fused what;
  const T* kept;  // of y's shape; written by `gelu`
  T* sums = nullptr;
  i64 sums_step = 0;
};

// A device D with
//   launch(name, body, blocks, shared_bytes)   a kernel; `name` is the op's, for errors
//   gemm(name, Gemm, y, a, b, Plus<Y>)         a product: a and b of scalar T, y of scalar Y, which is T or wide<T>
//   fused_gemm(name, Gemm, y, a, b, Plus<Y>, Fusion<Y>)   the same with more; or false, and nothing was called
//   scratch<T>(count)                          working memory, until the next call
//   resident(indices, count)                   a list that the host drew, where kernels can read it
//   precision()                                of products
//   shared_limit()                             bytes of shared memory that a block may have
//   scores_at_once()                           how many numbers of a large head's scores may exist
// Timed<D> and Checked<D> are devices, and no machines: their kernels call D's.
template <class D>
concept Machine = std::same_as<typename D::cuda_machine, D>;

// How many pieces of `size` make n.
constexpr i64 pieces(i64 n, i64 size) { return (n + size - 1) / size; }
// Room for `count` numbers of scalar T in scratch memory of scalar Y, so that what follows lies on 16 bytes.
template <class Y, class T> constexpr i64 room_for(i64 count) {
  return pieces(count * static_cast<i64>(sizeof(T)), 16) * 16 / static_cast<i64>(sizeof(Y));
}

}  // namespace vitrail::cuda
