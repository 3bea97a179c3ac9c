// Kernels that move tokens: patchify, gather, add_places, scatter, concat, slice, prepend, complete, mean_tokens.
// One sequence is one task: what it reads and writes belongs to it alone, so that indices may repeat.
#pragma once
#include <vector>

#include "../catalog.hpp"
#include "../cpu.hpp"
#include "loops.hpp"

namespace vitrail {

namespace cpu::inline VITRAIL_ABI {
template <class Device, class F> void over_sequences(Device& device, int batch, F f) {
  over_ranges(device, batch, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) f(b);
  });
}
template <class T> void put_row(Write mode, T* to, const T* from, std::int64_t n) {
  if (mode == Write::add)
    for (std::int64_t i = 0; i < n; ++i) to[i] += from[i];
  else std::copy_n(from, n, to);
}
}  // namespace cpu::inline VITRAIL_ABI

template <> struct Kernel<op::Patchify, Cpu> {
  template <class T> static void forward(Cpu& device, const op::Patchify& o, T* y, const T* x, const int* index) {
    const std::int64_t grid = o.grid(), side = o.patch / o.shrink, size = o.image;
    const T share = T(1) / static_cast<T>(o.shrink * o.shrink);
    cpu::over_sequences(device, o.batch, [&](std::int64_t b) {
      T* to = y + b * o.to * o.channels * side * side;
      for (std::int64_t k = 0; k < o.to; ++k)
        for (std::int64_t c = 0; c < o.channels; ++c) {
          const std::int64_t n = index == nullptr ? k : index[b * o.to + k];
          const T* corner = x + ((b * o.channels + c) * size + n / grid * o.patch) * size + n % grid * o.patch;
          for (std::int64_t i = 0; i < side; ++i)
            for (std::int64_t j = 0; j < side; ++j) {
              T sum = 0;
              for (int u = 0; u < o.shrink; ++u)
                for (int v = 0; v < o.shrink; ++v) sum += corner[(i * o.shrink + u) * size + j * o.shrink + v];
              *to++ = o.shrink == 1 ? sum : sum * share;
            }
        }
    });
  }
  template <class... A> static void backward(A&&...) = delete;
};

template <> struct Kernel<op::Gather, Cpu> {
  template <class T> static void forward(Cpu& device, const op::Gather& o, T* y, const T* x, const int* index) {
    cpu::over_sequences(device, o.batch, [&](std::int64_t b) {
      for (std::int64_t j = 0; j < o.to; ++j)
        std::copy_n(x + (b * o.from + o.lead + index[b * o.to + j]) * o.dim, o.dim, y + (b * o.to + j) * o.dim);
    });
  }
  template <class T> static void backward(Cpu& device, const op::Gather& o, Sink<T> dx, const T* dy, const int* index) {
    if (dx.skipped()) return;
    cpu::over_sequences(device, o.batch, [&](std::int64_t b) {
      T* to = dx.to + b * o.from * o.dim;
      if (dx.mode == Write::assign) std::fill_n(to, std::int64_t{o.from} * o.dim, T(0));
      for (std::int64_t j = 0; j < o.to; ++j)
        cpu::put_row(Write::add, to + (std::int64_t{o.lead} + index[b * o.to + j]) * o.dim, dy + (b * o.to + j) * o.dim, o.dim);
    });
  }
};

template <> struct Kernel<op::AddPlaces, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::AddPlaces& o, T* y, const T* x, const T* table, const int* index) {
    cpu::over_sequences(device, o.batch, [&](std::int64_t b) {
      for (std::int64_t r = b * o.to; r < (b + 1) * o.to; ++r) {
        const T* const place = table + std::int64_t{index[r]} * o.dim;
        for (int i = 0; i < o.dim; ++i) y[r * o.dim + i] = x[r * o.dim + i] + place[i];
      }
    });
  }
  template <class T> static void backward(Cpu& device, const op::AddPlaces& o, Sink<T> dtable, const T* dy, const int* index) {
    if (dtable.skipped()) return;
    if (dtable.mode == Write::assign) device.fill(dtable.to, std::int64_t{o.places} * o.dim, T(0));
    cpu::over_ranges(device, o.dim, 64, [&](std::int64_t begin, std::int64_t end) {  // columns: every sum has one order
      for (std::int64_t r = 0; r < std::int64_t{o.batch} * o.to; ++r)
        cpu::put_row(Write::add, dtable.to + std::int64_t{index[r]} * o.dim + begin, dy + r * o.dim + begin, end - begin);
    });
  }
};

