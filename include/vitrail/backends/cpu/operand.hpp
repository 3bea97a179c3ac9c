// A product of matrices as its callers see it: operands, where the result goes, how it is computed.
#pragma once
#include <cstdint>

#include "../../tensor/arena.hpp"
#include "isa.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

inline constexpr std::size_t packing_bytes = std::size_t{2} << 20;  // untouched pages cost nothing

// Where one thread packs what only it reads: 64-byte aligned, allocated once per thread, so that products allocate nothing.
// The threads of a pool ask when they start, any other thread at its first product.
inline void* packing_space() {
  struct Space : HostMemory {
    void* at = allocate(packing_bytes);
    ~Space() { release(at); }
  };
  thread_local Space space;
  return space.at;
}

// A matrix in memory: rows of `stride` numbers, read as it is or transposed.
template <class T>
struct Operand {
  const T* at = nullptr;
  std::int64_t stride = 0;
  bool transposed = false;

  Operand from(std::int64_t row, std::int64_t column) const {
    return {at + (transposed ? column * stride + row : row * stride + column), stride, transposed};
  }
};

// The right operand: in panels for the tiles, or as it is for Eigen.
template <class T>
struct Right {
  Operand<T> plain;
  const T* panels = nullptr;
  std::int64_t width = 1, panel_step = 0, row_step = 0;  // columns of a panel; words from panel to panel, from row to row

  Right from_column(std::int64_t column) const {
    return {plain.from(0, column), panels == nullptr ? nullptr : panels + column / width * panel_step, width, panel_step, row_step};
  }
};
inline constexpr std::int64_t widest_panel = 32;
// Words of a packed (k, n), whatever the width of its panels.
constexpr std::int64_t right_size(std::int64_t k, std::int64_t n) {
  return (n + widest_panel - 1) / widest_panel * (widest_panel * k + 2 * 16);
}

// Where a product goes: y = a b + bias + plus, in rows `stride` numbers apart. bias (n) and plus (m, n) may be null, and plus
// may be y itself.
template <class T>
struct Result {
  T* y;
  std::int64_t stride;
  const T* bias = nullptr;
  const T* plus = nullptr;
  std::int64_t plus_stride = 0;

  Result from(std::int64_t row, std::int64_t column) const {
    return {y + row * stride + column, stride, bias == nullptr ? nullptr : bias + column,
            plus == nullptr ? nullptr : plus + row * plus_stride + column, plus_stride};
  }
  Result further() const { return {y, stride, nullptr, y, stride}; }  // for all blocks of k but the first

  void put(std::int64_t row, std::int64_t column, T sum) const {  // one number, with what is added to it
    if (bias != nullptr) sum += bias[column];
    if (plus != nullptr) sum += plus[row * plus_stride + column];
    y[row * stride + column] = sum;
  }
};
// y = a b, or y += a b.
template <class T>
Result<T> result(T* y, std::int64_t stride, bool add = false) {
  return {y, stride, nullptr, add ? y : nullptr, stride};
}

// How a product is computed. Inputs may be rounded to bfloat16 first; sums are of T always.
struct Arithmetic {
  Isa isa;
  bool rounded = false;
  constexpr Arithmetic(Isa instructions, bool to_bf16 = false) : isa(instructions), rounded(to_bf16) {}
  constexpr bool has_tiles() const { return isa != Isa::portable; }
};

// y = a (m, k) b (k, n) ..., all of it by the calling thread, which packs b by pieces. The body is in product.hpp.
template <class T>
void product(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, const Result<T>& y, Arithmetic how = best_isa());

}  // namespace vitrail::cpu::inline VITRAIL_ABI
