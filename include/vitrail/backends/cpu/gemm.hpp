// Products of matrices on all threads. Work is cut by size: the right operand is packed once and read by all, a block of rows is
// a task. An operand may be computed when it is needed: then it never exists as a whole.
#pragma once
#include <vector>

#include "loops.hpp"
#include "product.hpp"

namespace vitrail::cpu {

// How a result is cut into blocks: of rows, and of columns too where rows are few. A block is a task, unless all of them together are
// less work than waking a thread.
struct Blocks {
  std::int64_t m, n, rows, columns, across;  // of the result; of a block; blocks from left to right
  int count;
  bool together;

  Blocks(std::int64_t all_rows, std::int64_t all_columns, std::int64_t k, bool whole_rows = false) : m(all_rows), n(all_columns) {
    constexpr std::int64_t few = 8, worth_a_task = std::int64_t{1} << 18;  // multiply-adds: some microseconds
    rows = std::clamp<std::int64_t>((m / 16 + 7) / 8 * 8, m <= 128 ? 8 : 32, 64);
    const std::int64_t down = (m + rows - 1) / rows;
    across = whole_rows || down >= few ? 1 : std::clamp<std::int64_t>(n / 64, 1, few / std::max<std::int64_t>(down, 1));
    columns = ((n + across - 1) / across + widest_panel - 1) / widest_panel * widest_panel;
    across = (n + columns - 1) / columns;
    count = static_cast<int>(down * across);
    together = m * n * k < worth_a_task;
  }
  // f(row, rows, column, columns, worker) for every block, on all threads.
  template <class Device, class F>
  void each(Device& device, F f) const {
    const auto block = [&](int task, int worker) {
      const std::int64_t row = task / across * rows, column = task % across * columns;
      f(row, std::min(rows, m - row), column, std::min(columns, n - column), worker);
    };
    if (!together) return device.parallel(count, block);
    device.parallel(1, [&](int, int worker) {
      for (int task = 0; task < count; ++task) block(task, worker);
    });
  }
};

// Memory of one task, which may run on a thread that has none: see ThreadPool::nested_worker.
template <class T>
class TaskSpace {
 public:
  TaskSpace(T* all, std::int64_t size, int worker)
      : own_(worker < 0 ? static_cast<std::size_t>(size) : 0), at_(worker < 0 ? own_.data() : all + worker * size) {}
  T* at() const { return at_; }

