// Fused attention: one head of one sequence at a time, while its scores are in cache. q, k, v are read by stride from the
// projection's output, and their gradients written the same way: nothing is permuted, no N x N matrix leaves the cache.
#pragma once
#include <cmath>
#include <vector>

#include "../../core/scalar_math.hpp"
#include "../catalog.hpp"
#include "../cpu.hpp"
#include "gemm.hpp"

namespace vitrail {

template <> struct Kernel<op::Attention, Cpu> {
  // S = Q K^T / sqrt(Dh);  lse = log sum exp S;  y = exp(S - lse) V
  template <class T> static void forward(Cpu& device, const op::Attention& o, T* y, T* lse, const T* qkv) {
    const std::int64_t n = o.tokens, dh = o.head_dim, dim = std::int64_t{o.heads} * dh, stride = 3 * dim;
    each_head<T>(device, o, n * n, [&](std::int64_t b, std::int64_t h, T* score) {
      const T* q = qkv + b * n * stride + h * dh;
      cpu::gemm_tile(n, n, dh, cpu::Operand<T>{q, stride}, cpu::Operand<T>{q + dim, stride, true}, score, n, false, scale<T>(o));
      for (std::int64_t i = 0; i < n; ++i) {
        T* row = score + i * n;
        const T top = cpu::lane_max(n, row);
        for (std::int64_t j = 0; j < n; ++j) row[j] = math::exp(row[j] - top);
        const T sum = cpu::lane_sum<T>(n, [&](std::int64_t j) { return row[j]; });
        const T inverse = T(1) / sum;
        for (std::int64_t j = 0; j < n; ++j) row[j] *= inverse;
        lse[(b * o.heads + h) * n + i] = top + std::log(sum);
      }
      cpu::gemm_tile(n, dh, n, cpu::Operand<T>{score, n}, cpu::Operand<T>{q + 2 * dim, stride}, y + b * n * dim + h * dh, dim, false);
    });
  }
  // P = exp(S - lse);  dV = P^T dy;  dS = P (dy V^T - rowsum(dy y));  dQ = dS K / sqrt(Dh);  dK = dS^T Q / sqrt(Dh)
  template <class T>
  static void backward(Cpu& device, const op::Attention& o, Sink<T> dqkv, const T* dy, const T* y, const T* qkv, const T* lse) {
    if (dqkv.skipped()) return;
    const std::int64_t n = o.tokens, dh = o.head_dim, dim = std::int64_t{o.heads} * dh, stride = 3 * dim;
    const bool add = dqkv.mode == Write::add;
    each_head<T>(device, o, 2 * n * n, [&](std::int64_t b, std::int64_t h, T* p) {
      T* ds = p + n * n;
      const std::int64_t at = b * n * stride + h * dh, out = b * n * dim + h * dh;
      const cpu::Operand<T> q{qkv + at, stride}, k{qkv + at + dim, stride}, grad{dy + out, dim};
      cpu::gemm_tile(n, n, dh, q, cpu::Operand<T>{k.at, stride, true}, p, n, false, scale<T>(o));
      cpu::gemm_tile(n, n, dh, grad, cpu::Operand<T>{qkv + at + 2 * dim, stride, true}, ds, n, false);
      for (std::int64_t i = 0; i < n; ++i) {
        const T* g = dy + out + i * dim;
        const T* value = y + out + i * dim;
        const T dot = cpu::lane_sum<T>(dh, [&](std::int64_t d) { return g[d] * value[d]; });
        const T log_sum = lse[(b * o.heads + h) * n + i];
        for (std::int64_t j = i * n; j < (i + 1) * n; ++j) {
          p[j] = math::exp(p[j] - log_sum);
          ds[j] = p[j] * (ds[j] - dot);
        }
      }
      T* dq = dqkv.to + at;
      cpu::gemm_tile(n, dh, n, cpu::Operand<T>{p, n, true}, grad, dq + 2 * dim, stride, add);
      cpu::gemm_tile(n, dh, n, cpu::Operand<T>{ds, n}, k, dq, stride, add, scale<T>(o));
      cpu::gemm_tile(n, dh, n, cpu::Operand<T>{ds, n, true}, q, dq + dim, stride, add, scale<T>(o));
    });
  }

 private:
  template <class T> static T scale(const op::Attention& o) { return T(1) / std::sqrt(static_cast<T>(o.head_dim)); }

  template <class T, class F> static void each_head(Cpu& device, const op::Attention& o, std::int64_t size, F f) {
    T* scratch = device.template scratch<T>(size * device.threads());
    device.parallel(o.batch * o.heads, [&](int task, int worker) {
      std::vector<T> own(worker < 0 ? static_cast<std::size_t>(size) : 0);
      f(task / o.heads, task % o.heads, worker < 0 ? own.data() : scratch + worker * size);
    });
  }
};

}  // namespace vitrail
