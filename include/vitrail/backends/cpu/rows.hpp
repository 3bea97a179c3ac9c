// Kernels that look at one row at a time: softmax, normalize, standardize, and sums.
#pragma once
#include <cmath>

#include "../../core/scalar_math.hpp"
#include "../catalog.hpp"
#include "../cpu.hpp"
#include "loops.hpp"

namespace vitrail {

template <> struct Kernel<op::Softmax, Cpu> {
  template <class T> static void forward(Cpu& device, const op::Softmax& o, T* y, const T* x) {
    cpu::over_rows(device, o.rows, o.classes, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const T* row = x + r * o.classes;
        T* to = y + r * o.classes;
        const T top = cpu::lane_max(o.classes, row);
        for (int k = 0; k < o.classes; ++k) to[k] = math::exp(row[k] - top);
        const T inverse = T(1) / cpu::lane_sum<T>(o.classes, [&](std::int64_t k) { return to[k]; });
        for (int k = 0; k < o.classes; ++k) to[k] *= inverse;
      }
    });
  }
  // dx = y (dy - sum(dy y))
  template <class T> static void backward(Cpu& device, const op::Softmax& o, Sink<T> dx, const T* dy, const T* y) {
    cpu::by_mode(dx, [&](auto add) {
      cpu::over_rows(device, o.rows, o.classes, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) {
          const T *p = y + r * o.classes, *g = dy + r * o.classes;
          const T dot = cpu::lane_sum<T>(o.classes, [&](std::int64_t k) { return p[k] * g[k]; });
          for (int k = 0; k < o.classes; ++k) cpu::put<add()>(dx.to[r * o.classes + k], p[k] * (g[k] - dot));
        }
      });
    });
  }
};

template <> struct Kernel<op::Normalize, Cpu> {
  template <class T> static void forward(Cpu& device, const op::Normalize& o, T* y, T* norm, const T* x) {
    cpu::over_rows(device, o.rows, o.dim, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const T* row = x + r * o.dim;
        norm[r] = std::sqrt(cpu::lane_sum<T>(o.dim, [&](std::int64_t i) { return row[i] * row[i]; }));
        const T inverse = T(1) / std::max(norm[r], static_cast<T>(o.eps));
        for (int i = 0; i < o.dim; ++i) y[r * o.dim + i] = row[i] * inverse;
      }
    });
  }
  // dx = (dy - y (y . dy)) / |x|;  under eps the length is a constant: dx = dy / eps
  template <class T>
  static void backward(Cpu& device, const op::Normalize& o, Sink<T> dx, const T* dy, const T* y, const T* norm) {
    cpu::by_mode(dx, [&](auto add) {
      cpu::over_rows(device, o.rows, o.dim, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) {
          const T *unit = y + r * o.dim, *g = dy + r * o.dim;
          const bool constant = norm[r] < static_cast<T>(o.eps);
          const T dot = constant ? T(0) : cpu::lane_sum<T>(o.dim, [&](std::int64_t i) { return unit[i] * g[i]; });
          const T inverse = T(1) / std::max(norm[r], static_cast<T>(o.eps));
          for (int i = 0; i < o.dim; ++i) cpu::put<add()>(dx.to[r * o.dim + i], (g[i] - unit[i] * dot) * inverse);
        }
      });
    });
  }
};

template <> struct Kernel<op::Standardize, Cpu> {
  template <class T> static void forward(Cpu& device, const op::Standardize& o, T* y, T* rstd, const T* x) {
    cpu::over_rows(device, o.rows, o.dim, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const T* row = x + r * o.dim;
        const T mean = cpu::lane_sum<T>(o.dim, [&](std::int64_t i) { return row[i]; }) / static_cast<T>(o.dim);
        const T squares = cpu::lane_sum<T>(o.dim, [&](std::int64_t i) { return (row[i] - mean) * (row[i] - mean); });
        rstd[r] = T(1) / std::sqrt(squares / static_cast<T>(o.dim - 1) + static_cast<T>(o.eps));
        for (int i = 0; i < o.dim; ++i) y[r * o.dim + i] = (row[i] - mean) * rstd[r];
      }
    });
  }
  // dx = (dy - mean(dy) - y (y . dy) / (dim - 1)) rstd
  template <class T>
  static void backward(Cpu& device, const op::Standardize& o, Sink<T> dx, const T* dy, const T* y, const T* rstd) {
    cpu::by_mode(dx, [&](auto add) {
      cpu::over_rows(device, o.rows, o.dim, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) {
          const T *u = y + r * o.dim, *g = dy + r * o.dim;
          const T mean = cpu::lane_sum<T>(o.dim, [&](std::int64_t i) { return g[i]; }) / static_cast<T>(o.dim);
          const T dot = cpu::lane_sum<T>(o.dim, [&](std::int64_t i) { return u[i] * g[i]; }) / static_cast<T>(o.dim - 1);
          for (int i = 0; i < o.dim; ++i) cpu::put<add()>(dx.to[r * o.dim + i], (g[i] - mean - u[i] * dot) * rstd[r]);
        }
      });
    });
  }
};

template <> struct Kernel<op::SumAll, Cpu> {
  template <class T> static void forward(Cpu& device, const op::SumAll& o, T* y, const T* x) {
    constexpr std::int64_t chunk = 8192;
    const int chunks = static_cast<int>((o.n + chunk - 1) / chunk);
    T* partial = device.template scratch<T>(chunks);
    cpu::over_ranges(device, o.n, chunk, [&](std::int64_t begin, std::int64_t end) {
      partial[begin / chunk] = cpu::lane_sum<T>(end - begin, [&](std::int64_t i) { return x[begin + i]; });
    });
    T sum = 0;
    for (int c = 0; c < chunks; ++c) sum += partial[c];
    *y = static_cast<T>(o.by) * sum;
  }
  template <class T> static void backward(Cpu& device, const op::SumAll& o, Sink<T> dx, const T* dy) {
    const T g = *dy * static_cast<T>(o.by);
    cpu::by_mode(dx, [&](auto add) {
      cpu::over_elements(device, o.n, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) cpu::put<add()>(dx.to[i], g);
      });
    });
  }
};

template <> struct Kernel<op::SumRows, Cpu> {
  template <class T> static void forward(Cpu& device, const op::SumRows& o, T* y, const T* x) {
    cpu::over_rows(device, o.rows, o.dim, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r)
        y[r] = static_cast<T>(o.by) * cpu::lane_sum<T>(o.dim, [&](std::int64_t i) { return x[r * o.dim + i]; });
    });
  }
  template <class T> static void backward(Cpu& device, const op::SumRows& o, Sink<T> dx, const T* dy) {
    cpu::by_mode(dx, [&](auto add) {
      cpu::over_rows(device, o.rows, o.dim, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r)
          for (int i = 0; i < o.dim; ++i) cpu::put<add()>(dx.to[r * o.dim + i], dy[r] * static_cast<T>(o.by));
      });
    });
  }
};

}  // namespace vitrail
