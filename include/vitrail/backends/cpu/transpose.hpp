// A matrix turned over in memory.
#pragma once
#include "product.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

#if VITRAIL_X86
// Eight by eight; the last blocks reach back, so that none is smaller.
VITRAIL_AVX2 VITRAIL_NOINLINE inline void transpose_blocks(float* to, std::int64_t to_stride, const float* from, std::int64_t from_stride,
                                                           std::int64_t rows, std::int64_t columns) {
  for (std::int64_t j = 0; j < columns; j += 8)
    for (std::int64_t i = 0; i < rows; i += 8) {
      const std::int64_t row = std::min(i, rows - 8), column = std::min(j, columns - 8);
      __m256 block[8];
      load8(block, from + row * from_stride + column, from_stride);
      transpose8(block);
      store8(to + column * to_stride + row, to_stride, block);
    }
}
#endif

// to (columns, rows) = from (rows, columns) turned over. A stride may be negative.
template <class T>
void transpose([[maybe_unused]] Arithmetic how, T* to, std::int64_t to_stride, const T* from, std::int64_t from_stride, std::int64_t rows,
               std::int64_t columns) {
#if VITRAIL_X86
  if constexpr (std::is_same_v<T, float>)
    if (how.has_tiles() && rows >= 8 && columns >= 8) return transpose_blocks(to, to_stride, from, from_stride, rows, columns);
#endif
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) to[j * to_stride + i] = from[i * from_stride + j];
}
// y = c^T + plus, where c is (n, m) in rows of `stride`.
template <class T>
void put_transposed([[maybe_unused]] Arithmetic how, std::int64_t m, std::int64_t n, const T* c, std::int64_t stride, const Result<T>& y) {
#if VITRAIL_X86
  if constexpr (std::is_same_v<T, float>)
    if (how.has_tiles()) return put_turned(m, n, c, stride, y);
#endif
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) y.put(i, j, c[j * stride + i]);
}

}  // namespace vitrail::cpu::inline VITRAIL_ABI
