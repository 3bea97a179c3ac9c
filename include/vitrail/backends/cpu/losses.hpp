// Kernels that end in one number: cross-entropies, squared error, InfoNCE. Sums over rows run in fixed chunks.
#pragma once
#include <cmath>

#include "../../core/scalar_math.hpp"
#include "../catalog.hpp"
#include "../cpu.hpp"
#include "gemm.hpp"
#include "log_sum_exp.hpp"
#include "unit_rows.hpp"

namespace vitrail {

template <> struct Kernel<op::CrossEntropy, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::CrossEntropy& o, T* y, T* lse, const T* x, const int* target) {
    const T sum = cpu::sum_of_rows<T>(device, o.rows, [&](std::int64_t r) {
      const T* row = x + r * o.classes;
      const cpu::LogSumExp<T> sum_exp = cpu::log_sum_exp(o.classes, row);
      lse[r] = sum_exp.top + sum_exp.rest;
      return sum_exp.rest + (sum_exp.top - row[target[r]]);
    });
    *y = cpu::over(sum, o.rows);
  }
  // dx = (softmax(x) - one_hot(target)) dy / rows
  template <class T>
  static void backward(Cpu& device, const op::CrossEntropy& o, Sink<T> dx, const T* dy, const T* x, const T* lse, const int* target) {
    const T g = cpu::over(*dy, o.rows);
    cpu::by_mode(dx, [&](auto add) {
      cpu::over_rows(device, o.rows, o.classes, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) {
          const T* row = x + r * o.classes;
          T* to = dx.to + r * o.classes;
          for (int k = 0; k < o.classes; ++k) cpu::put<add()>(to[k], g * math::exp(row[k] - lse[r]));
          to[target[r]] -= g;
        }
      });
    });
  }
};

// loss = log of the sum of exp(x) - sum q x, with every x counted from the largest one
template <> struct Kernel<op::MixedCrossEntropy, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::MixedCrossEntropy& o, T* y, T* lse, const T* x, const int* target, const int* other) {
    const T own = static_cast<T>((1 - o.smoothing) * o.share), rest = static_cast<T>((1 - o.smoothing) * (1 - o.share));
    const T even = static_cast<T>(o.smoothing / o.used);
    const T sum = cpu::sum_of_rows<T>(device, o.rows, [&](std::int64_t r) {
      const T* row = x + r * o.classes;
      const cpu::LogSumExp<T> sum_exp = cpu::log_sum_exp(o.used, row);
      const T top = sum_exp.top;
      lse[r] = top + sum_exp.rest;
      const T all = cpu::lane_sum<T>(o.used, [&](std::int64_t k) { return top - row[k]; });
      return sum_exp.rest + own * (top - row[target[r]]) + rest * (top - row[other[r]]) + even * all;
    });
    *y = cpu::over(sum, o.rows);
  }
  // dx = (softmax(x) - q) dy / rows
  template <class T>
  static void backward(Cpu& device, const op::MixedCrossEntropy& o, Sink<T> dx, const T* dy, const T* x, const T* lse, const int* target,
                       const int* other) {
    const T g = cpu::over(*dy, o.rows), even = static_cast<T>(o.smoothing / o.used);
    const T own = static_cast<T>((1 - o.smoothing) * o.share), rest = static_cast<T>((1 - o.smoothing) * (1 - o.share));
    cpu::by_mode(dx, [&](auto add) {
      cpu::over_rows(device, o.rows, o.classes, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) {
          const T* row = x + r * o.classes;
          T* to = dx.to + r * o.classes;
          for (int k = 0; k < o.used; ++k) cpu::put<add()>(to[k], g * (math::exp(row[k] - lse[r]) - even));
          if (!add()) std::fill(to + o.used, to + o.classes, T(0));
          to[target[r]] -= g * own, to[other[r]] -= g * rest;
        }
      });
    });
  }
};

template <> struct Kernel<op::SoftCrossEntropy, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::SoftCrossEntropy& o, T* y, T* lse, const T* x, const T* target) {
    const T sum = cpu::sum_of_rows<T>(device, o.rows, [&](std::int64_t r) {
      const T *row = x + r * o.classes, *p = target + r * o.classes;
      const cpu::LogSumExp<T> sum_exp = cpu::log_sum_exp(o.classes, row);
      lse[r] = sum_exp.top + sum_exp.rest;
      return cpu::lane_sum<T>(o.classes, [&](std::int64_t k) { return p[k] * (sum_exp.rest + (sum_exp.top - row[k])); });
    });
    *y = cpu::over(sum, o.rows);
  }
  // dx = (softmax(x) sum(p) - p) dy / rows
  template <class T>
  static void backward(Cpu& device, const op::SoftCrossEntropy& o, Sink<T> dx, const T* dy, const T* x, const T* lse, const T* target) {
    const T g = cpu::over(*dy, o.rows);
    cpu::by_mode(dx, [&](auto add) {
      cpu::over_rows(device, o.rows, o.classes, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) {
          const T *row = x + r * o.classes, *p = target + r * o.classes;
          const T total = cpu::lane_sum<T>(o.classes, [&](std::int64_t k) { return p[k]; });
          for (int k = 0; k < o.classes; ++k)
            cpu::put<add()>(dx.to[r * o.classes + k], g * (total * math::exp(row[k] - lse[r]) - p[k]));
        }
      });
    });
  }
};