template <> struct Kernel<op::GatherIds, Cpu> {
  static void forward(Cpu&, const op::GatherIds& o, int* y, const int* x, const int* index) {
    for (std::int64_t b = 0; b < o.batch; ++b)
      for (std::int64_t j = 0; j < o.to; ++j) y[b * o.to + j] = x[b * o.from + index[b * o.to + j]];
  }
  template <class... A> static void backward(A&&...) = delete;
};

template <> struct Kernel<op::Scatter, Cpu> {
  template <class T> static void forward(Cpu& device, const op::Scatter& o, T* y, const T* x, const int* index) {
    cpu::over_sequences(device, o.batch, [&](std::int64_t b) {
      T* to = y + b * o.to * o.dim;
      std::fill_n(to, std::int64_t{o.to} * o.dim, T(0));
      for (std::int64_t j = 0; j < o.from; ++j)
        cpu::put_row(Write::add, to + std::int64_t{index[b * o.from + j]} * o.dim, x + (b * o.from + j) * o.dim, o.dim);
    });
  }
  template <class T> static void backward(Cpu& device, const op::Scatter& o, Sink<T> dx, const T* dy, const int* index) {
    if (dx.skipped()) return;
    cpu::over_sequences(device, o.batch, [&](std::int64_t b) {
      for (std::int64_t j = 0; j < o.from; ++j)
        cpu::put_row(dx.mode, dx.to + (b * o.from + j) * o.dim, dy + (b * o.to + index[b * o.from + j]) * o.dim, o.dim);
    });
  }
};

template <> struct Kernel<op::Concat, Cpu> {
  template <class T> static void forward(Cpu& device, const op::Concat& o, T* y, const T* a, const T* b) {
    const std::int64_t first = std::int64_t{o.first} * o.dim, second = std::int64_t{o.second} * o.dim;
    cpu::over_sequences(device, o.batch, [&](std::int64_t s) {
      std::copy_n(a + s * first, first, y + s * (first + second));
      std::copy_n(b + s * second, second, y + s * (first + second) + first);
    });
  }
  template <class T> static void backward(Cpu& device, const op::Concat& o, Sink<T> da, Sink<T> db, const T* dy) {
    const std::int64_t first = std::int64_t{o.first} * o.dim, second = std::int64_t{o.second} * o.dim;
    cpu::over_sequences(device, o.batch, [&](std::int64_t s) {
      if (!da.skipped()) cpu::put_row(da.mode, da.to + s * first, dy + s * (first + second), first);
      if (!db.skipped()) cpu::put_row(db.mode, db.to + s * second, dy + s * (first + second) + first, second);
    });
  }
};

template <> struct Kernel<op::Slice, Cpu> {
  template <class T> static void forward(Cpu& device, const op::Slice& o, T* y, const T* x) {
    cpu::over_sequences(device, o.batch, [&](std::int64_t b) {
      std::copy_n(x + (b * o.from + o.first) * o.dim, std::int64_t{o.to} * o.dim, y + b * o.to * o.dim);
    });
  }
  template <class T> static void backward(Cpu& device, const op::Slice& o, Sink<T> dx, const T* dy) {
    if (dx.skipped()) return;
    cpu::over_sequences(device, o.batch, [&](std::int64_t b) {
      T* to = dx.to + b * o.from * o.dim;
      if (dx.mode == Write::assign) std::fill_n(to, std::int64_t{o.from} * o.dim, T(0));
      cpu::put_row(Write::add, to + std::int64_t{o.first} * o.dim, dy + b * o.to * o.dim, std::int64_t{o.to} * o.dim);
    });
  }
};

template <> struct Kernel<op::Prepend, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::Prepend& o, T* y, const T* x, const T* token, const T* place) {
    const std::int64_t rest = std::int64_t{o.tokens} * o.dim;
    cpu::over_sequences(device, o.batch, [&](std::int64_t b) {
      T* to = y + b * (rest + o.dim);
      for (int i = 0; i < o.dim; ++i) to[i] = token[i] + place[i];
      std::copy_n(x + b * rest, rest, to + o.dim);
    });
  }
  template <class T>
  static void backward(Cpu& device, const op::Prepend& o, Sink<T> dx, Sink<T> dtoken, Sink<T> dplace, const T* dy) {
    const std::int64_t rest = std::int64_t{o.tokens} * o.dim;
    if (!dx.skipped())
      cpu::over_sequences(device, o.batch, [&](std::int64_t b) {
        cpu::put_row(dx.mode, dx.to + b * rest, dy + b * (rest + o.dim) + o.dim, rest);
      });
    for (const Sink<T>& sink : {dtoken, dplace}) {
      if (sink.skipped()) continue;
      if (sink.mode == Write::assign) device.fill(sink.to, o.dim, T(0));
      for (std::int64_t b = 0; b < o.batch; ++b) cpu::put_row(Write::add, sink.to, dy + b * (rest + o.dim), o.dim);
    }
  }
};

