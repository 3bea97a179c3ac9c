// Fused attention: one head of one sequence at a time, some queries at a time, so that their scores stay in the first caches.
// q, k, v are read by stride from the projection's output, and their gradients written the same way: nothing is permuted, no
// N x N matrix exists, but where a bias of that size is added to the scores.
#pragma once
#include <cmath>
#include <vector>

#include "../../core/scalar_math.hpp"
#include "../catalog.hpp"
#include "../cpu.hpp"
#include "gemm.hpp"

namespace vitrail {

namespace cpu::inline VITRAIL_ABI {

// `Bias` is NoScoreBias or ScoreBias, below.
struct FusedAttention {
  static constexpr std::int64_t rows_at_once = 64;

  // S = Q K^T / sqrt(Dh) + bias;  lse = log sum exp S;  y = exp(S - lse) V
  template <class T, class Bias>
  static void forward(Cpu& device, const op::Attention& o, const Bias& bias, T* y, T* lse, const T* qkv) {
    const Sizes s(o);
    const cpu::Arithmetic how = cpu::arithmetic<T>(device);
    const T scale = T(1) / std::sqrt(static_cast<T>(s.dh));
    each_head<T>(device, s, bias, s.keys + s.values + s.block(), [&](std::int64_t head, T* space, std::int64_t ahead, int) {
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
        for (std::int64_t r = 0; r < rows; ++r) {
          T* const row = score + r * s.stride;
          lse[head * s.n + i + r] = exponentials(s.n, row, bias.join(head, i + r, row, scale), inverse[r]);
        }
        fetch(next.q, i, rows, s.dh);
        cpu::multiply(how, rows, s.dh, s.n, cpu::Operand<T>{score, s.stride}, values, cpu::result(to, s.dim));
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t d = 0; d < s.dh; ++d) to[r * s.dim + d] *= inverse[r];
      }
    });
  }
  // P = exp(S - lse);  dV = P^T dy;  dS = P (dy V^T - rowsum(dy y)) / sqrt(Dh);  dQ = dS K;  dK = dS^T Q;  dbias = dS sqrt(Dh)
  template <class T, class Bias>
  static void backward(Cpu& device, const op::Attention& o, const Bias& bias, Sink<T> dqkv, const T* dy, const T* y, const T* qkv,
                       const T* lse) {
    const Sizes s(o);
    const cpu::Arithmetic how = cpu::arithmetic<T>(device);
    const T scale = T(1) / std::sqrt(static_cast<T>(s.dh));
    const bool add = dqkv.mode == Write::add;
    each_head<T>(device, s, bias, 2 * s.keys + s.values + 2 * s.block(), [&](std::int64_t head, T* space, std::int64_t ahead, int task) {
      const Head<T> at(s, qkv, head), next(s, qkv, ahead);
      const auto keys = cpu::right(how, at.k_transposed(), s.dh, s.n, space);
      const auto values = cpu::right(how, at.v_transposed(), s.dh, s.n, space + s.keys);
      T *const spare = space + 2 * s.keys, *const p = spare + s.values, *const ds = p + s.block();
      const std::int64_t row = 3 * s.dim;
      T* const dq = dqkv.skipped() ? nullptr : dqkv.to + s.query(head);
      for (std::int64_t i = 0; i < s.n; i += rows_at_once) {
        const std::int64_t rows = std::min(rows_at_once, s.n - i), out = s.value(head) + i * s.dim;
        const cpu::Operand<T> grad{dy + out, s.dim}, q = at.q.from(i, 0);
        const bool later = add || i > 0;
        fetch(next.k, i, rows, s.dh);
        cpu::multiply(how, rows, s.n, s.dh, q, keys, cpu::result(p, s.stride));
        fetch(next.v, i, rows, s.dh);
        cpu::multiply(how, rows, s.n, s.dh, grad, values, cpu::result(ds, s.stride));
        for (std::int64_t r = 0; r < rows; ++r) {
          T *const weight = p + r * s.stride, *const slope = ds + r * s.stride;
          const T by = bias.join(head, i + r, weight, scale);
          score_gradient(s, weight, by, slope, dy + out + r * s.dim, y + out + r * s.dim, lse[head * s.n + i + r]);
          bias.collect(task, i + r, slope, scale);
        }
        if (dq == nullptr) continue;
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
  // The heads of a task, counted through the batch.
  struct Turn {
    std::int64_t first, count, step;
  };

 private:
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
  static void score_gradient(const Sizes& s, T* p, T by, T* ds, const T* dy, const T* y, T lse) {
    const T scale = T(1) / std::sqrt(static_cast<T>(s.dh));
    const T dot = cpu::lane_sum<T>(s.dh, [&](std::int64_t d) { return dy[d] * y[d]; });
    for (std::int64_t j = 0; j < s.n; ++j) {
      p[j] = math::exp(p[j] * by - lse);
      ds[j] = p[j] * (ds[j] - dot) * scale;
    }
  }

  // f(head, space, the head after it, task) for all heads of the batch.
  template <class T, class Bias, class F>
  static void each_head(Cpu& device, const Sizes& s, const Bias& bias, std::int64_t size, F f) {
    size = cpu::whole_lines<T>(size);
    T* const all = device.template scratch<T>(size * device.threads());
    device.parallel(bias.tasks(s), [&](int task, int worker) {
      const cpu::TaskSpace<T> own(all, size, worker);
      const Turn turn = bias.turn(s, task);
      for (std::int64_t i = 0, head = turn.first; i < turn.count; ++i, head += turn.step)
        f(head, own.at(), i + 1 < turn.count ? head + turn.step : std::min(head + 1, s.batch * s.heads - 1), task);
    });
  }
};

// Scores as they are. Where sequences are many, one of them is a task.
struct NoScoreBias {
  static std::int64_t together(const FusedAttention::Sizes& s) { return s.batch >= 32 ? s.heads : 1; }
  static int tasks(const FusedAttention::Sizes& s) { return static_cast<int>(s.batch * s.heads / together(s)); }
  static FusedAttention::Turn turn(const FusedAttention::Sizes& s, int task) { return {task * together(s), together(s), 1}; }
  template <class T>
  static T join(std::int64_t, std::int64_t, const T*, T scale) {
    return scale;
  }
  template <class T>
  static void collect(int, std::int64_t, const T*, T) {}
};

// A matrix for each head is added to the scores. One head of some sequences is a task: the matrix stays in the caches, and what its
// gradient gets from them is a sum of its own.
template <class T>
struct ScoreBias {
  const T* matrices;  // (H, N, N)
  std::int64_t heads, n;
  T* sums = nullptr;  // (tasks, N, N); null: nothing is collected

  static std::int64_t sequences(std::int64_t batch) { return std::max<std::int64_t>(1, (batch + 7) / 8); }
  static int tasks(const FusedAttention::Sizes& s) {
    const std::int64_t some = sequences(s.batch);
    return static_cast<int>((s.batch + some - 1) / some * s.heads);
  }
  static FusedAttention::Turn turn(const FusedAttention::Sizes& s, int task) {
    const std::int64_t some = sequences(s.batch), first = task / s.heads * some;
    return {first * s.heads + task % s.heads, std::min(some, s.batch - first), s.heads};
  }
  // row = scale row + bias; what is left to multiply it by.
  T join(std::int64_t head, std::int64_t query, T* VITRAIL_RESTRICT row, T scale) const {
    const T* VITRAIL_RESTRICT const bias = matrices + (head % heads * n + query) * n;
    for (std::int64_t j = 0; j < n; ++j) row[j] = row[j] * scale + bias[j];
    return T(1);
  }
  void collect(int task, std::int64_t query, const T* VITRAIL_RESTRICT ds, T scale) const {
    if (sums == nullptr) return;
    T* VITRAIL_RESTRICT const to = sums + (task * n + query) * n;
    const T inverse = T(1) / scale;
    for (std::int64_t j = 0; j < n; ++j) to[j] += ds[j] * inverse;
  }
};

}  // namespace cpu::inline VITRAIL_ABI

template <>
struct Kernel<op::Attention, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::Attention& o, T* y, T* lse, const T* qkv) {
    cpu::FusedAttention::forward(device, o, cpu::NoScoreBias{}, y, lse, qkv);
  }
  template <class T>
  static void backward(Cpu& device, const op::Attention& o, Sink<T> dqkv, const T* dy, const T* y, const T* qkv, const T* lse) {
    if (!dqkv.skipped()) cpu::FusedAttention::backward(device, o, cpu::NoScoreBias{}, dqkv, dy, y, qkv, lse);
  }
};

template <>
struct Kernel<op::BiasedAttention, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::BiasedAttention& o, T* y, T* lse, const T* qkv, const T* bias) {
    cpu::FusedAttention::forward(device, o.plain(), cpu::ScoreBias<T>{bias, o.heads, o.tokens}, y, lse, qkv);
  }
  template <class T>
  static void backward(Cpu& device, const op::BiasedAttention& o, Sink<T> dqkv, Sink<T> dbias, const T* dy, const T* y, const T* qkv,
                       const T* lse, const T* bias) {
    if (dqkv.skipped() && dbias.skipped()) return;
    cpu::ScoreBias<T> how{bias, o.heads, o.tokens};
    const cpu::FusedAttention::Sizes s(o.plain());
    const std::int64_t all = s.heads * s.n * s.n, sums = how.tasks(s) * s.n * s.n;
    if (!dbias.skipped()) how.sums = device.rows<T>(sums), std::fill_n(how.sums, sums, T(0));
    cpu::FusedAttention::backward(device, o.plain(), how, dqkv, dy, y, qkv, lse);
    cpu::by_mode(dbias, [&](auto add) {
      cpu::over_elements(device, all, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          T sum = 0;
          for (std::int64_t from = i; from < sums; from += all) sum += how.sums[from];
          cpu::put<add()>(dbias.to[i], sum);
        }
      });
    });
  }
};

}  // namespace vitrail