 private:
  std::vector<T> own_;
  T* at_;
};
// Numbers for each thread, a whole number of cache lines.
template <class T>
constexpr std::int64_t whole_lines(std::int64_t count) {
  return (count + 15) / 16 * 16;
}

// An operand whose rows f(row, rows, to) writes when they are needed, `width` numbers each.
template <class T, class F>
struct ComputedRows {
  std::int64_t width;
  F f;
};
template <class T, class F>
ComputedRows<T, F> computed_rows(std::int64_t width, F f) {
  return {width, f};
}

// b (k, n) for all threads, packed by all into `space` of right_size(k, n) numbers.
template <class T, class Device>
Right<T> shared_right(Device& device, Arithmetic how, Operand<T> b, std::int64_t k, std::int64_t n, T* space) {
#if VITRAIL_X86
  if constexpr (std::is_same_v<T, float>)
    if (how.has_tiles() && k * n >= (std::int64_t{1} << 15)) {
      const TileSet& set = tiles(how);
      const std::int64_t step = panel_step(set, k);
      if (b.transposed)
        over_ranges(device, n, 2 * widest_panel, [&](std::int64_t begin, std::int64_t end) {
          pack_right(how, space + begin / set.panel() * step, step, 0, b.from(0, begin), k, end - begin);
        });
      else
        over_ranges(device, k, 64,
                    [&](std::int64_t begin, std::int64_t end) { pack_right(how, space, step, begin, b.from(begin, 0), end - begin, n); });
      return {b, space, set.panel(), step, set.panel()};
    }
#endif
  return right(how, b, k, n, space);
}
template <class T, class Device>
Right<T> shared_right(Device& device, Arithmetic how, Operand<T> b, std::int64_t k, std::int64_t n) {
  return shared_right(device, how, b, k, n, device.template packed<T>(right_size(k, n)));
}
// The same for rows first .. first + k - 1 of an operand that is computed.
template <class T, class Device, class F>
Right<T> shared_right(Device& device, Arithmetic how, const ComputedRows<T, F>& b, std::int64_t first, std::int64_t k) {
  constexpr std::int64_t rows = 32;
  const std::int64_t n = b.width;
  T* const space = device.template packed<T>(std::max(right_size(k, n), k * n));
#if VITRAIL_X86
  if constexpr (std::is_same_v<T, float>)
    if (how.has_tiles()) {
      const TileSet& set = tiles(how);
      const std::int64_t step = panel_step(set, k), size = whole_lines<T>(rows * n);
      T* const all = device.template rows<T>(size * device.threads());
      device.parallel(static_cast<int>((k + rows - 1) / rows), [&](int task, int worker) {
        const TaskSpace<T> own(all, size, worker);
        const std::int64_t begin = task * rows, count = std::min(rows, k - begin);
        b.f(first + begin, count, own.at());
        pack_right(how, space, step, begin, {own.at(), n}, count, n);
      });
      return {{space, n}, space, set.panel(), step, set.panel()};
    }
#endif
  over_ranges(device, k, rows, [&](std::int64_t begin, std::int64_t end) { b.f(first + begin, end - begin, space + begin * n); });
  return {{space, n}};
}

// Whole products by another library (see products.hpp), if the device has one and it knows T.
template <class T, class Device>
bool is_outside(const Device& device) {
  return std::is_same_v<T, float> && device.products() != nullptr;
}
template <class T, class Device>
void multiply_outside([[maybe_unused]] Device& device, [[maybe_unused]] std::int64_t m, [[maybe_unused]] std::int64_t n,
                      [[maybe_unused]] std::int64_t k, [[maybe_unused]] Operand<T> a, [[maybe_unused]] Operand<T> b,
                      [[maybe_unused]] const Result<T>& y) {
  if constexpr (std::is_same_v<T, float>) {
    over_ranges(device, m, 64, [&](std::int64_t begin, std::int64_t end) { begin_result(end - begin, n, y.from(begin, 0)); });
    if (k > 0) device.products()->add_product(m, n, k, a, b, y.y, y.stride);
  }
}
// All rows of an operand that is computed, in the device's memory.
template <class T, class Device, class F>
Operand<T> materialised(Device& device, const ComputedRows<T, F>& a, std::int64_t m) {
  T* const all = device.template rows<T>(m * a.width);
  over_ranges(device, m, 32, [&](std::int64_t begin, std::int64_t end) { a.f(begin, end - begin, all + begin * a.width); });
  return {all, a.width};
}

// How linear maps of numbers of type T are computed on this device.
template <class T, class Device>
Arithmetic arithmetic(const Device& device) {
  if (!std::is_same_v<T, float>) return Isa::portable;
  return {device.isa(), device.precision() == Precision::bf16};
}

// Few rows by a weight of many: then packing the weight costs more than multiplying it. y^T = b^T a^T reads it where it lies, and
// packs a instead; the bits are the same.
inline constexpr std::int64_t few_rows = 256, turned_outputs = 32, turned_size = turned_outputs * (few_rows + panel_gap);
inline bool better_turned(Arithmetic how, std::int64_t m, std::int64_t n, std::int64_t k) {
  return how.has_tiles() && m <= std::min(few_rows, k) && n >= 64 && k > 0;
}
template <class T, class Device>
void multiply_turned(Device& device, Arithmetic how, std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b,
                     const Result<T>& y) {
#if VITRAIL_X86
  if constexpr (std::is_same_v<T, float>) {
    const Right<T> panels = shared_right(device, how, Operand<T>{a.at, a.stride, true}, k, m);
    T* const all = device.template turned<T>(turned_size * device.threads());
    const std::int64_t stride = (m + 15) / 16 * 16 + panel_gap;
    device.parallel(static_cast<int>((n + turned_outputs - 1) / turned_outputs), [&](int task, int worker) {
      const TaskSpace<T> own(all, turned_size, worker);
      const std::int64_t first = task * turned_outputs, count = std::min(turned_outputs, n - first);
      multiply(how, count, m, k, Operand<T>{b.from(0, first).at, b.stride}, panels, result(own.at(), stride));
      put_turned(m, count, own.at(), stride, y.from(0, first));
    });
  }
#endif
}
// What a smaller batch may ask for is taken with the first, so that a step whose batch changes allocates nothing.
template <class T, class Device>
void reserve_for_few_rows(Device& device, std::int64_t k, bool computed) {
  const std::int64_t rows = std::min(few_rows, k);
  device.template turned<T>(turned_size * device.threads());
  device.template packed<T>(right_size(k, rows));
  if (computed) device.template rows<T>(rows * k);
}

// A weight that the device keeps packed, or null. b (k, n) is the weight (n, k), transposed.
template <class T, class Device>
const Right<T>* kept_weight([[maybe_unused]] Device& device, [[maybe_unused]] Arithmetic how, [[maybe_unused]] Operand<T> b,
                            [[maybe_unused]] std::int64_t k, [[maybe_unused]] std::int64_t n) {
  if constexpr (std::is_same_v<T, float>)
    if (how.has_tiles() && b.transposed && device.kept_weights().watches(b.at))
      return &device.kept_weights().find(b.at, k, n, [&](T* space) { return shared_right(device, how, b, k, n, space); });
  return nullptr;
}
// By a weight that is ready: columns are the tasks, so that each part of the weight comes from memory once.
template <class T, class Device>
void multiply_kept(Device& device, Arithmetic how, std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, const Right<T>& panels,
                   const Result<T>& y) {
  const std::int64_t columns = std::clamp<std::int64_t>((n / 16 + widest_panel - 1) / widest_panel, 1, 4) * widest_panel;
  over_ranges(device, n, columns, [&](std::int64_t begin, std::int64_t end) {
    multiply(how, m, end - begin, k, a, panels.from_column(begin), y.from(0, begin));
  });
}

// y = a (m, k) b (k, n) + bias + plus.
template <class T, class Device>
void gemm(Device& device, std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, const Result<T>& y) {
  const Arithmetic how = arithmetic<T>(device);
  if (m == 0 || n == 0) return;
  if (is_outside<T>(device)) return multiply_outside(device, m, n, k, a, b, y);
  const Right<T>* const kept = kept_weight(device, how, b, k, n);
  if (kept != nullptr && m <= few_rows) return multiply_kept(device, how, m, n, k, a, *kept, y);
  if (b.transposed && !a.transposed) {
    reserve_for_few_rows<T>(device, k, false);
    if (kept == nullptr && better_turned(how, m, n, k)) return multiply_turned(device, how, m, n, k, a, b, y);
  }
  const Right<T> panels = kept != nullptr ? *kept : shared_right(device, how, b, k, n);
  Blocks(m, n, k).each(device, [&](std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns, int) {
    multiply(how, rows, columns, k, a.from(row, 0), panels.from_column(column), y.from(row, column));
  });
}

// The same for rows of a that are computed, a block at a time.
template <class T, class Device, class F>
void gemm(Device& device, std::int64_t m, std::int64_t n, std::int64_t k, const ComputedRows<T, F>& a, Operand<T> b, const Result<T>& y) {
  if (m == 0 || n == 0) return;
  const Arithmetic how = arithmetic<T>(device);
  reserve_for_few_rows<T>(device, k, true);
  const Right<T>* const kept = is_outside<T>(device) ? nullptr : kept_weight(device, how, b, k, n);
  if (is_outside<T>(device) || (kept != nullptr ? m <= few_rows : better_turned(how, m, n, k)))
    return gemm(device, m, n, k, materialised(device, a, m), b, y);
  const Right<T> panels = kept != nullptr ? *kept : shared_right(device, how, b, k, n);
  const Blocks blocks(m, n, k, true);
  const std::int64_t size = whole_lines<T>(blocks.rows * k);
  T* const all = device.template rows<T>(size * device.threads());
  blocks.each(device, [&](std::int64_t row, std::int64_t rows, std::int64_t, std::int64_t, int worker) {
    const TaskSpace<T> own(all, size, worker);
    a.f(row, rows, own.at());
    multiply(how, rows, n, k, Operand<T>{own.at(), k}, panels, y.from(row, 0));
  });
}

// A product that never leaves the cache: after(row, rows, block, sums) turns a block of a (m, k) b (k, n) into what is wanted, and adds
// to `sums` what these rows contribute to the sinks, `width` numbers each.
template <class T, class Device, class F>
void gemm_reduced(Device& device, std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, std::int64_t width,
                  const Sink<T>* sinks, int sink_count, F after) {
  const Blocks blocks(m, n, k, true);
  if (is_outside<T>(device)) {
    T* const all = device.template rows<T>(m * n);
    multiply_outside(device, m, n, k, a, b, result(all, n));
    return reduce_rows(device, m, blocks.rows, width, sinks, sink_count,
                       [&](std::int64_t begin, std::int64_t end, T* sums) { after(begin, end - begin, all + begin * n, sums); });
  }
  const Arithmetic how = arithmetic<T>(device);
  const Right<T> panels = shared_right(device, how, b, k, n);
  const std::int64_t size = whole_lines<T>(blocks.rows * n);
  T* const all = device.template rows<T>(size * device.threads());
  reduce_rows(device, m, blocks.rows, width, sinks, sink_count, [&](std::int64_t begin, std::int64_t end, T* sums, int worker) {
    const TaskSpace<T> own(all, size, worker);
    multiply(how, end - begin, n, k, a.from(begin, 0), panels, result(own.at(), n));
    after(begin, end - begin, own.at(), sums);
  });
}

// sums (n) = or += the sum of the rows of a; a task has some columns. It uses no scratch: that may be its caller's.
template <class T, class Device>
void sum_rows(Device& device, std::int64_t rows, std::int64_t n, const T* a, const Sink<T>& sums) {
  if (sums.skipped()) return;
  over_ranges(device, n, 64, [&](std::int64_t begin, std::int64_t end) {
    if (sums.mode == Write::assign) std::fill(sums.to + begin, sums.to + end, T(0));
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = begin; i < end; ++i) sums.to[i] += a[r * n + i];
  });
}

