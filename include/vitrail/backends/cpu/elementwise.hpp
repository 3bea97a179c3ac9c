// Kernels that look at one element at a time: gelu, add, tables, channels, dropped branches.
#pragma once
#include <utility>

#include "../../core/random.hpp"
#include "../catalog.hpp"
#include "../cpu.hpp"
#include "loops.hpp"

namespace vitrail {

template <> struct Kernel<op::Gelu, Cpu> {
  template <class T> static void forward(Cpu& device, const op::Gelu& o, T* y, const T* x) {
    cpu::over_elements(device, o.n, [&](std::int64_t begin, std::int64_t end) {
      if (o.tanh_form)
        for (std::int64_t i = begin; i < end; ++i) y[i] = math::gelu_tanh(x[i]);
      else
        for (std::int64_t i = begin; i < end; ++i) y[i] = math::gelu(x[i]);
    });
  }
  template <class T> static void backward(Cpu& device, const op::Gelu& o, Sink<T> dx, const T* dy, const T* x) {
    cpu::by_mode(dx, [&](auto add) {
      cpu::over_elements(device, o.n, [&](std::int64_t begin, std::int64_t end) {
        if (o.tanh_form)
          for (std::int64_t i = begin; i < end; ++i) cpu::put<add()>(dx.to[i], dy[i] * math::gelu_tanh_slope(x[i]));
        else
          for (std::int64_t i = begin; i < end; ++i) cpu::put<add()>(dx.to[i], dy[i] * math::gelu_slope(x[i]));
      });
    });
  }
};

template <> struct Kernel<op::Add, Cpu> {
  template <class T> static void forward(Cpu& device, const op::Add& o, T* y, const T* a, const T* b) {
    cpu::over_elements(device, o.n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) y[i] = a[i] + b[i];
    });
  }
  template <class T> static void backward(Cpu& device, const op::Add& o, Sink<T> dx, const T* dy) {
    cpu::by_mode(dx, [&](auto add) {
      cpu::over_elements(device, o.n, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) cpu::put<add()>(dx.to[i], dy[i]);
      });
    });
  }
};

template <> struct Kernel<op::Copy, Cpu> {
  template <class T> static void forward(Cpu& device, const op::Copy& o, T* y, const T* x) {
    cpu::over_elements(device, o.n, [&](std::int64_t begin, std::int64_t end) { std::copy(x + begin, x + end, y + begin); });
  }
  template <class... A> static void backward(A&&...) = delete;
};

template <> struct Kernel<op::AddTable, Cpu> {
  template <class T> static void forward(Cpu& device, const op::AddTable& o, T* y, const T* x, const T* table) {
    cpu::over_rows(device, o.rows, o.n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r)
        for (int i = 0; i < o.n; ++i) y[r * o.n + i] = x[r * o.n + i] + table[i];
    });
  }
  template <class T> static void backward(Cpu& device, const op::AddTable& o, Sink<T> dtable, const T* dy) {
    if (dtable.skipped()) return;
    if (dtable.mode == Write::assign) device.fill(dtable.to, o.n, T(0));
    cpu::over_elements(device, o.n, [&](std::int64_t begin, std::int64_t end) {  // columns: every sum has one order
      for (std::int64_t r = 0; r < o.rows; ++r)
        for (std::int64_t i = begin; i < end; ++i) dtable.to[i] += dy[r * o.n + i];
    });
  }
};

template <> struct Kernel<op::ScaleChannels, Cpu> {
  template <class T> static void forward(Cpu& device, const op::ScaleChannels& o, T* y, const T* x, const T* gamma) {
    cpu::over_rows(device, o.rows, o.dim, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r)
        for (int i = 0; i < o.dim; ++i) y[r * o.dim + i] = x[r * o.dim + i] * gamma[i];
    });
  }
  template <class T>
  static void backward(Cpu& device, const op::ScaleChannels& o, Sink<T> dx, Sink<T> dgamma, const T* dy, const T* x, const T* gamma) {
    cpu::by_mode(dx, [&](auto add) {
      cpu::over_rows(device, o.rows, o.dim, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r)
          for (int i = 0; i < o.dim; ++i) cpu::put<add()>(dx.to[r * o.dim + i], dy[r * o.dim + i] * gamma[i]);
      });
    });
    if (dgamma.skipped()) return;
    cpu::reduce_rows(device, o.rows, 256, o.dim, &dgamma, 1, [&](std::int64_t begin, std::int64_t end, T* sum) {
      for (std::int64_t r = begin; r < end; ++r)
        for (int i = 0; i < o.dim; ++i) sum[i] += dy[r * o.dim + i] * x[r * o.dim + i];
    });
  }
};

template <> struct Kernel<op::AddDropped, Cpu> {
  template <class T> static void forward(Cpu& device, const op::AddDropped& o, T* y, const T* x, const T* branch) {
    cpu::over_rows(device, o.batch, o.per_sample, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b) {
        const T s = factor<T>(o, b);
        for (std::int64_t i = b * o.per_sample; i < (b + 1) * o.per_sample; ++i) y[i] = x[i] + s * branch[i];
      }
    });
  }
  template <class T> static void backward(Cpu& device, const op::AddDropped& o, Sink<T> dbranch, const T* dy) {
    cpu::by_mode(dbranch, [&](auto add) {
      cpu::over_rows(device, o.batch, o.per_sample, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t b = begin; b < end; ++b) {
          const T s = factor<T>(o, b);
          for (std::int64_t i = b * o.per_sample; i < (b + 1) * o.per_sample; ++i) cpu::put<add()>(dbranch.to[i], s * dy[i]);
        }
      });
    });
  }

 private:
  template <class T> static T factor(const op::AddDropped& o, std::int64_t sample) {
    const int place = o.part.place(static_cast<int>(sample), o.batch);
    const bool dropped = Random(o.key).stream(static_cast<std::uint64_t>(place)).chance(o.rate);
    return dropped ? T(0) : static_cast<T>(1 / (1 - o.rate));
  }
};

}  // namespace vitrail
