// Products of matrices on all threads, from operands that are shared or computed on the way.
#pragma once
#include "operands.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

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
void multiply_turned([[maybe_unused]] Device& device, [[maybe_unused]] Arithmetic how, [[maybe_unused]] std::int64_t m,
                     [[maybe_unused]] std::int64_t n, [[maybe_unused]] std::int64_t k, [[maybe_unused]] Operand<T> a,
                     [[maybe_unused]] Operand<T> b, [[maybe_unused]] const Result<T>& y) {
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

}  // namespace vitrail::cpu::inline VITRAIL_ABI
