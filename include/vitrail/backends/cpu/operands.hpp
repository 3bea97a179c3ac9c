// Operands of products on all threads. Work is cut by size: the right operand is packed once and read by all, a block of rows is
// a task. An operand may be computed when it is needed: then it never exists as a whole.
#pragma once
#include <vector>

#include "loops.hpp"
#include "product.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

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
Right<T> shared_right([[maybe_unused]] Device& device, Arithmetic how, Operand<T> b, std::int64_t k, std::int64_t n, T* space) {
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
Right<T> shared_right(Device& device, [[maybe_unused]] Arithmetic how, const ComputedRows<T, F>& b, std::int64_t first, std::int64_t k) {
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

}  // namespace vitrail::cpu::inline VITRAIL_ABI
