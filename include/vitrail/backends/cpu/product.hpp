// A product of matrices on the calling thread: blocks of k, whose sums are added in order. The blocks depend on k alone, so
// that a row's result depends neither on the other rows nor on how work is cut, nor on the width of vectors.
#pragma once
#include <vector>

#include "bf16.hpp"
#include "eigen_product.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

// Rows of b whose products are summed in registers: eight rows of a and a panel of b stay in the first two caches.
inline std::int64_t depth_block(std::int64_t k) {
  const std::int64_t blocks = std::max<std::int64_t>(1, (k + 383) / 384);
  return std::max<std::int64_t>(16, ((k + blocks - 1) / blocks + 15) / 16 * 16);
}

#if VITRAIL_X86

inline const TileSet& tiles(Arithmetic how) {
  if (how.rounded && how.isa == Isa::avx512_bf16) return tiles_bf16;
  return how.isa == Isa::avx2 ? tiles_avx2 : tiles_avx512;
}
// Words of k numbers of one column.
inline std::int64_t words(const TileSet& set, std::int64_t k) { return (k + set.pairs - 1) / set.pairs; }
inline std::int64_t panel_step(const TileSet& set, std::int64_t k) { return words(set, k) * set.panel() + panel_gap; }

// Rows first .. first + k - 1 of a right operand whose panels lie `step` words apart.
VITRAIL_NOINLINE inline void pack_right(Arithmetic how, float* to, std::int64_t step, std::int64_t first, Operand<float> b, std::int64_t k,
                                        std::int64_t n) {
  const TileSet& set = tiles(how);
  to += first / set.pairs * set.panel();
  if (set.pairs == 2) return pack_panels_bf16(to, step, set.panel(), b, k, n);
  pack_panels(to, step, set.panel(), b, k, n);
  if (how.rounded)
    for (std::int64_t j = 0; j < n; j += set.panel()) round_to_bf16(to + j / set.panel() * step, k * set.panel());
}

// A tile at the right edge, where fewer columns are wanted than are computed.
inline void edge_tile(const TileSet& set, Tile t, std::int64_t rows, std::int64_t columns, const Result<float>& y) {
  alignas(64) float all[8 * widest_panel];
  t.bias = t.plus = nullptr, t.c = all, t.c_row = set.panel();
  set.tile[rows - 1][columns > set.lanes](t);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) y.put(i, j, all[i * set.panel() + j]);
}

// Some rows of a and one block of k, as the tiles read them.
struct Left {
  const float* at;
  std::int64_t row, step;  // words from row to row, and from k to k; step 0: packed, as many as the tile has rows
  std::int64_t tile_row;   // words from tile to tile, for each row
  std::int64_t k;          // words
};
inline Left left(Arithmetic how, Operand<float> a, std::int64_t rows, std::int64_t k, float* space, float* sums) {
  const TileSet& set = tiles(how);
  const std::int64_t length = words(set, k);
  if (a.transposed) {
    const std::int64_t tile_row = length + panel_gap / 8;
    if (set.pairs == 2) pack_transposed_bf16(space, a.at, a.stride, k, rows, sums);
    else pack_transposed(space, set.rows, a.at, a.stride, k, rows, sums);
    if (how.rounded && set.pairs == 1)
      for (std::int64_t i = 0; i < rows; i += set.rows) round_to_bf16(space + i * tile_row, k * std::min(set.rows, rows - i));
    return {space, 1, 0, tile_row, length};
  }
  if (!how.rounded) return {a.at, a.stride, 1, a.stride, k};
  const std::int64_t row = (length + 15) / 16 * 16 + panel_gap;
  if (set.pairs == 2) pack_rows_bf16(space, row, a.at, a.stride, k, rows);
  else
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t p = 0; p < k; ++p) space[i * row + p] = bf16_rounded(a.at[i * a.stride + p]);
  return {space, row, 1, row, length};
}

