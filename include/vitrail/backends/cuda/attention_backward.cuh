// Attention's gradients: one kernel that owns queries and gives dQ, and one that owns keys and gives dK and dV. Both make the
// softmax again from lse. Their order matters: the first leaves delta = dy . y of every row for the second.
#pragma once
#include "attention.cuh"

namespace vitrail::cuda {

// dy . y of a row, by the four lanes that own it.
template <class C, class T>
VITRAIL_DEVICE float row_dot(C& c, const AttentionSizes& s, i64 head, i64 r, const T* dy, const T* y) {
  float sum = 0;
  const i64 at = s.value(head) + r * s.dim();
  if (r < s.tokens)
    for (int d = c.lane() % 4; d < s.head_dim; d += 4) sum += dy[at + d] * y[at + d];
  return row_sum(c, sum);
}
// dS = P (dP - delta) / sqrt(Dh), with P = exp(S - lse) and dP = dy V^T;  dQ = dS K
template <class A, class T, int padded, class B = NoScoreBias>
struct AttentionQueries {
  using S = typename A::Stored;
  static constexpr int threads = 32 * AttentionSizes::warps, stride = padded + A::gap;
  static constexpr int side_by_side = padded <= 64 ? 2 : 1;  // as many as registers allow without spilling
  AttentionSizes s;
  Sink<T> dqkv;
  float* delta;
  const T *dy, *y, *qkv;
  const float* lse;
  B bias{};

  static constexpr std::size_t shared_bytes(int chunk) {
    return sizeof(S) * (static_cast<std::size_t>(2 * AttentionSizes::own_rows + 2 * chunk) * stride + AttentionSizes::warps * A::spare);
  }
  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    constexpr int own_rows = AttentionSizes::own_rows;
    S *const own = reinterpret_cast<S*>(c.shared()), *const grad = own + own_rows * stride, *const keys = grad + own_rows * stride;
    S *const values = keys + s.chunk * stride, *const spare = values + s.chunk * stride + c.warp() * A::spare;
    const i64 head = c.block() / s.groups, row = 3 * s.dim(), begin = c.block() % s.groups * own_rows;
    const T* const q = qkv + s.query(head);
    const i64 mine = begin + 16 * c.warp() + c.lane() / 4;
    const bool active = begin + 16 * c.warp() < s.tokens;
    stage<A, padded, threads>(c, own, q, row, begin, own_rows, s.tokens, s.head_dim);
    stage<A, padded, threads>(c, grad, dy + s.value(head), s.dim(), begin, own_rows, s.tokens, s.head_dim);
    float out[padded / 8][4] = {}, log_sum[2], dot[2];
    VITRAIL_UNROLL for (int h = 0; h < 2; ++h) {
      dot[h] = row_dot(c, s, head, mine + 8 * h, dy, y);
      if (mine + 8 * h < s.tokens && c.lane() % 4 == 0) delta[head * s.tokens + mine + 8 * h] = dot[h];  // for the other kernel
      log_sum[h] = mine + 8 * h < s.tokens ? lse[head * s.tokens + mine + 8 * h] : 0.0f;
    }
    for (int first = 0; first < s.tokens; first += s.chunk) {
      c.sync();
      stage<A, padded, threads>(c, keys, q + s.dim(), row, first, s.chunk, s.tokens, s.head_dim);
      stage<A, padded, threads>(c, values, q + 2 * s.dim(), row, first, s.chunk, s.tokens, s.head_dim);
      c.sync();
      if (!active) continue;
      for (int j = 0; j < s.chunk && first + j < s.tokens; j += 32)
        block_of_keys(c, own + 16 * c.warp() * stride, grad + 16 * c.warp() * stride, keys + j * stride, values + j * stride, spare,
                      head, mine, first + j, log_sum, dot, out);
    }
    VITRAIL_UNROLL for (int h = 0; h < 2; ++h)
      if (active && mine + 8 * h < s.tokens) store_row(c, dqkv, s.query(head) + (mine + 8 * h) * row, s.head_dim, h, out);
  }
  // Columns of one of the two rows that a lane has of all tiles.
  template <class C>
  VITRAIL_DEVICE static void store_row(C& c, const Sink<T>& to, i64 at, int width, int h, const float (&out)[padded / 8][4]) {
    VITRAIL_UNROLL for (int d = 0; d < padded / 8; ++d)
      put_two(to, at, 8 * d + c.lane() % 4 * 2, width, out[d][2 * h], out[d][2 * h + 1]);
  }

 private:
  template <class C>
  VITRAIL_DEVICE void block_of_keys(C& c, const S* own, const S* grad, const S* keys, const S* values, S* spare, i64 head, i64 mine,
                                    int first, const float (&log_sum)[2], const float (&dot)[2], float (&out)[padded / 8][4]) const {
    float p[4][4] = {}, dp[4][4] = {};
    VITRAIL_UNROLL for (int k = 0; k < padded; k += 16) {
      const auto q = A::left(c, own + k, stride), g = A::left(c, grad + k, stride);
      VITRAIL_UNROLL for (int t = 0; t < 4; ++t) {
        A::along(c, p[t], q, keys + 8 * t * stride + k, stride);
        A::along(c, dp[t], g, values + 8 * t * stride + k, stride);
      }
    }
    const int column = first + c.lane() % 4 * 2;
    VITRAIL_UNROLL for (int t = 0; t < 4; ++t)
      VITRAIL_UNROLL for (int i = 0; i < 4; ++i) {
        const int key = column + 8 * t + i % 2;
        const float share = key < s.tokens ? c.exp(p[t][i] * s.scale + bias(head, mine + i / 2 * 8, key) - log_sum[i / 2]) : 0.0f;
        p[t][i] = share * (dp[t][i] - dot[i / 2]) * s.scale;
      }
    VITRAIL_UNROLL for (int u = 0; u < 2; ++u) {
      const auto left = A::left(c, p[2 * u], p[2 * u + 1], spare);
      VITRAIL_UNROLL for (int d = 0; d < padded / 8; ++d) A::across(c, out[d], left, keys + 16 * u * stride + 8 * d, stride);
    }
  }
};