template <> struct Kernel<op::SquaredError, Cpu> {
  template <class T> static void forward(Cpu& device, const op::SquaredError& o, T* y, const T* a, const T* b) {
    constexpr std::int64_t width = 1024;
    const T sum = cpu::sum_of_rows<T>(device, (o.n + width - 1) / width, [&](std::int64_t r) {
      const std::int64_t begin = r * width, size = std::min(width, o.n - begin);
      return cpu::lane_sum<T>(size, [&](std::int64_t i) { return (a[begin + i] - b[begin + i]) * (a[begin + i] - b[begin + i]); });
    });
    *y = cpu::over(sum, o.n);
  }
  template <class T>
  static void backward(Cpu& device, const op::SquaredError& o, Sink<T> da, Sink<T> db, const T* dy, const T* a, const T* b) {
    const T g = 2 * cpu::over(*dy, o.n);
    const auto one_side = [&](const Sink<T>& sink, T sign) {
      cpu::by_mode(sink, [&](auto add) {
        cpu::over_elements(device, o.n, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) cpu::put<add()>(sink.to[i], sign * g * (a[i] - b[i]));
        });
      });
    };
    one_side(da, T(1));
    one_side(db, T(-1));
  }
};

// u = z / |z|;  S = u u^T / t;  row r may choose among c with a different parity (the opposite branch), or among all c != r;
// loss = mean over r of -log softmax(S[r])[pair of r].
template <> struct Kernel<op::InfoNce, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::InfoNce& o, T* y, T* accuracy, T* unit, T* norm, T* share, const T* z) {
    const std::int64_t rows = o.rows(), d = o.dim;
    cpu::over_rows(device, rows, d, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const T* row = z + r * d;
        const T length = std::sqrt(cpu::lane_sum<T>(d, [&](std::int64_t i) { return row[i] * row[i]; }));
        norm[r] = o.unit_length ? std::max(length, T(1e-12)) : T(1);
        for (std::int64_t i = 0; i < d; ++i) unit[r * d + i] = row[i] / norm[r];
      }
    });
    cpu::gemm(device, rows, rows, d, cpu::Operand<T>{unit, d}, cpu::Operand<T>{unit, d, true}, cpu::result(share, rows));
    T* const loss = device.template scratch<T>(2 * rows);
    T* const nearest = loss + rows;  // 1 where no other is nearer than the pair
    cpu::over_rows(device, rows, rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        T* row = share + r * rows;
        const std::int64_t pair = r ^ 1;
        T top = row[pair];
        for (std::int64_t c = 0; c < rows; ++c)
          if (allowed(o, r, c)) top = std::max(top, row[c]);
        nearest[r] = row[pair] >= top ? T(1) : T(0);
        T total = 0;
        const T chosen = (row[pair] - top) / static_cast<T>(o.temperature);
        for (std::int64_t c = 0; c < rows; ++c) {
          row[c] = allowed(o, r, c) ? std::exp((row[c] - top) / static_cast<T>(o.temperature)) : T(0);
          total += row[c];
        }
        for (std::int64_t c = 0; c < rows; ++c) row[c] /= total;
        loss[r] = std::log(total) - chosen;
      }
    });
    T sum = 0, right = 0;
    for (std::int64_t r = 0; r < rows; ++r) sum += loss[r], right += nearest[r];
    *y = cpu::over(sum, rows);
    *accuracy = cpu::over(right, rows);
  }
  // G = (share - pairs) dy / (rows t);  du = (G + G^T) u;  dz = (du - u (u . du)) / |z|
  template <class T>
  static void backward(Cpu& device, const op::InfoNce& o, Sink<T> dz, const T* dy, const T* unit, const T* norm, const T* share) {
    if (dz.skipped()) return;
    const std::int64_t rows = o.rows(), d = o.dim;
    const T g = cpu::over(*dy, rows) / static_cast<T>(o.temperature);
    T* both = device.template scratch<T>(rows * rows + rows * d);
    T* du = both + rows * rows;
    cpu::over_rows(device, rows, rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r)
        for (std::int64_t c = 0; c < rows; ++c)
          both[r * rows + c] = g * (share[r * rows + c] + share[c * rows + r] - (c == (r ^ 1) ? T(2) : T(0)));
    });
    cpu::gemm(device, rows, d, rows, cpu::Operand<T>{both, rows}, cpu::Operand<T>{unit, d}, cpu::result(du, d));
    cpu::by_mode(dz, [&](auto add) {
      cpu::over_rows(device, rows, d, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) {
          const T *u = unit + r * d, *grad = du + r * d;
          const T dot = o.unit_length ? cpu::lane_sum<T>(d, [&](std::int64_t i) { return u[i] * grad[i]; }) : T(0);
          for (std::int64_t i = 0; i < d; ++i) cpu::put<add()>(dz.to[r * d + i], (grad[i] - u[i] * dot) / norm[r]);
        }
      });
    });
  }

 private:
  static bool allowed(const op::InfoNce& o, std::int64_t r, std::int64_t c) {
    return o.both_branches ? r != c : ((r ^ c) & 1) != 0;
  }
};

