// What a feature pyramid needs besides convolutions: tokens as planes, levels added up, and regions cut out of them.
#pragma once
#include <algorithm>

#include "../cpu.hpp"
#include "../detection_catalog.hpp"
#include "gemm.hpp"
#include "ranges.hpp"
#include "transpose.hpp"

namespace vitrail {

template <>
struct Kernel<op::Transpose, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::Transpose& o, T* y, const T* x) {
    each_stripe(device, o, [&](std::int64_t b, int begin, int end) {
      const T* const from = x + (b * o.from + o.first) * o.columns;
      T* const to = y + b * o.columns * o.rows;
      cpu::transpose(cpu::arithmetic<T>(device), to + std::int64_t{begin} * o.rows, o.rows, from + begin, o.columns, o.rows, end - begin);
    });
  }
  template <class T>
  static void backward(Cpu& device, const op::Transpose& o, Sink<T> dx, const T* dy) {
    cpu::by_mode(dx, [&](auto add) {
      each_stripe(device, o, [&](std::int64_t b, int begin, int end) {
        T* const to = dx.to + b * o.from * o.columns;
        const T* const from = dy + b * o.columns * o.rows;
        for (int r = 0; r < o.from; ++r) {
          T* const row = to + std::int64_t{r} * o.columns;
          const int of = r - o.first;
          if (of >= 0 && of < o.rows) {
            for (int c = begin; c < end; ++c) cpu::put<add()>(row[c], from[std::int64_t{c} * o.rows + of]);
          } else if (!add()) {
            std::fill(row + begin, row + end, T(0));
          }
        }
      });
    });
  }

 private:
  // f(image, first column, behind the last): 16 columns are a line of memory, whole, on one side and as many lines on the other.
  template <class F>
  static void each_stripe(Cpu& device, const op::Transpose& o, F f) {
    const int stripes = (o.columns + 15) / 16;
    device.parallel(o.batch * stripes, [&](int task, int) {
      const int begin = task % stripes * 16;
      f(task / stripes, begin, std::min(begin + 16, o.columns));
    });
  }
};

template <>
struct Kernel<op::AddUpsampled, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::AddUpsampled& o, T* y, const T* x, const T* small) {
    cpu::over_rows(device, o.planes * o.height, o.width, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const T* const from = small + (row / o.height * (o.height / 2) + row % o.height / 2) * (o.width / 2);
        for (int c = 0; c < o.width; ++c) y[row * o.width + c] = x[row * o.width + c] + from[c / 2];
      }
    });
  }
  template <class T>
  static void backward(Cpu& device, const op::AddUpsampled& o, Sink<T> dsmall, const T* dy) {
    cpu::by_mode(dsmall, [&](auto add) {
      cpu::over_rows(device, o.planes * o.height / 2, o.width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          const T *const upper = dy + 2 * row * o.width, *const lower = upper + o.width;
          for (int c = 0; c < o.width / 2; ++c)
            cpu::put<add()>(dsmall.to[row * (o.width / 2) + c], (upper[2 * c] + upper[2 * c + 1]) + (lower[2 * c] + lower[2 * c + 1]));
        }
      });
    });
  }
};

// A region's rows and columns: of each of its cells, the pairs of pixels that its samples lie between.
namespace cpu::inline VITRAIL_ABI {
template <class T> struct RegionTaps {
  using Pair = typename RoiTaps<T>::Pair;
  int size, row_samples, column_samples, side;
  const Pair *rows, *columns;  // (size, samples)
  T share;                     // of a sample in its cell

  // f(cell, pair of rows, pair of columns) for all samples.
  template <class F> void each(F f) const {
    for (int i = 0; i < size; ++i)
      for (int s = 0; s < row_samples; ++s) {
        const Pair& down = rows[i * row_samples + s];
        for (int j = 0; j < size; ++j)
          for (int t = 0; t < column_samples; ++t) f(i * size + j, down, columns[j * column_samples + t]);
      }
  }
};
}  // namespace cpu::inline VITRAIL_ABI

