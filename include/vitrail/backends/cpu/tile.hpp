// The innermost loop of every product: a tile of C stays in registers while k runs. One text, three instruction sets. Every
// element is one chain of fused multiply-adds in the order of k, so that AVX2 and AVX-512 give the same bits.
#pragma once
#include <array>
#include <cstdint>
#include <utility>

#include "isa.hpp"

#if VITRAIL_X86
VITRAIL_FOREIGN_HEADERS_BEGIN
#include <immintrin.h>
VITRAIL_FOREIGN_HEADERS_END

namespace vitrail::cpu {

// c[i, j] = sum over k of a[i, k] b[k, j] + bias[j] + plus[i, j]; bias and plus may be null. Steps are in numbers of 32 bits:
// floats, or for bfloat16 pairs of neighbours in k.
struct Tile {
  std::int64_t k;
  const float* a;
  std::int64_t a_row, a_step;
  const float* b;
  std::int64_t b_step;
  const float *bias, *plus;
  std::int64_t plus_row;
  float* c;
  std::int64_t c_row;
};

// Accumulators are variables with names: an array of them would be kept in memory by g++ 12. Rows 3, 4, 5 and 6, 7 have base
// pointers of their own, because an address is a base and 1, 2, 4 or 8 strides.
#define VITRAIL_TILE_ROWS(X) X(0, a0) X(1, a0 + row) X(2, a0 + 2 * row) X(3, a3) X(4, a3 + row) X(5, a3 + 2 * row) X(6, a6) X(7, a6 + row)
#define VITRAIL_TILE_ZERO(i, at) [[maybe_unused]] auto c##i##0 = VITRAIL_ZERO(), c##i##1 = VITRAIL_ZERO();
#define VITRAIL_TILE_FETCH(i, at)                                                    \
  if constexpr (i < Rows) {                                                          \
    __builtin_prefetch(t.c + i * t.c_row, 1);                                        \
    if constexpr (VITRAIL_LANES == 16 && Vectors > 1) __builtin_prefetch(t.c + i * t.c_row + 16, 1); \
  }
#define VITRAIL_TILE_STEP(i, at)                           \
  if constexpr (i < Rows) {                                \
    const auto a = VITRAIL_SPREAD(*(at));                          \
    c##i##0 = VITRAIL_MULTIPLY_ADD(c##i##0, a, b0);                \
    if constexpr (Vectors > 1) c##i##1 = VITRAIL_MULTIPLY_ADD(c##i##1, a, b1); \
  }
#define VITRAIL_TILE_PUT(i, v)                                                                             \
  if constexpr (i < Rows && v < Vectors) {                                                                 \
    auto x = c##i##v;                                                                                      \
    if (t.bias != nullptr) x = VITRAIL_ADD(x, VITRAIL_LOAD(t.bias + v * VITRAIL_LANES));                                           \
    if (t.plus != nullptr) x = VITRAIL_ADD(x, VITRAIL_LOAD(t.plus + i * t.plus_row + v * VITRAIL_LANES));                          \
    VITRAIL_STORE(t.c + i * t.c_row + v * VITRAIL_LANES, x);                                                               \
  }
#define VITRAIL_TILE_END(i, at) VITRAIL_TILE_PUT(i, 0) VITRAIL_TILE_PUT(i, 1)
#define VITRAIL_TILE_BODY                                                  \
  VITRAIL_TILE_ROWS(VITRAIL_TILE_ZERO)                                     \
  if (t.k >= 128) { VITRAIL_TILE_ROWS(VITRAIL_TILE_FETCH) }                \
  const std::int64_t row = t.a_row;                                        \
  const float *a0 = t.a, *a3 = a0 + 3 * row, *a6 = a3 + 3 * row, *b = t.b; \
  for (std::int64_t k = 0; k < t.k; ++k) {                                 \
    const auto b0 = VITRAIL_LOAD(b);                                               \
    [[maybe_unused]] const auto b1 = Vectors > 1 ? VITRAIL_LOAD(b + VITRAIL_LANES) : b0;   \
    VITRAIL_TILE_ROWS(VITRAIL_TILE_STEP)                                   \
    a0 += t.a_step, a3 += t.a_step, a6 += t.a_step, b += t.b_step;         \
  }                                                                        \
  VITRAIL_TILE_ROWS(VITRAIL_TILE_END)

#define VITRAIL_ZERO _mm512_setzero_ps
#define VITRAIL_LOAD _mm512_loadu_ps
#define VITRAIL_STORE _mm512_storeu_ps
#define VITRAIL_SPREAD _mm512_set1_ps
#define VITRAIL_ADD _mm512_add_ps
#define VITRAIL_MULTIPLY_ADD(c, a, b) _mm512_fmadd_ps(a, b, c)
#define VITRAIL_LANES 16
template <int Rows, int Vectors> VITRAIL_AVX512 void tile_avx512(const Tile& t) { VITRAIL_TILE_BODY }
#undef VITRAIL_MULTIPLY_ADD
#define VITRAIL_MULTIPLY_ADD(c, a, b) _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b)
template <int Rows, int Vectors> VITRAIL_AVX512_BF16 void tile_bf16(const Tile& t) { VITRAIL_TILE_BODY }
#undef VITRAIL_ZERO
#undef VITRAIL_LOAD
#undef VITRAIL_STORE
#undef VITRAIL_SPREAD
#undef VITRAIL_ADD
#undef VITRAIL_MULTIPLY_ADD
#undef VITRAIL_LANES
#define VITRAIL_ZERO _mm256_setzero_ps
#define VITRAIL_LOAD _mm256_loadu_ps
#define VITRAIL_STORE _mm256_storeu_ps
#define VITRAIL_SPREAD _mm256_set1_ps
#define VITRAIL_ADD _mm256_add_ps
#define VITRAIL_MULTIPLY_ADD(c, a, b) _mm256_fmadd_ps(a, b, c)
#define VITRAIL_LANES 8
template <int Rows, int Vectors> VITRAIL_AVX2 void tile_avx2(const Tile& t) { VITRAIL_TILE_BODY }
#undef VITRAIL_ZERO
#undef VITRAIL_LOAD
#undef VITRAIL_STORE
#undef VITRAIL_SPREAD
#undef VITRAIL_ADD
#undef VITRAIL_MULTIPLY_ADD
#undef VITRAIL_LANES
#undef VITRAIL_TILE_ROWS
#undef VITRAIL_TILE_ZERO
#undef VITRAIL_TILE_FETCH
#undef VITRAIL_TILE_STEP
#undef VITRAIL_TILE_PUT
#undef VITRAIL_TILE_END
#undef VITRAIL_TILE_BODY

// The tiles of one instruction set, by rows - 1 and vectors - 1. Eight rows of two vectors are enough to keep the multipliers
// busy, and small models have few rows; AVX2 has registers for six.
struct TileSet {
  std::int64_t rows, lanes;
  std::int64_t pairs;  // numbers of k in a word of 32 bits: 1, or 2 for bfloat16
  void (*tile[8][2])(const Tile&);
  std::int64_t panel() const { return 2 * lanes; }  // columns of a packed panel of b
};

namespace detail {
template <int... I> constexpr TileSet avx512_tiles(std::integer_sequence<int, I...>) {
  return {8, 16, 1, {{tile_avx512<I + 1, 1>, tile_avx512<I + 1, 2>}...}};
}
template <int... I> constexpr TileSet bf16_tiles(std::integer_sequence<int, I...>) {
  return {8, 16, 2, {{tile_bf16<I + 1, 1>, tile_bf16<I + 1, 2>}...}};
}
template <int... I> constexpr TileSet avx2_tiles(std::integer_sequence<int, I...>) {
  return {6, 8, 1, {{tile_avx2<I + 1, 1>, tile_avx2<I + 1, 2>}...}};
}
}  // namespace detail

inline constexpr TileSet tiles_avx512 = detail::avx512_tiles(std::make_integer_sequence<int, 8>{});
inline constexpr TileSet tiles_bf16 = detail::bf16_tiles(std::make_integer_sequence<int, 8>{});
inline constexpr TileSet tiles_avx2 = detail::avx2_tiles(std::make_integer_sequence<int, 6>{});

}  // namespace vitrail::cpu
#endif
