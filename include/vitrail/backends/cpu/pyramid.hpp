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

// A region's samples lie on a grid, so that what is cut out is a product of two sums: over rows of pixels, by what each weighs in a row of
// cells, and over columns.
namespace cpu::inline VITRAIL_ABI {
template <class T> struct RegionAxis {
  int first, count;  // of the pixels that are read
  T* weight;         // (cells, count)

  // `share`: of a sample. `place` has room for (cells, pixels of the map).
  RegionAxis(const RoiTaps<T>& taps, int cells, T share, T* place) : first(taps.pixels), weight(place) {
    int last = -1;
    each(taps, cells, [&](int, int pixel, T) { first = std::min(first, pixel), last = std::max(last, pixel); });
    count = std::max(0, last - first + 1);
    first = count == 0 ? 0 : first;
    std::fill_n(weight, std::int64_t{cells} * count, T(0));
    each(taps, cells, [&](int cell, int pixel, T by) { weight[cell * count + pixel - first] += share * by; });
  }
  // f(pixel from the first, its weight) for the pixels of a cell.
  template <class F> void of(int cell, F f) const {
    for (int p = 0; p < count; ++p)
      if (const T by = weight[cell * count + p]; by != 0) f(p, by);
  }

 private:
  // f(cell, pixel, by how much) for the pixels that count.
  template <class F> static void each(const RoiTaps<T>& taps, int cells, F f) {
    for (int i = 0; i < cells; ++i)
      for (int s = 0; s < taps.samples; ++s) {
        const auto pair = taps.pair(i, s);
        if (pair.by_first != 0) f(i, pair.first, pair.by_first);
        if (pair.by_second != 0) f(i, pair.second, pair.by_second);
      }
  }
};
}  // namespace cpu::inline VITRAIL_ABI