// All tiles of m rows, n columns and one block of k.
inline void multiply_block(const TileSet& set, std::int64_t m, std::int64_t n, const Left& a, const float* b, std::int64_t panel_step,
                           std::int64_t row_step, const Result<float>& y) {
  for (std::int64_t i = 0; i < m; i += set.rows)
    for (std::int64_t j = 0; j < n; j += set.panel()) {
      const std::int64_t rows = std::min(set.rows, m - i), columns = std::min(set.panel(), n - j);
      const Result<float> to = y.from(i, j);
      const Tile t{a.k,
                   a.at + i * a.tile_row,
                   a.row,
                   a.step == 0 ? rows : a.step,
                   b + j / set.panel() * panel_step,
                   row_step,
                   to.bias,
                   to.plus,
                   to.plus_stride,
                   to.y,
                   to.stride};
      if (columns % set.lanes == 0) set.tile[rows - 1][columns > set.lanes](t);
      else edge_tile(set, t, rows, columns, to);
    }
}

// k rows of b in blocks of `depth`. sums (m), unless null, gets the sums of a's rows added; only for a transposed.
VITRAIL_NOINLINE inline void multiply_tiles(Arithmetic how, std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t depth,
                                            Operand<float> a, const Right<float>& b, const Result<float>& y, float* sums) {
  const TileSet& set = tiles(how);
  float* const space = static_cast<float*>(packing_space());
  const std::int64_t chunk = a.transposed || how.rounded ? 8 * set.rows : m;
  for (std::int64_t i = 0; i < m; i += chunk) {
    const std::int64_t rows = std::min(chunk, m - i);
    for (std::int64_t p = 0; p < k; p += depth) {
      const Left part = left(how, a.from(i, p), rows, std::min(depth, k - p), space, sums == nullptr ? nullptr : sums + i);
      multiply_block(set, rows, n, part, b.panels + p / set.pairs * b.row_step, b.panel_step, b.row_step,
                     (p == 0 ? y : y.further()).from(i, 0));
    }
  }
}

#endif

// y = bias + plus: what a product is then added to.
template <class T>
void begin_result(std::int64_t m, std::int64_t n, const Result<T>& y) {
  for (std::int64_t i = 0; i < m; ++i) {
    T* const row = y.y + i * y.stride;
    if (y.plus == nullptr) std::fill_n(row, n, T(0));
    else if (y.plus != y.y) std::copy_n(y.plus + i * y.plus_stride, n, row);
    if (y.bias != nullptr)
      for (std::int64_t j = 0; j < n; ++j) row[j] += y.bias[j];
  }
}
// By copies of the operands: for processors without any of our tiles, where bfloat16 is only to be tried, not fast.
VITRAIL_NOINLINE inline void add_rounded_product(std::int64_t m, std::int64_t n, std::int64_t k, Operand<float> a, Operand<float> b,
                                                 const Result<float>& y) {
  const auto copy = [](std::vector<float>& to, Operand<float> from, std::int64_t rows, std::int64_t columns) {
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j) to.push_back(bf16_rounded(*from.from(i, j).at));
    return Operand<float>{to.data(), columns};
  };
  std::vector<float> rounded_a, rounded_b;
  eigen_add_product(m, n, k, copy(rounded_a, a, m, k), copy(rounded_b, b, k, n), y.y, y.stride);
}
template <class T>
VITRAIL_NOINLINE void multiply_by_eigen([[maybe_unused]] bool rounded, std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a,
                                        Operand<T> b, const Result<T>& y, T* sums) {
  begin_result(m, n, y);
  const auto exactly = [&] { eigen_add_product(m, n, k, a, b, y.y, y.stride); };
  if constexpr (std::is_same_v<T, float>) rounded ? add_rounded_product(m, n, k, a, b, y) : exactly();
  else exactly();
  if (sums == nullptr) return;
  for (std::int64_t p = 0; p < k; ++p)
    for (std::int64_t i = 0; i < m; ++i) sums[i] += a.at[p * a.stride + i];
}

