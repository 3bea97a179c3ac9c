// How operands are laid out for the tiles.
#pragma once
#include <algorithm>
#include <cstring>

#include "operand.hpp"
#include "tile.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

// Panels of powers of two in length would all begin at the same place of the first cache: they lie a line further apart.
inline constexpr std::int64_t panel_gap = 16;

#if VITRAIL_X86

// 8 x 8 words transposed in registers.
VITRAIL_AVX2 inline void transpose8(__m256 (&r)[8]) {
  const __m256 a0 = _mm256_unpacklo_ps(r[0], r[1]), a1 = _mm256_unpackhi_ps(r[0], r[1]), a2 = _mm256_unpacklo_ps(r[2], r[3]),
               a3 = _mm256_unpackhi_ps(r[2], r[3]), a4 = _mm256_unpacklo_ps(r[4], r[5]), a5 = _mm256_unpackhi_ps(r[4], r[5]),
               a6 = _mm256_unpacklo_ps(r[6], r[7]), a7 = _mm256_unpackhi_ps(r[6], r[7]);
  const __m256 b0 = _mm256_shuffle_ps(a0, a2, 0x44), b1 = _mm256_shuffle_ps(a0, a2, 0xEE), b2 = _mm256_shuffle_ps(a1, a3, 0x44),
               b3 = _mm256_shuffle_ps(a1, a3, 0xEE), b4 = _mm256_shuffle_ps(a4, a6, 0x44), b5 = _mm256_shuffle_ps(a4, a6, 0xEE),
               b6 = _mm256_shuffle_ps(a5, a7, 0x44), b7 = _mm256_shuffle_ps(a5, a7, 0xEE);
  r[0] = _mm256_permute2f128_ps(b0, b4, 0x20), r[1] = _mm256_permute2f128_ps(b1, b5, 0x20);
  r[2] = _mm256_permute2f128_ps(b2, b6, 0x20), r[3] = _mm256_permute2f128_ps(b3, b7, 0x20);
  r[4] = _mm256_permute2f128_ps(b0, b4, 0x31), r[5] = _mm256_permute2f128_ps(b1, b5, 0x31);
  r[6] = _mm256_permute2f128_ps(b2, b6, 0x31), r[7] = _mm256_permute2f128_ps(b3, b7, 0x31);
}
VITRAIL_AVX2 inline void load8(__m256 (&r)[8], const float* from, std::int64_t stride) {
  const float* const from3 = from + 3 * stride;
  r[0] = _mm256_loadu_ps(from), r[1] = _mm256_loadu_ps(from + stride), r[2] = _mm256_loadu_ps(from + 2 * stride);
  r[3] = _mm256_loadu_ps(from3), r[4] = _mm256_loadu_ps(from3 + stride), r[5] = _mm256_loadu_ps(from3 + 2 * stride);
  r[6] = _mm256_loadu_ps(from3 + 3 * stride), r[7] = _mm256_loadu_ps(from3 + 4 * stride);
}
VITRAIL_AVX2 inline void store8(float* to, std::int64_t stride, const __m256 (&r)[8]) {
  float* const to3 = to + 3 * stride;
  _mm256_storeu_ps(to, r[0]), _mm256_storeu_ps(to + stride, r[1]), _mm256_storeu_ps(to + 2 * stride, r[2]);
  _mm256_storeu_ps(to3, r[3]), _mm256_storeu_ps(to3 + stride, r[4]), _mm256_storeu_ps(to3 + 2 * stride, r[5]);
  _mm256_storeu_ps(to3 + 3 * stride, r[6]), _mm256_storeu_ps(to3 + 4 * stride, r[7]);
}

// Columns 0 .. n - 1 of b, k rows of them, as panels of `width` columns, each panel row by row; what is missing in the last
// panel is zero. A panel begins `panel_step` words after the one before it.
VITRAIL_AVX2 inline void pack_panels(float* to, std::int64_t panel_step, std::int64_t width, Operand<float> b, std::int64_t k,
                                     std::int64_t n) {
  if (n % width != 0) std::fill_n(to + n / width * panel_step, k * width, 0.0f);
  if (!b.transposed) {
    const std::int64_t whole = n / 8 * 8;
    for (std::int64_t p = 0; p < k; ++p, to += width) {
      const float* const from = b.at + p * b.stride;
      for (std::int64_t j = 0; j < whole; j += width)
        for (std::int64_t c = j; c < std::min(whole, j + width); c += 8)
          _mm256_storeu_ps(to + j / width * panel_step + c - j, _mm256_loadu_ps(from + c));
      for (std::int64_t c = whole; c < n; ++c) to[c / width * panel_step + c % width] = from[c];
    }
    return;
  }
  const std::int64_t whole_n = n / 8 * 8, whole_k = k / 8 * 8;
  for (std::int64_t j = 0; j < whole_n; j += 8)
    for (std::int64_t p = 0; p < whole_k; p += 8) {
      __m256 rows[8];
      load8(rows, b.at + j * b.stride + p, b.stride);
      transpose8(rows);
      store8(to + j / width * panel_step + p * width + j % width, width, rows);
    }
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t p = j < whole_n ? whole_k : 0; p < k; ++p)
      to[j / width * panel_step + p * width + j % width] = b.at[j * b.stride + p];
}

// m columns of a, k rows of them, as panels of `height` columns: a transposed, for tiles of `height` rows. A panel is height * k
// words and begins height * (k + panel_gap / 8) after the one before it. sums[i], unless null, gets the sum of column i added.
VITRAIL_AVX2 inline void pack_transposed(float* to, std::int64_t height, const float* a, std::int64_t stride, std::int64_t k,
                                         std::int64_t m, float* sums) {
  const std::int64_t step = k + panel_gap / 8;
  std::int64_t i = 0;
  if (height == 8)
    for (; i + 16 <= m; i += 16) {  // a cache line of a at a time
      float *const first = to + i * step, *const second = first + 8 * step;
      __m256 sum0 = _mm256_setzero_ps(), sum1 = _mm256_setzero_ps();
      for (std::int64_t p = 0; p < k; ++p) {
        const float* const from = a + p * stride + i;
        const __m256 x0 = _mm256_loadu_ps(from), x1 = _mm256_loadu_ps(from + 8);
        _mm256_storeu_ps(first + p * 8, x0), _mm256_storeu_ps(second + p * 8, x1);
        sum0 = _mm256_add_ps(sum0, x0), sum1 = _mm256_add_ps(sum1, x1);
      }
      if (sums == nullptr) continue;
      _mm256_storeu_ps(sums + i, _mm256_add_ps(_mm256_loadu_ps(sums + i), sum0));
      _mm256_storeu_ps(sums + i + 8, _mm256_add_ps(_mm256_loadu_ps(sums + i + 8), sum1));
    }
  for (; i < m; i += height) {
    const std::int64_t columns = std::min(height, m - i);
    float sum[8] = {};
    for (std::int64_t p = 0; p < k; ++p)
      for (std::int64_t c = 0; c < columns; ++c) {
        const float x = a[p * stride + i + c];
        to[i * step + p * columns + c] = x;
        sum[c] += x;
      }
    if (sums == nullptr) continue;
    for (std::int64_t c = 0; c < columns; ++c) sums[i + c] += sum[c];
  }
}

#endif

}  // namespace vitrail::cpu::inline VITRAIL_ABI
