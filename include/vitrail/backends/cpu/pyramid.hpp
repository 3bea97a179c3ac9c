// What a feature pyramid needs besides convolutions: tokens as planes, levels added up, and regions cut out of them.
#pragma once
#include <algorithm>

#include "../cpu.hpp"
#include "../detection_catalog.hpp"
#include "ranges.hpp"

namespace vitrail {

template <>
struct Kernel<op::Transpose, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::Transpose& o, T* y, const T* x) {
    each_stripe(device, o, [&](std::int64_t b, int begin, int end) {
      const T* const from = x + (b * o.from + o.first) * o.columns;
      T* const to = y + b * o.columns * o.rows;
      for (int r = 0; r < o.rows; ++r)
        for (int c = begin; c < end; ++c) to[std::int64_t{c} * o.rows + r] = from[std::int64_t{r} * o.columns + c];
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

template <>
struct Kernel<op::RoiAlign, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::RoiAlign& o, T* y, const T* x0, const T* x1, const T* x2, const T* x3, const T* boxes) {
    const T* const levels[] = {x0, x1, x2, x3};
    each_region(device, o, boxes, [&](std::int64_t b, std::int64_t region, int level, int begin, int end, const auto& rows, const auto& columns) {
      const std::int64_t pixels = std::int64_t{o.levels.side[level]} * o.levels.side[level];
      for (int c = begin; c < end; ++c) {
        const T* const map = levels[level] + (b * o.channels + c) * pixels;
        T* const to = y + (region * o.channels + c) * o.size * o.size;
        each_sample(o.size, rows, columns, [&](int cell, const auto& down, const auto& across) {
          const T *const upper = map + std::int64_t{down.first} * rows.pixels, *const lower = map + std::int64_t{down.second} * rows.pixels;
          const T sum = down.by_first * (across.by_first * upper[across.first] + across.by_second * upper[across.second]) +
                        down.by_second * (across.by_first * lower[across.first] + across.by_second * lower[across.second]);
          to[cell] += sum;
        });
        for (int i = 0; i < o.size * o.size; ++i) to[i] *= share<T>(rows, columns);
      }
    }, [&](std::int64_t region, int begin, int end) {
      std::fill(y + (region * o.channels + begin) * o.size * o.size, y + (region * o.channels + end) * o.size * o.size, T(0));
    });
  }
  // Regions of an image add to the same pixels: a task has some channels of an image and takes its regions in order.
  template <class T>
  static void backward(Cpu& device, const op::RoiAlign& o, Sink<T> d0, Sink<T> d1, Sink<T> d2, Sink<T> d3, const T* dy, const T* boxes) {
    const Sink<T> levels[] = {d0, d1, d2, d3};
    for (int l = 0; l < RoiLevels::count; ++l)
      if (levels[l].mode == Write::assign)
        device.template fill<T>(levels[l].to, std::int64_t{o.batch} * o.channels * o.levels.side[l] * o.levels.side[l], T(0));
    each_region(device, o, boxes, [&](std::int64_t b, std::int64_t region, int level, int begin, int end, const auto& rows, const auto& columns) {
      if (levels[level].skipped()) return;
      const std::int64_t pixels = std::int64_t{o.levels.side[level]} * o.levels.side[level];
      for (int c = begin; c < end; ++c) {
        T* const map = levels[level].to + (b * o.channels + c) * pixels;
        const T* const from = dy + (region * o.channels + c) * o.size * o.size;
        each_sample(o.size, rows, columns, [&](int cell, const auto& down, const auto& across) {
          const T g = from[cell] * share<T>(rows, columns);
          T *const upper = map + std::int64_t{down.first} * rows.pixels, *const lower = map + std::int64_t{down.second} * rows.pixels;
          upper[across.first] += g * down.by_first * across.by_first, upper[across.second] += g * down.by_first * across.by_second;
          lower[across.first] += g * down.by_second * across.by_first, lower[across.second] += g * down.by_second * across.by_second;
        });
      }
    }, [](std::int64_t, int, int) {});
  }

 private:
  // Of a cell, what one of its samples counts.
  template <class T>
  static T share(const RoiTaps<T>& rows, const RoiTaps<T>& columns) {
    const int samples = rows.samples * columns.samples;
    return samples == 0 ? T(0) : T(1) / static_cast<T>(samples);
  }
  // f(cell, pair of rows, pair of columns) for all samples.
  template <class T, class F>
  static void each_sample(int size, const RoiTaps<T>& rows, const RoiTaps<T>& columns, F f) {
    for (int i = 0; i < size; ++i)
      for (int s = 0; s < rows.samples; ++s) {
        const auto down = rows.pair(i, s);
        for (int j = 0; j < size; ++j)
          for (int t = 0; t < columns.samples; ++t) f(i * size + j, down, columns.pair(j, t));
      }
  }
  // f(image, region, its level, channels begin .. end - 1, rows, columns), after before(region, begin, end), for all regions of an image in
  // order. A task has 16 channels.
  template <class T, class F, class Before>
  static void each_region(Cpu& device, const op::RoiAlign& o, const T* boxes, F f, Before before) {
    const int parts = (o.channels + 15) / 16;
    device.parallel(o.batch * parts, [&](int task, int) {
      const std::int64_t b = task / parts;
      const int begin = task % parts * 16, end = std::min(begin + 16, o.channels);
      for (int r = 0; r < o.boxes; ++r) {
        const std::int64_t region = b * o.boxes + r;
        const BoxOf<T> box = box_at(boxes + 4 * region);
        const int level = o.levels.level_of(box);
        const T step = static_cast<T>(o.levels.step[level]);
        before(region, begin, end);
        f(b, region, level, begin, end, RoiTaps<T>(box.top, box.bottom, step, o.size, o.levels.side[level]),
          RoiTaps<T>(box.left, box.right, step, o.size, o.levels.side[level]));
      }
    });
  }
};

template <>
struct Kernel<op::MaskTargets, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::MaskTargets& o, T* target, T* weight, int* own, const T* boxes, const int* label, const int* object,
                      const int* bits) {
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
              sum += down.by_first * (across.by_first * bit(down.first, across.first) + across.by_second * bit(down.first, across.second)) +
                     down.by_second * (across.by_first * bit(down.second, across.first) + across.by_second * bit(down.second, across.second));
            }
          to[i * o.size + j] = 2 * sum >= static_cast<T>(rows.samples * columns.samples) ? T(1) : T(0);
        }
    });
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

}  // namespace vitrail