// A task has some channels of an image, side by side: of each pixel and each cell so many numbers follow one another.
template <>
struct Kernel<op::RoiAlign, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::RoiAlign& o, T* y, const T* x0, const T* x1, const T* x2, const T* x3, const T* boxes) {
    const T* const levels[] = {x0, x1, x2, x3};
    const cpu::Arithmetic how = cpu::arithmetic<T>(device);
    const int cells = o.size * o.size;
    each_part<T>(device, o, [&](std::int64_t b, int begin, int channels, const Room<T>& room) {
      for (int l = 0; l < RoiLevels::count; ++l) {
        const std::int64_t pixels = pixels_of(o, l);
        if (channels < lanes) std::fill_n(room.level[l], pixels * lanes, T(0));
        cpu::transpose(how, room.level[l], lanes, levels[l] + (b * o.channels + begin) * pixels, pixels, channels, pixels);
      }
      each_region(o, b, boxes, room, [&](std::int64_t region, int level, const auto& rows, const auto& columns) {
        const std::int64_t side = o.levels.side[level];
        const T* const map = room.level[level] + (rows.first * side + columns.first) * lanes;
        for (int i = 0; i < o.size; ++i) {
          std::fill_n(room.row, columns.count * lanes, T(0));
          rows.of(i, [&](int p, T by) { add_scaled(room.row, by, map + p * side * lanes, columns.count); });
          for (int j = 0; j < o.size; ++j) {
            T sum[lanes] = {};
            columns.of(j, [&](int p, T by) { add_scaled(sum, by, room.row + p * lanes, 1); });
            std::copy_n(sum, lanes, room.cells + (i * o.size + j) * lanes);
          }
        }
        cpu::transpose(how, y + (region * o.channels + begin) * cells, cells, room.cells, lanes, cells, channels);
      });
    });
  }
  // Regions of an image add to the same pixels, in their order.
  template <class T>
  static void backward(Cpu& device, const op::RoiAlign& o, Sink<T> d0, Sink<T> d1, Sink<T> d2, Sink<T> d3, const T* dy, const T* boxes) {
    const Sink<T> levels[] = {d0, d1, d2, d3};
    const cpu::Arithmetic how = cpu::arithmetic<T>(device);
    const int cells = o.size * o.size;
    each_part<T>(device, o, [&](std::int64_t b, int begin, int channels, const Room<T>& room) {
      std::fill_n(room.level[0], pixels_of(o) * lanes, T(0));
      std::fill_n(room.cells, cells * lanes, T(0));
      each_region(o, b, boxes, room, [&](std::int64_t region, int level, const auto& rows, const auto& columns) {
        if (levels[level].skipped()) return;
        cpu::transpose(how, room.cells, lanes, dy + (region * o.channels + begin) * cells, cells, channels, cells);
        const std::int64_t side = o.levels.side[level];
        T* const map = room.level[level] + (rows.first * side + columns.first) * lanes;
        for (int i = 0; i < o.size; ++i) {
          std::fill_n(room.row, columns.count * lanes, T(0));
          for (int j = 0; j < o.size; ++j)
            columns.of(j, [&](int p, T by) { add_scaled(room.row + p * lanes, by, room.cells + (i * o.size + j) * lanes, 1); });
          rows.of(i, [&](int p, T by) { add_scaled(map + p * side * lanes, by, room.row, columns.count); });
        }
      });
      for (int l = 0; l < RoiLevels::count; ++l)
        cpu::by_mode(levels[l], [&](auto add) {
          const std::int64_t pixels = pixels_of(o, l);
          T* const to = levels[l].to + (b * o.channels + begin) * pixels;
          if constexpr (add()) {
            for (std::int64_t c = 0; c < channels; ++c)
              for (std::int64_t p = 0; p < pixels; ++p) to[c * pixels + p] += room.level[l][p * lanes + c];
          } else {
            cpu::transpose(how, to, pixels, room.level[l], lanes, pixels, channels);
          }
        });
    });
  }

 private:
  static constexpr int lanes = 16;  // channels of a task
  template <class T> struct Room {
    T* level[RoiLevels::count];  // (pixels, lanes), one behind the other
    T *rows, *columns;           // weights
    T* row;                      // (pixels of a side, lanes)
    T* cells;                    // (cells, lanes)
  };
  static std::int64_t pixels_of(const op::RoiAlign& o, int level) { return std::int64_t{o.levels.side[level]} * o.levels.side[level]; }
  static std::int64_t pixels_of(const op::RoiAlign& o) {
    std::int64_t all = 0;
    for (int l = 0; l < RoiLevels::count; ++l) all += pixels_of(o, l);
    return all;
  }
  // to += by from, of so many pixels or cells: a count that the compiler knows, for vector code without a rest.
  template <class T> static void add_scaled(T* to, T by, const T* from, int count) {
    for (int i = 0; i < count; ++i, to += lanes, from += lanes) {
      T sum[lanes];
      for (int l = 0; l < lanes; ++l) sum[l] = to[l] + by * from[l];
      for (int l = 0; l < lanes; ++l) to[l] = sum[l];
    }
  }
  // f(image, its first channel, how many, room to work in)
  template <class T, class F> static void each_part(Cpu& device, const op::RoiAlign& o, F f) {
    const int most = *std::max_element(o.levels.side, o.levels.side + RoiLevels::count), parts = (o.channels + lanes - 1) / lanes;
    const std::int64_t all = pixels_of(o) * lanes, axis = std::int64_t{o.size} * most, row = std::int64_t{most} * lanes;
    const std::int64_t one = all + 2 * axis + row + std::int64_t{o.size} * o.size * lanes;
    T* const place = device.template rows<T>(one * device.threads());
    device.parallel(o.batch * parts, [&](int task, int worker) {
      T* const own = place + one * worker;
      Room<T> room{{}, own + all, own + all + axis, own + all + 2 * axis, own + all + 2 * axis + row};
      T* level = own;
      for (int l = 0; l < RoiLevels::count; ++l) room.level[l] = level, level += pixels_of(o, l) * lanes;
      const int begin = task % parts * lanes;
      f(std::int64_t{task} / parts, begin, std::min(lanes, o.channels - begin), room);
    });
  }
  // f(region, its level, rows, columns) for the regions of an image, in order
  template <class T, class F> static void each_region(const op::RoiAlign& o, std::int64_t b, const T* boxes, const Room<T>& room, F f) {
    for (std::int64_t region = b * o.boxes; region < (b + 1) * o.boxes; ++region) {
      const BoxOf<T> box = box_at(boxes + 4 * region);
      const int level = o.levels.level_of(box), side = o.levels.side[level];
      const T step = static_cast<T>(o.levels.step[level]);
      const RoiTaps<T> down(box.top, box.bottom, step, o.size, side), along(box.left, box.right, step, o.size, side);
      const int samples = down.samples * along.samples;
      const T share = samples == 0 ? T(0) : T(1) / static_cast<T>(samples);
      f(region, level, cpu::RegionAxis<T>(down, o.size, share, room.rows), cpu::RegionAxis<T>(along, o.size, T(1), room.columns));
    }
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