template <>
struct Kernel<op::RoiAlign, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::RoiAlign& o, T* y, const T* x0, const T* x1, const T* x2, const T* x3, const T* boxes) {
    const T* const levels[] = {x0, x1, x2, x3};
    const int cells = o.size * o.size;
    each_region(device, o, boxes, [&](std::int64_t b, std::int64_t region, int level, int begin, int end, const cpu::RegionTaps<T>& taps) {
      const std::int64_t pixels = std::int64_t{taps.side} * taps.side;
      for (int c = begin; c < end; ++c) {
        const T* const map = levels[level] + (b * o.channels + c) * pixels;
        T* const to = y + (region * o.channels + c) * cells;
        std::fill_n(to, cells, T(0));
        taps.each([&](int cell, const auto& down, const auto& across) {
          const T *const upper = map + std::int64_t{down.first} * taps.side, *const lower = map + std::int64_t{down.second} * taps.side;
          to[cell] += down.by_first * (across.by_first * upper[across.first] + across.by_second * upper[across.second]) +
                      down.by_second * (across.by_first * lower[across.first] + across.by_second * lower[across.second]);
        });
        for (int i = 0; i < cells; ++i) to[i] *= taps.share;
      }
    });
  }
  // Regions of an image add to the same pixels: a task has some channels of an image and takes its regions in order.
  template <class T>
  static void backward(Cpu& device, const op::RoiAlign& o, Sink<T> d0, Sink<T> d1, Sink<T> d2, Sink<T> d3, const T* dy, const T* boxes) {
    const Sink<T> levels[] = {d0, d1, d2, d3};
    for (int l = 0; l < RoiLevels::count; ++l)
      if (levels[l].mode == Write::assign)
        device.template fill<T>(levels[l].to, std::int64_t{o.batch} * o.channels * o.levels.side[l] * o.levels.side[l], T(0));
    const int cells = o.size * o.size;
    each_region(device, o, boxes, [&](std::int64_t b, std::int64_t region, int level, int begin, int end, const cpu::RegionTaps<T>& taps) {
      if (levels[level].skipped()) return;
      const std::int64_t pixels = std::int64_t{taps.side} * taps.side;
      for (int c = begin; c < end; ++c) {
        T* const map = levels[level].to + (b * o.channels + c) * pixels;
        const T* const from = dy + (region * o.channels + c) * cells;
        taps.each([&](int cell, const auto& down, const auto& across) {
          const T g = from[cell] * taps.share, above = g * down.by_first, below = g * down.by_second;
          T *const upper = map + std::int64_t{down.first} * taps.side, *const lower = map + std::int64_t{down.second} * taps.side;
          upper[across.first] += above * across.by_first, upper[across.second] += above * across.by_second;
          lower[across.first] += below * across.by_first, lower[across.second] += below * across.by_second;
        });
      }
    });
  }

 private:
  // f(image, region, its level, channels begin .. end - 1, taps) for all regions of an image in order. A task has 16 channels.
  template <class T, class F> static void each_region(Cpu& device, const op::RoiAlign& o, const T* boxes, F f) {
    using Pair = typename RoiTaps<T>::Pair;
    const auto axes = [&](std::int64_t region, auto use) {
      const BoxOf<T> box = box_at(boxes + 4 * region);
      const int level = o.levels.level_of(box), side = o.levels.side[level];
      const T step = static_cast<T>(o.levels.step[level]);
      use(level, RoiTaps<T>(box.top, box.bottom, step, o.size, side), RoiTaps<T>(box.left, box.right, step, o.size, side));
    };
    int most = 0;
    for (std::int64_t region = 0; region < std::int64_t{o.batch} * o.boxes; ++region)
      axes(region, [&](int, const auto& rows, const auto& columns) { most = std::max({most, rows.samples, columns.samples}); });
    const std::int64_t room = std::int64_t{2} * o.size * most;
    Pair* const all = device.template rows<Pair>(room * device.threads());
    const int parts = (o.channels + 15) / 16;
    device.parallel(o.batch * parts, [&](int task, int worker) {
      const std::int64_t b = task / parts;
      const int begin = task % parts * 16, end = std::min(begin + 16, o.channels);
      Pair *const row_pairs = all + room * worker, *const column_pairs = row_pairs + room / 2;
      for (std::int64_t region = b * o.boxes; region < (b + 1) * o.boxes; ++region)
        axes(region, [&](int level, const auto& rows, const auto& columns) {
          const int samples = rows.samples * columns.samples;
          const auto list = [&](const RoiTaps<T>& axis, Pair* to) {
            for (int i = 0; i < o.size; ++i)
              for (int s = 0; s < axis.samples; ++s) *to++ = axis.pair(i, s);
          };
          list(rows, row_pairs), list(columns, column_pairs);
          const cpu::RegionTaps<T> taps{o.size,    rows.samples, columns.samples, rows.pixels,
                                        row_pairs, column_pairs, samples == 0 ? T(0) : T(1) / static_cast<T>(samples)};
          f(b, region, level, begin, end, taps);
        });
    });
  }
};

template <>
struct Kernel<op::MaskTargets, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::MaskTargets& o, T* target, T* weight, int* own, const T* boxes, const int* label,
                      const int* object, const int* bits) {
    const std::int64_t cells = std::int64_t{o.size} * o.size;
    std::int64_t holding = 0;
    for (int b = 0; b < o.batch; ++b)
      for (int r = 0; r < o.used; ++r) holding += label[std::int64_t{b} * o.regions + r] != o.classes;
    const T share = holding == 0 ? T(0) : T(1) / static_cast<T>(holding * cells);
    device.parallel(o.batch * o.used, [&](int task, int) {
      const int b = task / o.used, r = task % o.used;
      const std::int64_t region = std::int64_t{b} * o.regions + r;
      T *const to = target + task * cells, *const by = weight + task * cells;
      const bool holds = label[region] != o.classes;
      own[task] = holds ? label[region] : 0;
      std::fill_n(by, cells, holds ? share : T(0));
      std::fill_n(to, cells, T(0));
      if (!holds) return;
      const int* const mask = bits + (std::int64_t{b} * o.objects + object[region]) * o.words();
      const auto bit = [&](int row, int column) {
        const int at = row * o.image + column;
        return static_cast<T>(static_cast<unsigned>(mask[at / 32]) >> (at % 32) & 1u);
      };
      const BoxOf<T> box = box_at(boxes + 4 * region);
      const RoiTaps<T> rows(box.top, box.bottom, T(1), o.size, o.image), columns(box.left, box.right, T(1), o.size, o.image);
      for (int i = 0; i < o.size; ++i)
        for (int j = 0; j < o.size; ++j) {
          T sum = 0;
          for (int s = 0; s < rows.samples; ++s)
            for (int t = 0; t < columns.samples; ++t) {
              const auto down = rows.pair(i, s), across = columns.pair(j, t);
              const auto along = [&](int row) {
                return across.by_first * bit(row, across.first) + across.by_second * bit(row, across.second);
              };
              sum += down.by_first * along(down.first) + down.by_second * along(down.second);
            }
          to[i * o.size + j] = 2 * sum >= static_cast<T>(rows.samples * columns.samples) ? T(1) : T(0);
        }
    });
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

}  // namespace vitrail
