// Attention's gradients for short sequences in one kernel, values in bfloat16: a block has all rows of a head in shared memory, a warp for
// every 16 of them. It makes the softmax again for 64 keys at a time; each warp adds to dQ of its own queries, and what the block has found
// of P and dS then gives dK and dV of these keys, whole. Everything is read once and written once.
#pragma once
#include "attention_backward.cuh"

namespace vitrail::cuda {

// tiles: of 16 rows, and warps.  dV = P^T dy;  dS = P (dP - delta) / sqrt(Dh);  dQ = dS K;  dK = dS^T Q, with P = exp(S - lse), dP = dy V^T
template <int tiles, int padded, class B = NoScoreBias>
struct AttentionShort {
  using A = InBf16;
  static constexpr int threads = 32 * tiles, rows = 16 * tiles, stride = padded + A::gap, at_once = 64, wide_stride = at_once + A::gap;
  static constexpr int side_by_side = tiles <= 7 ? 2 : 1;
  AttentionSizes s;
  Sink<bf16> dqkv;
  float* delta;
  const bf16 *dy, *y, *qkv;
  const float* lse;
  B bias{};

  static constexpr std::size_t shared_bytes() { return sizeof(bf16) * static_cast<std::size_t>(rows) * (4 * stride + 2 * wide_stride); }
  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    bf16 *const queries = reinterpret_cast<bf16*>(c.shared()), *const keys = queries + rows * stride, *const values = keys + rows * stride;
    bf16 *const grads = values + rows * stride, *const shares = grads + rows * stride, *const slopes = shares + rows * wide_stride;
    const i64 head = c.block(), row = 3 * s.dim(), from = s.query(head);
    stage<A, padded, threads>(c, queries, qkv + from, row, 0, rows, s.tokens, s.head_dim);
    stage<A, padded, threads>(c, keys, qkv + from + s.dim(), row, 0, rows, s.tokens, s.head_dim);
    stage<A, padded, threads>(c, values, qkv + from + 2 * s.dim(), row, 0, rows, s.tokens, s.head_dim);
    stage<A, padded, threads>(c, grads, dy + s.value(head), s.dim(), 0, rows, s.tokens, s.head_dim);
    const int first = 16 * c.warp(), mine = first + c.lane() / 4;
    float log_sum[2], dot[2], dq[padded / 8][4] = {};
    VITRAIL_UNROLL for (int h = 0; h < 2; ++h) {
      const int r = mine + 8 * h;
      dot[h] = row_dot(c, s, head, r, dy, y);
      log_sum[h] = r < s.tokens ? lse[head * s.tokens + r] : INFINITY;  // a query that is none gives nothing
      if (r < s.tokens && c.lane() % 4 == 0) delta[head * s.tokens + r] = dot[h];
    }
    c.sync();
    for (int begin = 0; begin < s.tokens; begin += at_once) {
      const int end = begin + at_once < rows ? begin + at_once : rows;
      for (int j = begin; j < end; j += 16)
        sixteen_keys(c, queries + first * stride, grads + first * stride, keys + j * stride, values + j * stride,
                     shares + mine * wide_stride + j - begin, slopes + mine * wide_stride + j - begin, head, mine, j, log_sum, dot, dq);
      c.sync();
      // Tiles of 16 keys by 16 columns, of dV and of dK, dealt out to the warps.
      for (int task = c.warp(); task < (end - begin) / 16 * (padded / 16) * 2; task += tiles) {
        const int key = task / 2 / (padded / 16) * 16, column = task / 2 % (padded / 16) * 16;
        const bool of_keys = task % 2 != 0;
        float sum[2][4] = {};
        VITRAIL_KEEP_ROLLED for (int r = 0; r < rows; r += 16) {
          const auto left = A::left_transposed(c, (of_keys ? slopes : shares) + r * wide_stride + key, wide_stride);
          const bf16* const right = (of_keys ? queries : grads) + r * stride + column;
          A::across(c, sum[0], left, right, stride);
          A::across(c, sum[1], left, right + 8, stride);
        }
        VITRAIL_UNROLL for (int h = 0; h < 2; ++h) {
          const int r = begin + key + c.lane() / 4 + 8 * h;
          const i64 at = from + r * row + (of_keys ? 1 : 2) * s.dim();
          if (r >= s.tokens) continue;
          VITRAIL_UNROLL for (int i = 0; i < 2; ++i)
            put_two(dqkv, at, column + 8 * i + c.lane() % 4 * 2, s.head_dim, sum[i][2 * h], sum[i][2 * h + 1]);
        }
      }
      c.sync();
    }
    VITRAIL_UNROLL for (int h = 0; h < 2; ++h) {
      if (mine + 8 * h >= s.tokens) continue;
      VITRAIL_UNROLL for (int d = 0; d < padded / 8; ++d)
        put_two(dqkv, from + (mine + 8 * h) * row, 8 * d + c.lane() % 4 * 2, s.head_dim, dq[d][2 * h], dq[d][2 * h + 1]);
    }
  }

 private:
  template <class C>
  VITRAIL_DEVICE void sixteen_keys(C& c, const bf16* own, const bf16* grad, const bf16* keys, const bf16* values, bf16* shares,
                                   bf16* slopes, i64 head, int mine, int first, const float (&log_sum)[2], const float (&dot)[2],
                                   float (&dq)[padded / 8][4]) const {
    float p[2][4] = {}, ds[2][4] = {};
    VITRAIL_UNROLL for (int k = 0; k < padded; k += 16) {
      const auto q = A::left(c, own + k, stride), g = A::left(c, grad + k, stride);
      VITRAIL_UNROLL for (int t = 0; t < 2; ++t) {
        A::along(c, p[t], q, keys + 8 * t * stride + k, stride);
        A::along(c, ds[t], g, values + 8 * t * stride + k, stride);
      }
    }
    VITRAIL_UNROLL for (int t = 0; t < 2; ++t) {
      VITRAIL_UNROLL for (int i = 0; i < 4; ++i) {
        const int key = first + 8 * t + c.lane() % 4 * 2 + i % 2;
        p[t][i] = key < s.tokens ? c.exp(p[t][i] * s.scale + bias(head, mine + i / 2 * 8, key) - log_sum[i / 2]) : 0.0f;
        ds[t][i] = p[t][i] * (ds[t][i] - dot[i / 2]) * s.scale;
      }
      VITRAIL_UNROLL for (int h = 0; h < 2; ++h) {
        const int at = 8 * h * wide_stride + 8 * t + c.lane() % 4 * 2;
        store_pair(shares + at, bf16_pair(p[t][2 * h], p[t][2 * h + 1]));
        store_pair(slopes + at, bf16_pair(ds[t][2 * h], ds[t][2 * h + 1]));
      }
    }
    const auto left = A::left(c, ds[0], ds[1], static_cast<bf16*>(nullptr));
    VITRAIL_UNROLL for (int d = 0; d < padded / 8; ++d) A::across(c, dq[d], left, keys + 8 * d, stride);
  }
};

// f(the least number of tiles that is compiled and holds the sequence); nothing if there is none.
template <class F>
void with_tiles(int tokens, F f) {
  if (tokens <= 64) f(std::integral_constant<int, 4>{});
  else if (tokens <= 80) f(std::integral_constant<int, 5>{});   // 65: small images
  else if (tokens <= 112) f(std::integral_constant<int, 7>{});  // 98: half of an image of 224 pixels
  else if (tokens <= 208) f(std::integral_constant<int, 13>{});  // 196, 197: the whole
  else if (tokens <= 256) f(std::integral_constant<int, 16>{});
}

}  // namespace vitrail::cuda