#if VITRAIL_X86
// y = c^T + bias + plus, where c is (n, m) in rows of `stride`: the result of a product whose operands changed places.
VITRAIL_AVX2 VITRAIL_NOINLINE inline void put_turned(std::int64_t m, std::int64_t n, const float* c, std::int64_t stride,
                                                     const Result<float>& y) {
  const std::int64_t whole_m = m / 8 * 8, whole_n = n / 8 * 8;
  for (std::int64_t i = 0; i < whole_m; i += 8)
    for (std::int64_t j = 0; j < whole_n; j += 8) {
      __m256 rows[8];
      load8(rows, c + j * stride + i, stride);
      transpose8(rows);
      if (y.bias != nullptr)
        for (__m256& row : rows) row = _mm256_add_ps(row, _mm256_loadu_ps(y.bias + j));
      if (y.plus != nullptr)
        for (std::int64_t r = 0; r < 8; ++r) rows[r] = _mm256_add_ps(rows[r], _mm256_loadu_ps(y.plus + (i + r) * y.plus_stride + j));
      store8(y.y + i * y.stride + j, y.stride, rows);
    }
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = i < whole_m ? whole_n : 0; j < n; ++j) y.put(i, j, c[j * stride + i]);
}
#endif

// b (k, n), made ready in `space` of right_size(k, n) numbers.
template <class T>
Right<T> right([[maybe_unused]] Arithmetic how, Operand<T> b, [[maybe_unused]] std::int64_t k, [[maybe_unused]] std::int64_t n,
               [[maybe_unused]] T* space) {
#if VITRAIL_X86
  if constexpr (std::is_same_v<T, float>)
    if (how.has_tiles()) {
      const TileSet& set = tiles(how);
      const std::int64_t step = panel_step(set, k);
      pack_right(how, space, step, 0, b, k, n);
      return {b, space, set.panel(), step, set.panel()};
    }
#endif
  return {b};
}
// b (k, n) read where it lies, if the tiles can: packing pays only for operands that are read often.
template <class T>
Right<T> right_in_place(Arithmetic how, Operand<T> b, std::int64_t k, std::int64_t n, T* space) {
#if VITRAIL_X86
  if constexpr (std::is_same_v<T, float>)
    if (how.has_tiles() && !how.rounded && n % tiles(how).lanes == 0) return {b, b.at, tiles(how).panel(), tiles(how).panel(), b.stride};
#endif
  return right(how, b, k, n, space);
}
// y = a b + bias + plus with a right operand that is ready. `depth` is depth_block of the whole k, where this is a part of it.
template <class T>
void multiply(Arithmetic how, std::int64_t m, std::int64_t n, std::int64_t k, [[maybe_unused]] std::int64_t depth, Operand<T> a,
              const Right<T>& b, const Result<T>& y, T* sums = nullptr) {
#if VITRAIL_X86
  if constexpr (std::is_same_v<T, float>)
    if (how.has_tiles() && k > 0) return multiply_tiles(how, m, n, k, depth, a, b, y, sums);
#endif
  multiply_by_eigen(how.rounded, m, n, k, a, b.plain, y, sums);
}
template <class T>
void multiply(Arithmetic how, std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, const Right<T>& b, const Result<T>& y) {
  multiply(how, m, n, k, depth_block(k), a, b, y);
}

template <class T>
void product(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, const Result<T>& y, Arithmetic how) {
#if VITRAIL_X86
  if constexpr (std::is_same_v<T, float>)
    if (how.has_tiles() && k > 0) {
      constexpr std::int64_t left_room = 64 * (384 + 2 * panel_gap);
      constexpr std::int64_t room = static_cast<std::int64_t>(packing_bytes / sizeof(float)) - left_room;
      float* const space = static_cast<float*>(packing_space()) + left_room;
      const std::int64_t depth = depth_block(k);
      const std::int64_t span = std::min(k, std::max(depth, (room / widest_panel - 1) / depth * depth));
      const std::int64_t piece = room / (span + 1) / widest_panel * widest_panel;
      for (std::int64_t p = 0; p < k; p += span)
        for (std::int64_t j = 0; j < n; j += piece) {
          const std::int64_t rows = std::min(span, k - p), columns = std::min(piece, n - j);
          multiply_tiles(how, m, columns, rows, depth, a.from(0, p), right(how, b.from(p, j), rows, columns, space),
                         (p == 0 ? y : y.further()).from(0, j), nullptr);
        }
      return;
    }
#endif
  multiply_by_eigen(how.rounded, m, n, k, a, b, y, static_cast<T*>(nullptr));
}

}  // namespace vitrail::cpu::inline VITRAIL_ABI
