// What a student learns from a teacher's soft targets, and whether the teacher has collapsed. Probabilities of the teacher exist for one
// image at a time; what is kept are logarithms of sums.
#pragma once
#include <cmath>

#include "../catalog.hpp"
#include "../cpu.hpp"
#include "gemm.hpp"
#include "log_sum_exp.hpp"
#include "unit_rows.hpp"

namespace vitrail {

namespace cpu::inline VITRAIL_ABI {
// The logarithm of the sum of exp((x - centre) by) over a row. `shifted` has room for the row.
template <class T> T centred_log_sum_exp(std::int64_t n, const T* x, const T* centre, T by, T* shifted) {
  for (std::int64_t k = 0; k < n; ++k) shifted[k] = (x[k] - centre[k]) * by;
  const LogSumExp<T> sum = log_sum_exp(n, shifted);
  return sum.top + sum.rest;
}
}  // namespace cpu::inline VITRAIL_ABI

template <> struct Kernel<op::TeacherStatistics, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::TeacherStatistics& o, T* entropy, T* variance, T* mean, const T* x, const T* centre) {
    constexpr std::int64_t block = 256;
    const std::int64_t n = o.classes, blocks = (n + block - 1) / block, own = cpu::whole_lines<T>(n);
    T* const lse = device.template scratch<T>(o.rows + 2 * blocks + own * device.threads());
    T *const terms = lse + o.rows, *const all = terms + 2 * blocks;
    const T by = static_cast<T>(1 / o.temperature), share = cpu::over(T(1), o.rows);
    device.parallel(static_cast<int>(o.rows), [&](int r, int worker) {
      const cpu::TaskSpace<T> row(all, own, worker);
      lse[r] = cpu::centred_log_sum_exp(n, x + r * n, centre, by, row.at());
    });
    cpu::over_ranges(device, n, block, [&](std::int64_t begin, std::int64_t end) {
      T sum[block] = {}, squares[block] = {}, scores[block] = {};
      for (std::int64_t r = 0; r < o.rows; ++r)
        for (std::int64_t k = begin; k < end; ++k) {
          const T p = math::exp((x[r * n + k] - centre[k]) * by - lse[r]);
          sum[k - begin] += p, squares[k - begin] += p * p, scores[k - begin] += x[r * n + k];
        }
      T bits = 0, spread = 0;
      for (std::int64_t k = begin; k < end; ++k) {
        const T p = sum[k - begin] * share;
        mean[k] = scores[k - begin] * share;
        bits -= p > 0 ? p * std::log(p) : T(0);
        spread += squares[k - begin] * share - p * p;
      }
      terms[begin / block] = bits, terms[blocks + begin / block] = spread;
    });
    *entropy = cpu::lane_sum<T>(blocks, [&](std::int64_t i) { return terms[i]; });
    *variance = cpu::lane_sum<T>(blocks, [&](std::int64_t i) { return terms[blocks + i]; });
  }
  template <class... A> static void backward(A&&...) = delete;
};

template <> struct Kernel<op::UnitVariance, Cpu> {
  template <class T> static void forward(Cpu& device, const op::UnitVariance& o, T* y, const T* x) {
    const std::int64_t d = o.dim;
    T* const unit = device.template scratch<T>(o.rows * d + o.rows + d);
    T *const norm = unit + o.rows * d, *const mean = norm + o.rows;
    cpu::unit_rows(device, o.rows, d, x, unit, norm);
    cpu::sum_rows(device, o.rows, d, unit, Sink<T>{mean, Write::assign});
    for (std::int64_t i = 0; i < d; ++i) mean[i] = cpu::over(mean[i], o.rows);
    T sum = 0;
    for (std::int64_t r = 0; r < o.rows; ++r)
      sum += cpu::lane_sum<T>(d, [&](std::int64_t i) { return (unit[r * d + i] - mean[i]) * (unit[r * d + i] - mean[i]); });
    *y = cpu::over(sum, o.rows);
  }
  template <class... A> static void backward(A&&...) = delete;
};

