// A large vocabulary's head and its loss: scores, softmax and all gradients of a few rows at a time, so that the scores of a whole
// batch never exist.
#pragma once
#include <cmath>

#include "../../core/scalar_math.hpp"
#include "../catalog.hpp"
#include "../cpu.hpp"
#include "gemm.hpp"
#include "log_sum_exp.hpp"

namespace vitrail {

template <>
struct Kernel<op::LinearCrossEntropy, Cpu> {
  // s = x W^T + b;  y = mean of log sum exp s - s[target];  ds = (softmax(s) - one_hot(target)) / rows;
  // dx = ds W;  dW = ds^T x;  db = sum over rows of ds
  template <class T>
  static void forward(Cpu& device, const op::LinearCrossEntropy& o, T* y, T* dx, T* dw, T* db, const T* x, const T* w, const T* b,
                      const int* target) {
    const std::int64_t in = o.in, classes = o.classes;
    const std::int64_t block =
        std::clamp<std::int64_t>((std::int64_t{1} << 21) / classes / 64 * 64, 64, std::max<std::int64_t>(64, o.rows));
    const std::int64_t packed = cpu::right_size(in, classes), turned = o.gradients ? cpu::right_size(classes, in) : 0;
    T* const scores = device.template scratch<T>(block * classes + packed + turned + cpu::whole_lines<T>(o.rows));
    T *const space = scores + block * classes, *const loss = space + packed + turned;
    const cpu::Arithmetic how = cpu::arithmetic<T>(device);
    const auto forward_weights = cpu::shared_right(device, how, cpu::Operand<T>{w, in, true}, in, classes, space);
    cpu::Right<T> backward_weights;
    if (o.gradients) backward_weights = cpu::shared_right(device, how, cpu::Operand<T>{w, in}, classes, in, space + packed);
    const T share = cpu::over(T(1), o.rows);
    for (std::int64_t first = 0; first < o.rows; first += block) {
      const std::int64_t count = std::min(block, o.rows - first);
      cpu::over_ranges(device, count, 32, [&](std::int64_t begin, std::int64_t end) {
        T* const s = scores + begin * classes;
        const T* const from = x + (first + begin) * in;
        cpu::multiply(how, end - begin, classes, in, cpu::Operand<T>{from, in}, forward_weights, cpu::Result<T>{s, classes, b});
        for (std::int64_t r = begin; r < end; ++r)
          loss[first + r] = o.gradients ? differentiate(classes, scores + r * classes, target[first + r], share)
                                        : evaluate(classes, scores + r * classes, target[first + r]);
        if (o.gradients)
          cpu::multiply(how, end - begin, in, classes, cpu::Operand<T>{s, classes}, backward_weights,
                        cpu::result(dx + (first + begin) * in, in));
      });
      const Write mode = first == 0 ? Write::assign : Write::add;
      if (o.gradients)
        cpu::parameter_gradients(device, count, in, classes, scores, cpu::Operand<T>{x + first * in, in}, Sink<T>{dw, mode},
                                 Sink<T>{db, mode});
    }
    if (o.gradients && o.rows == 0) std::fill_n(dw, classes * in, T(0)), std::fill_n(db, classes, T(0));
    *y = cpu::lane_sum<T>(o.rows, [&](std::int64_t r) { return loss[r]; }) * share;
  }
  template <class T>
  static void backward(Cpu& device, const op::LinearCrossEntropy& o, Sink<T> dx, Sink<T> dw, Sink<T> db, const T* dy, const T* unit_dx,
                       const T* unit_dw, const T* unit_db) {
    pass(device, o.rows * o.in, dx, *dy, unit_dx);
    pass(device, std::int64_t{o.classes} * o.in, dw, *dy, unit_dw);
    pass(device, o.classes, db, *dy, unit_db);
  }

 private:
  template <class T>
  static T evaluate(std::int64_t n, const T* s, int target) {
    const cpu::LogSumExp<T> sum = cpu::log_sum_exp(n, s);
    return sum.rest + (sum.top - s[target]);
  }
  // The row of scores becomes its gradient.
  template <class T>
  static T differentiate(std::int64_t n, T* s, int target, T share) {
    const T top = cpu::lane_max(n, s), chosen = s[target];
    for (std::int64_t k = 0; k < n; ++k) s[k] = math::exp(s[k] - top);
    const T sum = cpu::lane_sum<T>(n, [&](std::int64_t k) { return s[k]; });
    const T by = share / sum;
    for (std::int64_t k = 0; k < n; ++k) s[k] *= by;
    s[target] -= share;
    return std::log(sum) + (top - chosen);
  }
  template <class T>
  static void pass(Cpu& device, std::int64_t n, const Sink<T>& sink, T by, const T* from) {
    cpu::by_mode(sink, [&](auto add) {
      cpu::over_elements(device, n, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) cpu::put<add()>(sink.to[i], by * from[i]);
      });
    });
  }
};

}  // namespace vitrail
