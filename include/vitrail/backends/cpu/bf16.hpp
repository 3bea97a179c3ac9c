// Operands rounded to bfloat16, the upper half of a float: packed as pairs of neighbours in k for processors that multiply such
// pairs, or rounded in place for the others. Sums, results and everything that is kept stay float.
#pragma once
#include "../../core/bits.hpp"
#include "packing.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

// The nearest bfloat16, of equals the even one; what is not a number stays none.
inline std::uint32_t bf16_bits(float x) {
  const std::uint32_t bits = bits_as<std::uint32_t>(x);
  if (x != x) return bits >> 16 | 0x40u;
  return (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
}
inline float bf16_rounded(float x) { return bits_as<float>(bf16_bits(x) << 16); }

inline void round_to_bf16(float* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = bf16_rounded(x[i]);
}

#if VITRAIL_X86

inline float bf16_pair(float first, float second) { return bits_as<float>(bf16_bits(second) << 16 | bf16_bits(first)); }

// 16 pairs from two rows of k.
VITRAIL_AVX512_BF16 inline __m512i bf16_pairs(__m512 first, __m512 second) {
  const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(first)),
                high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(second));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

// As pack_panels, two rows of k in one row of words; a missing row is zero.
VITRAIL_AVX512_BF16 inline void pack_panels_bf16(float* to, std::int64_t panel_step, std::int64_t width, Operand<float> b, std::int64_t k,
                                                 std::int64_t n) {
  if (!b.transposed) {
    for (std::int64_t p = 0; p < k; p += 2, to += width) {
      const float *const first = b.at + p * b.stride, *const second = first + b.stride;
      for (std::int64_t j = 0; j < (n + width - 1) / width * width; j += 16) {
        const std::int64_t left = std::clamp<std::int64_t>(n - j, 0, 16);
        const __mmask16 inside = static_cast<__mmask16>((1u << left) - 1u);
        const __m512 x = _mm512_maskz_loadu_ps(inside, first + j);
        const __m512 y = p + 1 < k ? _mm512_maskz_loadu_ps(inside, second + j) : _mm512_setzero_ps();
        _mm512_storeu_si512(to + j / width * panel_step + j % width, bf16_pairs(x, y));
      }
    }
    return;
  }
  if (n % width != 0) std::fill_n(to + n / width * panel_step, (k + 1) / 2 * width, 0.0f);
  const std::int64_t whole_n = n / 8 * 8, whole_k = k / 16 * 16, row = b.stride;
  for (std::int64_t j = 0; j < whole_n; j += 8)
    for (std::int64_t p = 0; p < whole_k; p += 16) {
      __m256 words[8];
      for (std::int64_t c = 0; c < 8; ++c) words[c] = (__m256)_mm512_cvtneps_pbh(_mm512_loadu_ps(b.at + (j + c) * row + p));
      transpose8(words);
      store8(to + j / width * panel_step + p / 2 * width + j % width, width, words);
    }
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t p = j < whole_n ? whole_k : 0; p < k; p += 2)
      to[j / width * panel_step + p / 2 * width + j % width] = bf16_pair(b.at[j * row + p], p + 1 < k ? b.at[j * row + p + 1] : 0.0f);
}

// Rows of a as pairs, `step` words from row to row.
VITRAIL_AVX512_BF16 inline void pack_rows_bf16(float* to, std::int64_t step, const float* a, std::int64_t stride, std::int64_t k,
                                               std::int64_t m) {
  for (std::int64_t i = 0; i < m; ++i, a += stride, to += step) {
    std::int64_t p = 0;
    for (; p + 32 <= k; p += 32)
      _mm512_storeu_si512(to + p / 2, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(a + p + 16), _mm512_loadu_ps(a + p)));
    for (; p < k; p += 2) to[p / 2] = bf16_pair(a[p], p + 1 < k ? a[p + 1] : 0.0f);
  }
}

// As pack_transposed for tiles of 8 rows, two rows of k in one row of words.
VITRAIL_AVX512_BF16 inline void pack_transposed_bf16(float* to, const float* a, std::int64_t stride, std::int64_t k, std::int64_t m,
                                                     float* sums) {
  const std::int64_t words = (k + 1) / 2, step = words + panel_gap / 8;
  std::int64_t i = 0;
  for (; i + 16 <= m; i += 16) {
    float *const first = to + i * step, *const second = first + 8 * step;
    __m512 sum = _mm512_setzero_ps();
    for (std::int64_t p = 0; p < k; p += 2) {
      const float* const from = a + p * stride + i;
      const __m512 x = _mm512_loadu_ps(from), y = p + 1 < k ? _mm512_loadu_ps(from + stride) : _mm512_setzero_ps();
      const __m512i pairs = bf16_pairs(x, y);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(first + p * 4), _mm512_castsi512_si256(pairs));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(second + p * 4), _mm512_extracti64x4_epi64(pairs, 1));
      sum = _mm512_add_ps(_mm512_add_ps(sum, x), y);
    }
    if (sums != nullptr) _mm512_storeu_ps(sums + i, _mm512_add_ps(_mm512_loadu_ps(sums + i), sum));
  }
  for (; i < m; i += 8) {
    const std::int64_t columns = std::min<std::int64_t>(8, m - i);
    for (std::int64_t c = 0; c < columns; ++c) {
      float sum = 0;
      for (std::int64_t p = 0; p < k; p += 2) {
        const float x = a[p * stride + i + c], y = p + 1 < k ? a[(p + 1) * stride + i + c] : 0.0f;
        to[i * step + p / 2 * columns + c] = bf16_pair(x, y);
        sum = sum + x + y;
      }
      if (sums != nullptr) sums[i + c] += sum;
    }
  }
}

#endif

}  // namespace vitrail::cpu::inline VITRAIL_ABI
