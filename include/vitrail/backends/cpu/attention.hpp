// Fused attention: one head of one sequence at a time, some queries at a time, so that their scores stay in the first caches.
// q, k, v are read by stride from the projection's output, and their gradients written the same way: nothing is permuted, no
// N x N matrix exists.
#pragma once
#include <cmath>
#include <vector>

#include "../../core/scalar_math.hpp"
#include "../catalog.hpp"
#include "../cpu.hpp"
#include "gemm.hpp"

namespace vitrail {

template <>
struct Kernel<op::Attention, Cpu> {
  // S = Q K^T / sqrt(Dh);  lse = log sum exp S;  y = exp(S - lse) V
  template <class T>
  static void forward(Cpu& device, const op::Attention& o, T* y, T* lse, const T* qkv) {
    const Sizes s(o);
    const cpu::Arithmetic how = cpu::arithmetic<T>(device);
    const T scale = T(1) / std::sqrt(static_cast<T>(s.dh));
    each_head<T>(device, s, s.keys + s.values + s.block(), [&](std::int64_t head, T* space, std::int64_t ahead) {
      const Head<T> at(s, qkv, head), next(s, qkv, ahead);
      const auto keys = cpu::right(how, at.k_transposed(), s.dh, s.n, space);
      const auto values = cpu::right_in_place(how, at.v, s.n, s.dh, space + s.keys);
      T* const score = space + s.keys + s.values;
      for (std::int64_t i = 0; i < s.n; i += rows_at_once) {
        const std::int64_t rows = std::min(rows_at_once, s.n - i);
        T* const to = y + s.value(head) + i * s.dim;
        T inverse[rows_at_once];
        fetch(next.k, i, rows, s.dh);
        cpu::multiply(how, rows, s.n, s.dh, at.q.from(i, 0), keys, cpu::result(score, s.stride));
        fetch(next.v, i, rows, s.dh);
        for (std::int64_t r = 0; r < rows; ++r) lse[head * s.n + i + r] = exponentials(s.n, score + r * s.stride, scale, inverse[r]);
        fetch(next.q, i, rows, s.dh);
        cpu::multiply(how, rows, s.dh, s.n, cpu::Operand<T>{score, s.stride}, values, cpu::result(to, s.dim));
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t d = 0; d < s.dh; ++d) to[r * s.dim + d] *= inverse[r];
      }
    });
  }
  // P = exp(S - lse);  dV = P^T dy;  dS = P (dy V^T - rowsum(dy y)) / sqrt(Dh);  dQ = dS K;  dK = dS^T Q
  template <class T>
  static void backward(Cpu& device, const op::Attention& o, Sink<T> dqkv, const T* dy, const T* y, const T* qkv, const T* lse) {
    if (dqkv.skipped()) return;
    const Sizes s(o);
    const cpu::Arithmetic how = cpu::arithmetic<T>(device);
    const bool add = dqkv.mode == Write::add;
    each_head<T>(device, s, 2 * s.keys + s.values + 2 * s.block(), [&](std::int64_t head, T* space, std::int64_t ahead) {
      const Head<T> at(s, qkv, head), next(s, qkv, ahead);
      const auto keys = cpu::right(how, at.k_transposed(), s.dh, s.n, space);
      const auto values = cpu::right(how, at.v_transposed(), s.dh, s.n, space + s.keys);
      T *const spare = space + 2 * s.keys, *const p = spare + s.values, *const ds = p + s.block();
      const std::int64_t row = 3 * s.dim;
      T* const dq = dqkv.to + s.query(head);
      for (std::int64_t i = 0; i < s.n; i += rows_at_once) {
        const std::int64_t rows = std::min(rows_at_once, s.n - i), out = s.value(head) + i * s.dim;
        const cpu::Operand<T> grad{dy + out, s.dim}, q = at.q.from(i, 0);
        const bool later = add || i > 0;
        fetch(next.k, i, rows, s.dh);
        cpu::multiply(how, rows, s.n, s.dh, q, keys, cpu::result(p, s.stride));
        fetch(next.v, i, rows, s.dh);
        cpu::multiply(how, rows, s.n, s.dh, grad, values, cpu::result(ds, s.stride));
        for (std::int64_t r = 0; r < rows; ++r)
          score_gradient(s, p + r * s.stride, ds + r * s.stride, dy + out + r * s.dim, y + out + r * s.dim, lse[head * s.n + i + r]);
        fetch(next.q, i, rows, s.dh);
        cpu::multiply(how, s.n, s.dh, rows, cpu::Operand<T>{p, s.stride, true}, cpu::right_in_place(how, grad, rows, s.dh, spare),
                      cpu::result(dq + 2 * s.dim, row, later));
        fetch(cpu::Operand<T>{dy + s.value(ahead), s.dim}, i, rows, s.dh);
        cpu::multiply(how, s.n, s.dh, rows, cpu::Operand<T>{ds, s.stride, true}, cpu::right_in_place(how, q, rows, s.dh, spare),
                      cpu::result(dq + s.dim, row, later));
        fetch(cpu::Operand<T>{y + s.value(ahead), s.dim}, i, rows, s.dh);
        cpu::multiply(how, rows, s.dh, s.n, cpu::Operand<T>{ds, s.stride}, cpu::right_in_place(how, at.k, s.n, s.dh, spare),
                      cpu::result(dq + i * row, row, add));
      }
    });
  }