// u = q / |q|, w = k / |k|;  S = u w^T / t;  row r chooses among the c of the other parity;  loss = mean over r of
// -log softmax(S[r])[pair of r]. Keys receive no gradient.
template <> struct Kernel<op::KeyedInfoNce, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::KeyedInfoNce& o, T* y, T* accuracy, T* unit, T* norm, T* keys, T* share, const T* q,
                      const T* k) {
    const std::int64_t rows = o.rows(), d = o.dim;
    cpu::unit_rows(device, rows, d, q, unit, norm);
    T* const loss = device.template scratch<T>(2 * rows);
    T* const nearest = loss + rows;  // 1 where no other key is nearer than the pair
    cpu::unit_rows(device, rows, d, k, keys, loss);
    cpu::gemm(device, rows, rows, d, cpu::Operand<T>{unit, d}, cpu::Operand<T>{keys, d, true}, cpu::result(share, rows));
    const T by = static_cast<T>(1 / o.temperature);
    cpu::over_rows(device, rows, rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        T* const row = share + r * rows;
        const std::int64_t pair = r ^ 1, first = pair & 1;
        const T chosen = row[pair];
        T top = chosen, total = 0;
        for (std::int64_t c = first; c < rows; c += 2) top = std::max(top, row[c]);
        for (std::int64_t c = 0; c < rows; ++c) row[c] = (c & 1) == first ? math::exp((row[c] - top) * by) : T(0);
        for (std::int64_t c = first; c < rows; c += 2) total += row[c];
        for (std::int64_t c = first; c < rows; c += 2) row[c] /= total;
        nearest[r] = chosen >= top ? T(1) : T(0);
        loss[r] = std::log(total) + (top - chosen) * by;
      }
    });
    *y = cpu::over(cpu::lane_sum<T>(rows, [&](std::int64_t r) { return loss[r]; }), rows);
    *accuracy = cpu::over(cpu::lane_sum<T>(rows, [&](std::int64_t r) { return nearest[r]; }), rows);
  }
  // G = (share - pairs) dy / (rows t);  du = G w;  dq = (du - u (u . du)) / |q|
  template <class T>
  static void backward(Cpu& device, const op::KeyedInfoNce& o, Sink<T> dq, const T* dy, const T* unit, const T* norm, const T* keys,
                       const T* share) {
    if (dq.skipped()) return;
    const std::int64_t rows = o.rows(), d = o.dim;
    const T g = cpu::over(*dy, rows) / static_cast<T>(o.temperature);
    T* const du = device.template scratch<T>(rows * d);
    cpu::gemm(device, rows, d, rows, cpu::Operand<T>{share, rows}, cpu::Operand<T>{keys, d}, cpu::result(du, d));
    cpu::by_mode(dq, [&](auto add) {
      cpu::over_rows(device, rows, d, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) {
          const T *u = unit + r * d, *pair = keys + (r ^ 1) * d;
          T* const row = du + r * d;
          for (std::int64_t i = 0; i < d; ++i) row[i] = g * (row[i] - pair[i]);
          const T dot = cpu::lane_sum<T>(d, [&](std::int64_t i) { return u[i] * row[i]; });
          for (std::int64_t i = 0; i < d; ++i) cpu::put<add()>(dq.to[r * d + i], (row[i] - u[i] * dot) / norm[r]);
        }
      });
    });
  }
};

}  // namespace vitrail