template <> struct Kernel<op::Distillation, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::Distillation& o, T* y, T* lse, T* teacher_lse, const T* s, const T* t, const T* centre) {
    const std::int64_t n = o.classes;
    const T by = static_cast<T>(1 / o.student_temperature), teacher_by = static_cast<T>(1 / o.teacher_temperature);
    T* const loss = for_images(device, o, [&](std::int64_t image, T* target) {
      for (std::int64_t i = image * o.teacher_views; i < (image + 1) * o.teacher_views; ++i)
        teacher_lse[i] = cpu::centred_log_sum_exp(n, t + i * n, centre, teacher_by, target);
      T sum = 0;
      for (int v = 0; v < o.student_views; ++v) {
        const T* const row = s + (image * o.student_views + v) * n;
        const T top = cpu::lane_max(n, row);
        const T rest = std::log(cpu::lane_sum<T>(n, [&](std::int64_t k) { return math::exp((row[k] - top) * by); }));
        lse[image * o.student_views + v] = top * by + rest;
        const T pairs = targets(o, image, v, t, teacher_lse, centre, target);
        sum += pairs * rest + cpu::lane_sum<T>(n, [&](std::int64_t k) { return target[k] * (top - row[k]); }) * by;
      }
      return sum;
    });
    *y = cpu::over(cpu::lane_sum<T>(o.images, [&](std::int64_t image) { return loss[image]; }), o.images * o.pairs_of_image());
  }
  // ds[v] = (pairs of v softmax(s[v] / temperature) - the sum of their p) dy / (temperature pairs)
  template <class T>
  static void backward(Cpu& device, const op::Distillation& o, Sink<T> ds, const T* dy, const T* s, const T* lse, const T* t,
                       const T* teacher_lse, const T* centre) {
    const std::int64_t n = o.classes;
    const T by = static_cast<T>(1 / o.student_temperature), g = cpu::over(*dy, o.images * o.pairs_of_image()) * by;
    cpu::by_mode(ds, [&](auto add) {
      for_images(device, o, [&](std::int64_t image, T* target) {
        for (int v = 0; v < o.student_views; ++v) {
          const std::int64_t r = image * o.student_views + v;
          const T pairs = targets(o, image, v, t, teacher_lse, centre, target);
          for (std::int64_t k = 0; k < n; ++k)
            cpu::put<add()>(ds.to[r * n + k], g * (pairs * math::exp(s[r * n + k] * by - lse[r]) - target[k]));
        }
        return T(0);
      });
    });
  }

 private:
  // f(image, room for a row) of every image; its results.
  template <class F> static auto for_images(Cpu& device, const op::Distillation& o, F f) {
    using T = decltype(f(0, nullptr));
    const std::int64_t own = cpu::whole_lines<T>(o.classes);
    T* const results = device.template scratch<T>(cpu::whole_lines<T>(o.images) + own * device.threads());
    T* const all = results + cpu::whole_lines<T>(o.images);
    device.parallel(o.images, [&](int image, int worker) {
      const cpu::TaskSpace<T> row(all, own, worker);
      results[image] = f(image, row.at());
    });
    return results;
  }
  // target = the sum of the teacher's probabilities over the views that student view v is paired with; their number.
  template <class T>
  static T targets(const op::Distillation& o, std::int64_t image, int v, const T* t, const T* teacher_lse, const T* centre, T* target) {
    const std::int64_t n = o.classes;
    const T by = static_cast<T>(1 / o.teacher_temperature);
    std::fill_n(target, n, T(0));
    int pairs = 0;
    for (int i = 0; i < o.teacher_views; ++i) {
      if (!o.pairs(v, i)) continue;
      const std::int64_t r = image * o.teacher_views + i;
      for (std::int64_t k = 0; k < n; ++k) target[k] += math::exp((t[r * n + k] - centre[k]) * by - teacher_lse[r]);
      ++pairs;
    }
    return static_cast<T>(pairs);
  }
};

}  // namespace vitrail
