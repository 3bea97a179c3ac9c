// A large vocabulary's head and its loss: scores, softmax and all gradients of some rows at a time, so that the scores of a whole
// batch never exist. A row of scores becomes its gradient where it lies.
#pragma once
#include "linear.cuh"
#include "losses.cuh"

namespace vitrail {

namespace cuda {

template <class T>
struct ScoreGradientRow {
  static constexpr int threads = 256;
  T* score;
  wide<T>* loss;
  const int* target;
  int classes;
  wide<T> share;
  bool gradients;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const i64 row = c.block();
    T* const s = score + row * classes;
    const LogSumExp<wide<T>> sum = log_sum_exp<threads>(c, s, classes);
    const int right = target[row];
    if (c.thread() == 0) loss[row] = sum.rest + (sum.top - s[right]);
    c.sync();
    if (!gradients) return;
    for (int k = c.thread(); k < classes; k += threads) {
      const wide<T> p = math::exp(s[k] - sum.top - sum.rest);
      s[k] = static_cast<T>(share * (k == right ? p - wide<T>(1) : p));
    }
  }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::LinearCrossEntropy, D> {
  // s = x W^T + b;  y = mean of log sum exp s - s[target];  ds = (softmax(s) - one_hot(target)) / rows;
  // dx = ds W;  dW = ds^T x;  db = sum over rows of ds
  template <class T>
  static void forward(D& device, const op::LinearCrossEntropy& o, wide<T>* y, T* dx, wide<T>* dw, wide<T>* db, const T* x, const T* w,
                      const T* b, const int* target) {
    using W = wide<T>;
    const cuda::i64 in = o.in, classes = o.classes;
    const cuda::i64 block = std::clamp<cuda::i64>(device.scores_at_once() / classes / 64 * 64, 64, std::max<cuda::i64>(64, o.rows));
    const cuda::i64 size = cuda::room_for<W, T>(block * classes);
    W* const all = device.template scratch<W>(size + o.rows + (o.gradients ? cuda::parameter_room(block, in, classes) : 0));
    T* const scores = reinterpret_cast<T*>(all);
    W *const loss = all + size, *const room = loss + o.rows;
    const W share = cuda::share_of<W>(o.rows);
    if (o.gradients && o.rows == 0) {
      device.fill(dw, classes * in, W(0));
      device.fill(db, classes, W(0));
    }
    for (cuda::i64 first = 0; first < o.rows; first += block) {
      const cuda::i64 count = std::min(block, o.rows - first);
      const T *const from = x + first * in, *const ds = scores;
      device.gemm(o.name, cuda::Gemm{count, classes, in, false, true}, scores, from, w, cuda::Plus<T>{b, nullptr});
      using Row = cuda::ScoreGradientRow<T>;
      device.launch(o.name, Row{scores, loss + first, target + first, o.classes, share, o.gradients}, count,
                    Row::threads / 32 * sizeof(W));
      if (!o.gradients) continue;
      device.gemm(o.name, cuda::Gemm{count, in, classes}, dx + first * in, ds, w, cuda::Plus<T>{});
      const Write mode = first == 0 ? Write::assign : Write::add;
      cuda::parameter_gradients(device, o.name, count, in, classes, ds, from, Sink<W>{dw, mode}, Sink<W>{db, mode}, room);
    }
    cuda::sum_few(device, o.name, y, static_cast<const W*>(loss), o.rows, share);
  }
  template <class T>
  static void backward(D& device, const op::LinearCrossEntropy& o, Sink<T> dx, Sink<wide<T>> dw, Sink<wide<T>> db, const wide<T>* dy,
                       const T* unit_dx, const wide<T>* unit_dw, const wide<T>* unit_db) {
    pass(device, o.rows * o.in, dx, dy, unit_dx);
    pass(device, cuda::i64{o.classes} * o.in, dw, dy, unit_dw);
    pass(device, o.classes, db, dy, unit_db);
  }

 private:
  template <class T>
  static void pass(D& device, cuda::i64 n, const Sink<T>& sink, const wide<T>* factor, const T* from) {
    if (!sink.skipped()) cuda::each_by_packs(device, op::LinearCrossEntropy::name, n, cuda::PassElement<T>{sink, from, factor, wide<T>(1)});
  }
};

}  // namespace vitrail
