// Kernels made of matrix products: linear, gelu_linear, matmul, nearest_code.
#pragma once
#include "../../core/scalar_math.hpp"
#include "../catalog.hpp"
#include "../cpu.hpp"
#include "gemm.hpp"

namespace vitrail {

template <>
struct Kernel<op::Linear, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::Linear& o, T* y, const T* x, const T* w, const T* b, const T* residual) {
    cpu::gemm(device, o.rows, o.out, o.in, cpu::Operand<T>{x, o.in}, cpu::Operand<T>{w, o.in, true},
              cpu::Result<T>{y, o.out, b, residual, o.out});
  }
  // dx = dy W;  dW = dy^T x;  db = sum over rows of dy
  template <class T>
  static void backward(Cpu& device, const op::Linear& o, Sink<T> dx, Sink<T> dw, Sink<T> db, const T* dy, const T* x, const T* w) {
    if (!dx.skipped())
      cpu::gemm(device, o.rows, o.in, o.out, cpu::Operand<T>{dy, o.out}, cpu::Operand<T>{w, o.in},
                cpu::result(dx.to, o.in, dx.mode == Write::add));
    cpu::parameter_gradients(device, o.rows, o.in, o.out, dy, cpu::Operand<T>{x, o.in}, dw, db);
  }
};

template <>
struct Kernel<op::GeluLinear, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::GeluLinear& o, T* y, const T* x, const T* w, const T* b, const T* residual) {
    cpu::gemm(device, o.rows, o.out, o.in, activated(o, x), cpu::Operand<T>{w, o.in, true}, cpu::Result<T>{y, o.out, b, residual, o.out});
  }
  // dx = (dy W) gelu'(x);  dW = dy^T gelu(x);  db = sum over rows of dy
  template <class T>
  static void backward(Cpu& device, const op::GeluLinear& o, Sink<T> dx, Sink<T> dw, Sink<T> db, const T* dy, const T* x, const T* w) {
    if (!dx.skipped())
      cpu::gemm_reduced<T>(device, o.rows, o.in, o.out, cpu::Operand<T>{dy, o.out}, cpu::Operand<T>{w, o.in}, 0, nullptr, 0,
                           [&](std::int64_t row, std::int64_t rows, const T* da, T*) {
                             const T* const from = x + row * o.in;
                             T* const to = dx.to + row * o.in;
                             cpu::by_mode(dx, [&](auto add) {
                               for (std::int64_t i = 0; i < rows * o.in; ++i) cpu::put<add()>(to[i], da[i] * math::gelu_slope(from[i]));
                             });
                           });
    cpu::parameter_gradients(device, o.rows, o.in, o.out, dy, activated(o, x), dw, db);
  }

 private:
  template <class T>
  static auto activated(const op::GeluLinear& o, const T* x) {
    return cpu::computed_rows<T>(o.in, [in = o.in, x](std::int64_t row, std::int64_t rows, T* to) {
      const T* const from = x + row * in;
      for (std::int64_t i = 0; i < rows * in; ++i) to[i] = math::gelu(from[i]);
    });
  }
};

template <>
struct Kernel<op::MatMul, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::MatMul& o, T* y, const T* a, const T* b) {
    const std::int64_t n = o.rows, k = o.inner, m = o.cols;
    device.parallel(static_cast<int>(o.groups), [&](int g, int) {
      cpu::product(n, m, k, cpu::Operand<T>{a + g * n * k, k}, cpu::Operand<T>{b + g * k * m, o.transpose_b ? k : m, o.transpose_b},
                   cpu::result(y + g * n * m, m), device.isa());
    });
  }
  // y = a b: da = dy b^T, db = a^T dy;    y = a b^T: da = dy b, db = dy^T a
  template <class T>
  static void backward(Cpu& device, const op::MatMul& o, Sink<T> da, Sink<T> db, const T* dy, const T* a, const T* b) {
    const std::int64_t n = o.rows, k = o.inner, m = o.cols;
    device.parallel(static_cast<int>(o.groups), [&](int g, int) {
      const cpu::Operand<T> grad{dy + g * n * m, m}, grad_t{dy + g * n * m, m, true};
      const T *ga = a + g * n * k, *gb = b + g * k * m;
      const bool add_a = da.mode == Write::add, add_b = db.mode == Write::add;
      const Isa isa = device.isa();
      if (!da.skipped())
        cpu::product(n, k, m, grad, cpu::Operand<T>{gb, o.transpose_b ? k : m, !o.transpose_b}, cpu::result(da.to + g * n * k, k, add_a),
                     isa);
      if (db.skipped()) return;
      if (o.transpose_b) cpu::product(m, k, n, grad_t, cpu::Operand<T>{ga, k}, cpu::result(db.to + g * k * m, k, add_b), isa);
      else cpu::product(k, m, n, cpu::Operand<T>{ga, k, true}, grad, cpu::result(db.to + g * k * m, m, add_b), isa);
    });
  }
};

template <>
struct Kernel<op::NearestCode, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::NearestCode& o, int* ids, const T* x, const T* codes) {
    constexpr std::int64_t tile = 64;  // rows at a time: their scores stay in cache
    const std::int64_t per_task = tile * (o.codes + o.dim);
    const int tasks = static_cast<int>((o.rows + tile - 1) / tile);
    T* scratch = device.template scratch<T>(per_task * device.threads());
    const Isa isa = device.isa();  // words are never rounded
    const cpu::Right<T> panels = cpu::shared_right(device, isa, cpu::Operand<T>{codes, o.dim, true}, o.dim, o.codes);
    device.parallel(tasks, [&](int task, int worker) {
      const std::int64_t begin = task * tile, rows = std::min(tile, o.rows - begin);
      std::vector<T> own(worker < 0 ? static_cast<std::size_t>(per_task) : 0);
      T* score = worker < 0 ? own.data() : scratch + worker * per_task;
      const T* from = x + begin * o.dim;
      if (o.centred) from = centre(score + tile * o.codes, from, rows, o.dim);
      cpu::multiply(isa, rows, o.codes, o.dim, cpu::Operand<T>{from, o.dim}, panels, cpu::result(score, o.codes));
      for (std::int64_t r = 0; r < rows; ++r) {
        const T* row = score + r * o.codes;
        ids[begin + r] = static_cast<int>(std::max_element(row, row + o.codes) - row);  // the first of equals
      }
    });
  }
  template <class... A>
  static void backward(A&&...) = delete;

 private:
  template <class T>
  static const T* centre(T* to, const T* from, std::int64_t rows, int dim) {
    for (std::int64_t r = 0; r < rows; ++r) {
      const T mean = cpu::lane_sum<T>(dim, [&](std::int64_t i) { return from[r * dim + i]; }) / static_cast<T>(dim);
      for (int i = 0; i < dim; ++i) to[r * dim + i] = from[r * dim + i] - mean;
    }
    return to;
  }
};

}  // namespace vitrail
