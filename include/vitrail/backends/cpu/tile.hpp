// The innermost loop of every product: a tile of C stays in registers while k runs. One text, three instruction sets. Every
// element is one chain of fused multiply-adds in the order of k, so that AVX2 and AVX-512 give the same bits.
#pragma once
#include <cstdint>
#include <utility>

#include "isa.hpp"

#if VITRAIL_X86
VITRAIL_FOREIGN_HEADERS_BEGIN
#include <immintrin.h>
VITRAIL_FOREIGN_HEADERS_END

namespace vitrail::cpu::inline VITRAIL_ABI {

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

// The text of a tile, for an instruction set whose names begin with V, with L floats in a vector and MULTIPLY_ADD(V, c, a, b).
// Accumulators are variables with names: an array of them would be kept in memory by g++ 12. Rows 3, 4, 5 and 6, 7 have base
// pointers of their own, because an address is a base and 1, 2, 4 or 8 strides.
#define VITRAIL_TILE_ROWS(X, ...)                                                                               \
  X(0, a0, __VA_ARGS__)                                                                                         \
  X(1, a0 + row, __VA_ARGS__) X(2, a0 + 2 * row, __VA_ARGS__) X(3, a3, __VA_ARGS__) X(4, a3 + row, __VA_ARGS__) \
      X(5, a3 + 2 * row, __VA_ARGS__) X(6, a6, __VA_ARGS__) X(7, a6 + row, __VA_ARGS__)
#define VITRAIL_TILE_ZERO(i, at, V) [[maybe_unused]] auto c##i##0 = V##_setzero_ps(), c##i##1 = V##_setzero_ps();
#define VITRAIL_TILE_FETCH(i, at, L)                                                         \
  if constexpr (i < Rows) {                                                                  \
    VITRAIL_PREFETCH_TO_WRITE(t.c + i * t.c_row);                                            \
    if constexpr (L == 16 && Vectors > 1) VITRAIL_PREFETCH_TO_WRITE(t.c + i * t.c_row + 16); \
  }
#define VITRAIL_TILE_STEP(i, at, V, MULTIPLY_ADD)                         \
  if constexpr (i < Rows) {                                               \
    const auto a = V##_set1_ps(*(at));                                    \
    c##i##0 = MULTIPLY_ADD(V, c##i##0, a, b0);                            \
    if constexpr (Vectors > 1) c##i##1 = MULTIPLY_ADD(V, c##i##1, a, b1); \
  }
#define VITRAIL_TILE_PUT(i, v, V, L)                                                         \
  if constexpr (i < Rows && v < Vectors) {                                                   \
    auto x = c##i##v;                                                                        \
    if (t.bias != nullptr) x = V##_add_ps(x, V##_loadu_ps(t.bias + v * L));                  \
    if (t.plus != nullptr) x = V##_add_ps(x, V##_loadu_ps(t.plus + i * t.plus_row + v * L)); \
    V##_storeu_ps(t.c + i * t.c_row + v * L, x);                                             \
  }
#define VITRAIL_TILE_END(i, at, V, L) VITRAIL_TILE_PUT(i, 0, V, L) VITRAIL_TILE_PUT(i, 1, V, L)
#define VITRAIL_TILE(V, L, MULTIPLY_ADD)                                     \
  VITRAIL_TILE_ROWS(VITRAIL_TILE_ZERO, V)                                    \
  if (t.k >= 128) {                                                          \
    VITRAIL_TILE_ROWS(VITRAIL_TILE_FETCH, L)                                 \
  }                                                                          \
  const std::int64_t row = t.a_row;                                          \
  const float *a0 = t.a, *a3 = a0 + 3 * row, *a6 = a3 + 3 * row, *b = t.b;   \
  for (std::int64_t k = 0; k < t.k; ++k) {                                   \
    const auto b0 = V##_loadu_ps(b);                                         \
    [[maybe_unused]] const auto b1 = Vectors > 1 ? V##_loadu_ps(b + L) : b0; \
    VITRAIL_TILE_ROWS(VITRAIL_TILE_STEP, V, MULTIPLY_ADD)                    \
    a0 += t.a_step, a3 += t.a_step, a6 += t.a_step, b += t.b_step;           \
  }                                                                          \
  VITRAIL_TILE_ROWS(VITRAIL_TILE_END, V, L)
#define VITRAIL_TILE_FLOATS(V, c, a, b) V##_fmadd_ps(a, b, c)
#define VITRAIL_TILE_BF16(V, c, a, b) V##_dpbf16_ps(c, (__m512bh)a, (__m512bh)b)

template <int Rows, int Vectors>
VITRAIL_AVX2 void tile_avx2(const Tile& t) {
  VITRAIL_TILE(_mm256, 8, VITRAIL_TILE_FLOATS)
}
template <int Rows, int Vectors>
VITRAIL_AVX512 void tile_avx512(const Tile& t) {
  VITRAIL_TILE(_mm512, 16, VITRAIL_TILE_FLOATS)
}
template <int Rows, int Vectors>
VITRAIL_AVX512_BF16 void tile_bf16(const Tile& t) {
  VITRAIL_TILE(_mm512, 16, VITRAIL_TILE_BF16)
}

#undef VITRAIL_TILE_ROWS
#undef VITRAIL_TILE_ZERO
#undef VITRAIL_TILE_FETCH
#undef VITRAIL_TILE_STEP
#undef VITRAIL_TILE_PUT
#undef VITRAIL_TILE_END
#undef VITRAIL_TILE
#undef VITRAIL_TILE_FLOATS
#undef VITRAIL_TILE_BF16

// The tiles of one instruction set, by rows - 1 and vectors - 1. Eight rows of two vectors are enough to keep the multipliers
// busy, and small models have few rows; AVX2 has registers for six.
struct TileSet {
  std::int64_t rows, lanes;
  std::int64_t pairs;  // numbers of k in a word of 32 bits: 1, or 2 for bfloat16
  void (*tile[8][2])(const Tile&);
  std::int64_t panel() const { return 2 * lanes; }  // columns of a packed panel of b
};

namespace detail {
template <int... I>
constexpr TileSet avx512_tiles(std::integer_sequence<int, I...>) {
  return {8, 16, 1, {{tile_avx512<I + 1, 1>, tile_avx512<I + 1, 2>}...}};
}
template <int... I>
constexpr TileSet bf16_tiles(std::integer_sequence<int, I...>) {
  return {8, 16, 2, {{tile_bf16<I + 1, 1>, tile_bf16<I + 1, 2>}...}};
}
template <int... I>
constexpr TileSet avx2_tiles(std::integer_sequence<int, I...>) {
  return {6, 8, 1, {{tile_avx2<I + 1, 1>, tile_avx2<I + 1, 2>}...}};
}
}  // namespace detail

inline constexpr TileSet tiles_avx512 = detail::avx512_tiles(std::make_integer_sequence<int, 8>{});
inline constexpr TileSet tiles_bf16 = detail::bf16_tiles(std::make_integer_sequence<int, 8>{});
inline constexpr TileSet tiles_avx2 = detail::avx2_tiles(std::make_integer_sequence<int, 6>{});

}  // namespace vitrail::cpu::inline VITRAIL_ABI
#endif