// dV = P^T dy;  dK = dS^T Q: everything transposed, so that a warp owns keys.
template <class A, class T, int padded, class B = NoScoreBias>
struct AttentionKeys {
  using S = typename A::Stored;
  static constexpr int threads = 32 * AttentionSizes::warps, stride = padded + A::gap;
  static constexpr int side_by_side = padded <= 16 ? 2 : 1;
  AttentionSizes s;
  Sink<T> dqkv;
  const float* delta;
  const T *dy, *qkv;
  const float* lse;
  B bias{};

  static constexpr std::size_t shared_bytes(int chunk) {
    return AttentionQueries<A, T, padded>::shared_bytes(chunk) + 2 * static_cast<std::size_t>(chunk) * sizeof(float);
  }
  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    constexpr int own_rows = AttentionSizes::own_rows;
    float* const log_sum = reinterpret_cast<float*>(c.shared());
    float* const dot = log_sum + s.chunk;
    S *const keys = reinterpret_cast<S*>(dot + s.chunk), *const values = keys + own_rows * stride;
    S *const queries = values + own_rows * stride, *const grads = queries + s.chunk * stride;
    S* const spare = grads + s.chunk * stride + c.warp() * A::spare;
    const i64 head = c.block() / s.groups, row = 3 * s.dim(), begin = c.block() % s.groups * own_rows;
    const T* const q = qkv + s.query(head);
    const bool active = begin + 16 * c.warp() < s.tokens;
    stage<A, padded, threads>(c, keys, q + s.dim(), row, begin, own_rows, s.tokens, s.head_dim);
    stage<A, padded, threads>(c, values, q + 2 * s.dim(), row, begin, own_rows, s.tokens, s.head_dim);
    float dk[padded / 8][4] = {}, dv[padded / 8][4] = {};
    for (int first = 0; first < s.tokens; first += s.chunk) {
      c.sync();
      stage<A, padded, threads>(c, queries, q, row, first, s.chunk, s.tokens, s.head_dim);
      stage<A, padded, threads>(c, grads, dy + s.value(head), s.dim(), first, s.chunk, s.tokens, s.head_dim);
      for (int i = c.thread(); i < s.chunk; i += threads) {
        const bool inside = first + i < s.tokens;
        log_sum[i] = inside ? lse[head * s.tokens + first + i] : INFINITY;  // a query that is none gives nothing
        dot[i] = inside ? delta[head * s.tokens + first + i] : 0.0f;
      }
      c.sync();
      if (!active) continue;
      for (int j = 0; j < s.chunk && first + j < s.tokens; j += 32)
        block_of_queries(c, keys + 16 * c.warp() * stride, values + 16 * c.warp() * stride, queries + j * stride, grads + j * stride,
                         log_sum + j, dot + j, spare, head, first + j, begin + 16 * c.warp() + c.lane() / 4, dk, dv);
    }
    VITRAIL_UNROLL for (int h = 0; h < 2; ++h) {
      const i64 mine = begin + 16 * c.warp() + c.lane() / 4 + 8 * h, at = s.query(head) + mine * row;
      if (!active || mine >= s.tokens) continue;
      AttentionQueries<A, T, padded>::store_row(c, dqkv, at + s.dim(), s.head_dim, h, dk);
      AttentionQueries<A, T, padded>::store_row(c, dqkv, at + 2 * s.dim(), s.head_dim, h, dv);
    }
  }

 private:
  template <class C>
  VITRAIL_DEVICE void block_of_queries(C& c, const S* keys, const S* values, const S* queries, const S* grads, const float* log_sum,
                                       const float* dot, S* spare, i64 head, int first, i64 mine, float (&dk)[padded / 8][4],
                                       float (&dv)[padded / 8][4]) const {
    float p[4][4] = {}, ds[4][4] = {};
    VITRAIL_UNROLL for (int k = 0; k < padded; k += 16) {
      const auto key = A::left(c, keys + k, stride), value = A::left(c, values + k, stride);
      VITRAIL_UNROLL for (int t = 0; t < 4; ++t) {
        A::along(c, p[t], key, queries + 8 * t * stride + k, stride);
        A::along(c, ds[t], value, grads + 8 * t * stride + k, stride);
      }
    }
    VITRAIL_UNROLL for (int t = 0; t < 4; ++t)
      VITRAIL_UNROLL for (int i = 0; i < 4; ++i) {
        const int column = 8 * t + c.lane() % 4 * 2 + i % 2;
        p[t][i] = c.exp(p[t][i] * s.scale + bias(head, first + column, mine + i / 2 * 8) - log_sum[column]);
        ds[t][i] = p[t][i] * (ds[t][i] - dot[column]) * s.scale;
      }
    VITRAIL_UNROLL for (int u = 0; u < 2; ++u) {
      const auto share = A::left(c, p[2 * u], p[2 * u + 1], spare);
      VITRAIL_UNROLL for (int d = 0; d < padded / 8; ++d) A::across(c, dv[d], share, grads + 16 * u * stride + 8 * d, stride);
      const auto slope = A::left(c, ds[2 * u], ds[2 * u + 1], spare);
      VITRAIL_UNROLL for (int d = 0; d < padded / 8; ++d) A::across(c, dk[d], slope, queries + 16 * u * stride + 8 * d, stride);
    }
  }
};

}  // namespace vitrail::cuda