// y = or += a^T b over many rows, a (rows, m), b (rows, n): a weight's gradient. b is packed by pieces that stay in cache; `b` is an
// Operand, or ComputedRows. sums (m), the sum of a's rows, comes on the way: what is packed is summed.
template <class T, class Device, class B>
void gemm_over_rows(Device& device, std::int64_t m, std::int64_t n, std::int64_t rows, Operand<T> a, const B& b, const Sink<T>& y,
                    const Sink<T>& sums) {
  if (is_outside<T>(device)) {
    Operand<T> whole;
    if constexpr (std::is_same_v<B, Operand<T>>) whole = b;
    else whole = materialised(device, b, rows);
    multiply_outside(device, m, n, rows, Operand<T>{a.at, a.stride, true}, whole, result(y.to, n, y.mode == Write::add));
    return sum_rows(device, rows, m, a.at, sums);
  }
  if (sums.mode == Write::assign) std::fill_n(sums.to, m, T(0));
  T* const sum = sums.skipped() ? nullptr : sums.to;
  const Arithmetic how = arithmetic<T>(device);
  const std::int64_t depth = depth_block(rows), piece = std::max(depth, (std::int64_t{1} << 20) / n / depth * depth);
  const Blocks blocks(m, n, rows);
  Result<T> to = result(y.to, n, y.mode == Write::add);
  for (std::int64_t first = 0; first == 0 || first < rows; first += piece, to = to.further()) {
    const std::int64_t k = std::min(piece, rows - first);
    Right<T> panels;
    if constexpr (std::is_same_v<B, Operand<T>>) panels = shared_right(device, how, b.from(first, 0), k, n);
    else panels = shared_right(device, how, b, first, k);
    blocks.each(device, [&](std::int64_t row, std::int64_t count, std::int64_t column, std::int64_t columns, int) {
      multiply(how, count, columns, k, depth, Operand<T>{a.at, a.stride, true}.from(row, first), panels.from_column(column),
               to.from(row, column), sum == nullptr || column > 0 ? nullptr : sum + row);
    });
  }
}

// The gradients of y = x W^T + b that reach the parameters: dW = dy^T x, db. x is an Operand, or ComputedRows.
template <class T, class Device, class X>
void parameter_gradients(Device& device, std::int64_t rows, std::int64_t in, std::int64_t out, const T* dy, const X& x, const Sink<T>& dw,
                         const Sink<T>& db) {
  if (dw.skipped()) sum_rows(device, rows, out, dy, db);
  else gemm_over_rows(device, out, in, rows, Operand<T>{dy, out}, x, dw, db);
}

}  // namespace vitrail::cpu