 private:
  static constexpr std::int64_t rows_at_once = 64;

  struct Sizes {
    std::int64_t batch, n, heads, dh, dim;
    std::int64_t stride;        // of a row of scores
    std::int64_t keys, values;  // numbers of a packed (Dh, N) and (N, Dh)
    explicit Sizes(const op::Attention& o)
        : batch(o.batch),
          n(o.tokens),
          heads(o.heads),
          dh(o.head_dim),
          dim(heads * dh),
          stride((n + 15) / 16 * 16),
          keys(cpu::right_size(dh, n)),
          values(cpu::right_size(n, dh)) {}
    std::int64_t block() const { return std::min(rows_at_once, n) * stride; }
    // Where a head's first row begins, in y and in qkv. Heads are counted through the batch.
    std::int64_t value(std::int64_t head) const { return head / heads * n * dim + head % heads * dh; }
    std::int64_t query(std::int64_t head) const { return head / heads * n * 3 * dim + head % heads * dh; }
  };
  template <class T>
  struct Head {
    cpu::Operand<T> q, k, v;  // (N, Dh)
    Head(const Sizes& s, const T* qkv, std::int64_t head)
        : q{qkv + s.query(head), 3 * s.dim}, k{q.at + s.dim, q.stride}, v{q.at + 2 * s.dim, q.stride} {}
    cpu::Operand<T> k_transposed() const { return {k.at, k.stride, true}; }
    cpu::Operand<T> v_transposed() const { return {v.at, v.stride, true}; }
  };

  // Asks for rows of the next head while this one computes: its short, far rows are nothing that the processor would foresee.
  template <class T>
  static void fetch(cpu::Operand<T> x, std::int64_t row, std::int64_t rows, std::int64_t n) {
    for (std::int64_t r = row; r < row + rows; ++r)
      for (std::int64_t i = 0; i < n; i += 64 / static_cast<std::int64_t>(sizeof(T))) VITRAIL_PREFETCH(x.at + r * x.stride + i);
  }

  // row = exp(scale (row - its maximum)); returns log sum exp(scale row), and the inverse of the sum.
  template <class T>
  static T exponentials(std::int64_t n, T* row, T scale, T& inverse) {
    const T top = cpu::lane_max(n, row) * scale;
    for (std::int64_t j = 0; j < n; ++j) row[j] = math::exp(row[j] * scale - top);
    const T sum = cpu::lane_sum<T>(n, [&](std::int64_t j) { return row[j]; });
    inverse = T(1) / sum;
    return top + std::log(sum);
  }
  template <class T>
  static void score_gradient(const Sizes& s, T* p, T* ds, const T* dy, const T* y, T lse) {
    const T scale = T(1) / std::sqrt(static_cast<T>(s.dh));
    const T dot = cpu::lane_sum<T>(s.dh, [&](std::int64_t d) { return dy[d] * y[d]; });
    for (std::int64_t j = 0; j < s.n; ++j) {
      p[j] = math::exp(p[j] * scale - lse);
      ds[j] = p[j] * (ds[j] - dot) * scale;
    }
  }

  // f(head, space, the head after it) for all heads of the batch. Where sequences are many, one of them is a task.
  template <class T, class F>
  static void each_head(Cpu& device, const Sizes& s, std::int64_t size, F f) {
    size = cpu::whole_lines<T>(size);
    T* const all = device.template scratch<T>(size * device.threads());
    const std::int64_t heads = s.batch * s.heads, together = s.batch >= 32 ? s.heads : 1;
    device.parallel(static_cast<int>(heads / together), [&](int task, int worker) {
      const cpu::TaskSpace<T> own(all, size, worker);
      for (std::int64_t head = task * together; head < (task + 1) * together; ++head) f(head, own.at(), std::min(head + 1, heads - 1));
    });
  }
};

}  // namespace vitrail
