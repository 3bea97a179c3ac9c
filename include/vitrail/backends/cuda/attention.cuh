// Fused attention on qkv as the projection leaves it (B, N, 3, H, Dh); no N x N matrix exists. A warp owns 16 rows; a block of eight
// warps shares what it multiplies them by, `chunk` rows of it at a time: all of them where they fit. Backward is two kernels, one
// that owns queries and one that owns keys: nothing is added by two blocks, so that bits do not depend on their order.
#pragma once
#include <cmath>
#include <type_traits>

#include "../../core/dual.hpp"
#include "group.cuh"
#include "tiles.cuh"

namespace vitrail {

namespace cuda {

struct AttentionSizes {
  static constexpr int warps = 8, own_rows = 16 * warps;
  int tokens, heads, head_dim, groups, chunk;  // groups of own_rows per head
  float scale;

  VITRAIL_HD i64 dim() const { return i64{heads} * head_dim; }
  // Where a head's first row begins, in y and in qkv. Heads are counted through the batch.
  VITRAIL_HD i64 value(i64 head) const { return head / heads * tokens * dim() + head % heads * head_dim; }
  VITRAIL_HD i64 query(i64 head) const { return head / heads * tokens * 3 * dim() + head % heads * head_dim; }
};

// What is added to the score of a query and a key: nothing, or a table (heads, tokens, tokens).
struct NoScoreBias {
  VITRAIL_DEVICE float operator()(i64, i64, i64) const { return 0; }
};
template <class T>
struct ScoreBias {
  const T* table;
  int heads, tokens;
  VITRAIL_DEVICE float operator()(i64 head, i64 query, i64 key) const {
    return query < tokens && key < tokens ? float{table[(head % heads * tokens + query) * tokens + key]} : 0.0f;
  }
};

// Columns `column` and the next one, if the row is so wide, of a row that begins at `at`. Two bfloat16 are one word.
template <class T>
VITRAIL_DEVICE void put_two(const Sink<T>& to, i64 at, int column, int width, float first, float second) {
  if constexpr (std::is_same_v<T, bf16>) {
    if (to.mode == Write::assign && column + 1 < width) {
      T* const place = to.to + at + column;
      if (reinterpret_cast<std::uintptr_t>(place) % 4 == 0) return store_pair(place, bf16_pair(first, second));
    }
  }
  if (column < width) put(to, at + column, first);
  if (column + 1 < width) put(to, at + column + 1, second);
}

// The sum, or the largest, of the four lanes that share a row of a tile.
template <class C>
VITRAIL_DEVICE float row_sum(C& c, float x) {
  x += c.shuffle_xor(x, 1);
  return x + c.shuffle_xor(x, 2);
}
template <class C>
VITRAIL_DEVICE float row_max(C& c, float x) {
  for (int mask = 1; mask < 3; ++mask) {
    const float other = c.shuffle_xor(x, mask);
    x = x < other ? other : x;
  }
  return x;
}

// S = Q K^T / sqrt(Dh) + bias;  lse = log sum exp S;  y = exp(S - lse) V, with the maximum found on the way (Milakov and Gimelshein 2018).
// A: how it multiplies; T: the scalar of its values; warps: of 16 rows each, as many as the sequence has where it is short.
template <class A, class T, int padded, class B = NoScoreBias, int warps = AttentionSizes::warps>
struct AttentionForward {
  using S = typename A::Stored;
  static constexpr int threads = 32 * warps, own_rows = 16 * warps, stride = padded + A::gap, side_by_side = 1;
  AttentionSizes s;
  T* y;
  float* lse;
  const T* qkv;
  B bias{};

