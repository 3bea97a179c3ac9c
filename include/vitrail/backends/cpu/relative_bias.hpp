// Kernels of attention with relative positions: the table of biases spread over pairs of tokens, and biases of q and v alone.
#pragma once
#include "../catalog.hpp"
#include "../cpu.hpp"
#include "loops.hpp"

namespace vitrail {

template <> struct Kernel<op::RelativeBias, Cpu> {
  template <class T> static void forward(Cpu& device, const op::RelativeBias& o, T* y, const T* table) {
    const int tokens = o.tokens();
    device.parallel(o.heads, [&](int head, int) {
      T* to = y + std::int64_t{head} * tokens * tokens;
      for (int query = 0; query < tokens; ++query)
        for (int key = 0; key < tokens; ++key) *to++ = table[std::int64_t{o.place(query, key)} * o.heads + head];
    });
  }
  // A head's column of the table belongs to one task.
  template <class T> static void backward(Cpu& device, const op::RelativeBias& o, Sink<T> dtable, const T* dy) {
    if (dtable.skipped()) return;
    if (dtable.mode == Write::assign) device.fill(dtable.to, std::int64_t{o.rows()} * o.heads, T(0));
    const int tokens = o.tokens();
    device.parallel(o.heads, [&](int head, int) {
      const T* from = dy + std::int64_t{head} * tokens * tokens;
      for (int query = 0; query < tokens; ++query)
        for (int key = 0; key < tokens; ++key) dtable.to[std::int64_t{o.place(query, key)} * o.heads + head] += *from++;
    });
  }
};

template <> struct Kernel<op::QueryValueBias, Cpu> {
  template <class T> static void forward(Cpu&, const op::QueryValueBias& o, T* y, const T* q, const T* v) {
    std::copy_n(q, o.dim, y);
    std::fill_n(y + o.dim, o.dim, T(0));
    std::copy_n(v, o.dim, y + 2 * o.dim);
  }
  template <class T> static void backward(Cpu&, const op::QueryValueBias& o, Sink<T> dq, Sink<T> dv, const T* dy) {
    const auto take = [&](const Sink<T>& sink, const T* from) {
      cpu::by_mode(sink, [&](auto add) {
        for (int i = 0; i < o.dim; ++i) cpu::put<add()>(sink.to[i], from[i]);
      });
    };
    take(dq, dy);
    take(dv, dy + 2 * o.dim);
  }
};

}  // namespace vitrail