template <> struct Kernel<op::Complete, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::Complete& o, T* y, const T* x, const T* token, const T* place, const int* seen) {
    cpu::over_sequences(device, o.batch, [&](std::int64_t b) {
      const T* from = x + b * (o.lead + o.seen) * o.dim;
      T* to = y + b * (o.lead + o.all) * o.dim;
      std::copy_n(from, std::int64_t{o.lead} * o.dim, to);
      from += std::int64_t{o.lead} * o.dim, to += std::int64_t{o.lead} * o.dim;
      for (std::int64_t n = 0; n < o.all; ++n)
        for (std::int64_t i = 0; i < o.dim; ++i) to[n * o.dim + i] = token[i] + place[n * o.dim + i];
      for (std::int64_t j = 0; j < o.seen; ++j)
        std::copy_n(from + j * o.dim, o.dim, to + std::int64_t{seen[b * o.seen + j]} * o.dim);
    });
  }
  template <class T>
  static void backward(Cpu& device, const op::Complete& o, Sink<T> dx, Sink<T> dtoken, Sink<T> dplace, const T* dy, const int* seen) {
    if (!dx.skipped())
      cpu::over_sequences(device, o.batch, [&](std::int64_t b) {
        const T* from = dy + b * (o.lead + o.all) * o.dim;
        T* to = dx.to + b * (o.lead + o.seen) * o.dim;
        cpu::put_row(dx.mode, to, from, std::int64_t{o.lead} * o.dim);
        for (std::int64_t j = 0; j < o.seen; ++j)
          cpu::put_row(dx.mode, to + (o.lead + j) * o.dim, from + (o.lead + seen[b * o.seen + j]) * o.dim, o.dim);
      });
    if (dtoken.skipped() && dplace.skipped()) return;
    // What reaches each place from all sequences, one column of the table per task; then the token's share is their sum.
    const std::int64_t table = std::int64_t{o.all} * o.dim, hidden = std::int64_t{o.batch} * o.all;
    T* sum = device.template scratch<T>(table + (hidden + std::int64_t{sizeof(T)} - 1) / std::int64_t{sizeof(T)});
    char* is_seen = reinterpret_cast<char*>(sum + table);
    std::fill_n(is_seen, hidden, char(0));
    for (std::int64_t i = 0; i < std::int64_t{o.batch} * o.seen; ++i) is_seen[i / o.seen * o.all + seen[i]] = 1;
    cpu::over_ranges(device, o.all, 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        std::fill_n(sum + n * o.dim, o.dim, T(0));
        for (std::int64_t b = 0; b < o.batch; ++b)
          if (is_seen[b * o.all + n] == 0)
            cpu::put_row(Write::add, sum + n * o.dim, dy + (b * (o.lead + o.all) + o.lead + n) * o.dim, o.dim);
      }
    });
    if (!dplace.skipped()) cpu::put_row(dplace.mode, dplace.to, sum, table);
    if (dtoken.skipped()) return;
    if (dtoken.mode == Write::assign) device.fill(dtoken.to, o.dim, T(0));
    for (std::int64_t n = 0; n < o.all; ++n) cpu::put_row(Write::add, dtoken.to, sum + n * o.dim, o.dim);
  }
};

template <> struct Kernel<op::MeanTokens, Cpu> {
  template <class T> static void forward(Cpu& device, const op::MeanTokens& o, T* y, const T* x) {
    const T share = T(1) / static_cast<T>(o.tokens - o.first);
    cpu::over_sequences(device, o.batch, [&](std::int64_t b) {
      T* to = y + b * o.dim;
      std::fill_n(to, o.dim, T(0));
      for (std::int64_t n = o.first; n < o.tokens; ++n) cpu::put_row(Write::add, to, x + (b * o.tokens + n) * o.dim, o.dim);
      for (int i = 0; i < o.dim; ++i) to[i] *= share;
    });
  }
  template <class T> static void backward(Cpu& device, const op::MeanTokens& o, Sink<T> dx, const T* dy) {
    const T share = T(1) / static_cast<T>(o.tokens - o.first);
    cpu::by_mode(dx, [&](auto add) {
      cpu::over_sequences(device, o.batch, [&](std::int64_t b) {
        T* to = dx.to + b * o.tokens * o.dim;
        if (!add()) std::fill_n(to, std::int64_t{o.first} * o.dim, T(0));
        for (std::int64_t n = o.first; n < o.tokens; ++n)
          for (int i = 0; i < o.dim; ++i) cpu::put<add()>(to[n * o.dim + i], share * dy[b * o.dim + i]);
      });
    });
  }
};

}  // namespace vitrail