  static constexpr std::size_t shared_bytes(int chunk) {
    return sizeof(S) * (static_cast<std::size_t>(own_rows + 2 * chunk) * stride + warps * A::spare);
  }
  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    S *const own = reinterpret_cast<S*>(c.shared()), *const keys = own + own_rows * stride;
    S *const values = keys + s.chunk * stride, *const spare = values + s.chunk * stride + c.warp() * A::spare;
    const i64 head = c.block() / s.groups, row = 3 * s.dim(), begin = c.block() % s.groups * own_rows;
    const T* const q = qkv + s.query(head);
    const bool active = begin + 16 * c.warp() < s.tokens;
    stage<A, padded, threads>(c, own, q, row, begin, own_rows, s.tokens, s.head_dim);
    float out[padded / 8][4] = {}, top[2] = {-INFINITY, -INFINITY}, sum[2] = {};
    for (int first = 0; first < s.tokens; first += s.chunk) {
      c.sync();
      stage<A, padded, threads>(c, keys, q + s.dim(), row, first, s.chunk, s.tokens, s.head_dim);
      stage<A, padded, threads>(c, values, q + 2 * s.dim(), row, first, s.chunk, s.tokens, s.head_dim);
      c.sync();
      if (!active) continue;
      for (int j = 0; j < s.chunk && first + j < s.tokens; j += 32)
        block_of_keys(c, own, keys, values, spare, head, begin, first, j, out, top, sum);
    }
    if (active) finish(c, head, begin + 16 * c.warp() + c.lane() / 4, out, top, sum);
  }

 private:
  template <class C>
  VITRAIL_DEVICE void block_of_keys(C& c, const S* own, const S* keys, const S* values, S* spare, i64 head, i64 begin, int first,
                                    int j, float (&out)[padded / 8][4], float (&top)[2], float (&sum)[2]) const {
    float p[4][4] = {};
    VITRAIL_UNROLL for (int k = 0; k < padded; k += 16) {
      const auto q = A::left(c, own + 16 * c.warp() * stride + k, stride);
      VITRAIL_UNROLL for (int t = 0; t < 4; ++t) A::along(c, p[t], q, keys + (j + 8 * t) * stride + k, stride);
    }
    const int column = first + j + c.lane() % 4 * 2;
    const i64 row = begin + 16 * c.warp() + c.lane() / 4;
    float best[2] = {top[0], top[1]};
    VITRAIL_UNROLL for (int t = 0; t < 4; ++t)
      VITRAIL_UNROLL for (int i = 0; i < 4; ++i) {
        const int key = column + 8 * t + i % 2;
        p[t][i] = key < s.tokens ? p[t][i] * s.scale + bias(head, row + i / 2 * 8, key) : -INFINITY;
        best[i / 2] = p[t][i] > best[i / 2] ? p[t][i] : best[i / 2];
      }
    VITRAIL_UNROLL for (int h = 0; h < 2; ++h) {
      best[h] = row_max(c, best[h]);
      const float shrink = c.exp(top[h] - best[h]);
      top[h] = best[h], sum[h] *= shrink;
      VITRAIL_UNROLL for (int d = 0; d < padded / 8; ++d) out[d][2 * h] *= shrink, out[d][2 * h + 1] *= shrink;
    }
    VITRAIL_UNROLL for (int t = 0; t < 4; ++t)
      VITRAIL_UNROLL for (int i = 0; i < 4; ++i) p[t][i] = c.exp(p[t][i] - top[i / 2]), sum[i / 2] += p[t][i];
    VITRAIL_UNROLL for (int u = 0; u < 2; ++u) {
      const auto left = A::left(c, p[2 * u], p[2 * u + 1], spare);
      VITRAIL_UNROLL for (int d = 0; d < padded / 8; ++d) A::across(c, out[d], left, values + (j + 16 * u) * stride + 8 * d, stride);
    }
  }
  template <class C>
  VITRAIL_DEVICE void finish(C& c, i64 head, i64 row, const float (&out)[padded / 8][4], const float (&top)[2], float (&sum)[2]) const {
    VITRAIL_UNROLL for (int h = 0; h < 2; ++h) {
      const float total = row_sum(c, sum[h]), inverse = 1 / total;
      const i64 r = row + 8 * h;
      if (r >= s.tokens) continue;
      if (c.lane() % 4 == 0) lse[head * s.tokens + r] = top[h] + math::log(total);
      T* const to = y + s.value(head) + r * s.dim();
      VITRAIL_UNROLL for (int d = 0; d < padded / 8; ++d)
        put_two(Sink<T>{to, Write::assign}, 0, 8 * d + c.lane() % 4 * 2, s.head_dim, out[d][2 * h] * inverse, out[d][2 * h + 1] * inverse);
    }
  }
};

}  // namespace cuda
}  // namespace vitrail
