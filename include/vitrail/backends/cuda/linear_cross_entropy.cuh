// A large vocabulary's head and its loss: scores, softmax and all gradients of some rows at a time, so that the scores of a whole
// batch never exist. A row of scores becomes its gradient where it lies.
#pragma once
#include <type_traits>

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

// The same by packs, of which a thread has `per` at most: the row is read once, and written once.
template <class T, int per>
struct ScoreGradientPacks {
  static constexpr int threads = 256, size = Pack<T>::size;
  T* score;
  wide<T>* loss;
  const int* target;
  int classes;
  wide<T> share;
  bool gradients;
  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    using W = wide<T>;
    T* const s = score + c.block() * classes;
    W* const spare = reinterpret_cast<W*>(c.shared());
    const int right = target[c.block()];
    const W own = s[right];
    W x[per][size], top = own, sum = 0;
    VITRAIL_UNROLL for (int p = 0; p < per; ++p) {
      Pack<T> pack{};
      if (place(c, p) < classes) pack = load_pack(s + place(c, p));
      VITRAIL_UNROLL for (int k = 0; k < size; ++k) {
        x[p][k] = pack.x[k];
        if (place(c, p) < classes) top = x[p][k] > top ? x[p][k] : top;
      }
    }
    top = block_max<threads>(c, top, spare);  // also: everybody has read the target's score
    VITRAIL_UNROLL for (int p = 0; p < per; ++p)
      VITRAIL_UNROLL for (int k = 0; k < size; ++k)
        if (place(c, p) < classes) x[p][k] = math::exp(x[p][k] - top), sum += x[p][k];
    sum = block_sum<threads>(c, sum, spare);
    if (c.thread() == 0) loss[c.block()] = math::log(sum) + (top - own);
    if (!gradients) return;
    const W by = share / sum;
    VITRAIL_UNROLL for (int p = 0; p < per; ++p) {
      if (place(c, p) >= classes) continue;
      Pack<T> out;
      VITRAIL_UNROLL for (int k = 0; k < size; ++k)
        out.x[k] = static_cast<T>(x[p][k] * by - (place(c, p) + k == right ? share : W(0)));
      store_pack(s + place(c, p), out);
    }
  }

 private:
  template <class C>
  VITRAIL_DEVICE static int place(C& c, int p) {
    return (c.thread() + threads * p) * size;
  }
};
template <Machine D, class T>
void score_gradients(D& device, const char* name, i64 rows, T* scores, wide<T>* loss, const int* target, int classes, wide<T> share,
                     bool gradients) {
  const auto launch = [&]<class Row>(std::type_identity<Row>) {
    device.launch(name, Row{scores, loss, target, classes, share, gradients}, rows, Row::threads / 32 * sizeof(wide<T>));
  };
  if constexpr (std::is_same_v<T, bfloat16>) {
    constexpr int of_block = 256 * Pack<T>::size;
    if (classes % Pack<T>::size == 0 && on_sixteen_bytes(scores)) {
      if (classes <= of_block) return launch(std::type_identity<ScoreGradientPacks<T, 1>>{});
      if (classes <= 4 * of_block) return launch(std::type_identity<ScoreGradientPacks<T, 4>>{});  // 8192
    }
  }
  launch(std::type_identity<ScoreGradientRow<T>>{});
}

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
    const cuda::i64 losses = cuda::room_for<W, W>(o.rows);
    W* const all = device.template scratch<W>(size + losses + (o.gradients ? cuda::parameter_room(block, in, classes) : 0));
    T* const scores = reinterpret_cast<T*>(all);
    W *const loss = all + size, *const room = loss + losses;
    const W share = cuda::share_of<W>(o.rows);
    if (o.gradients && o.rows == 0) {
      device.fill(dw, classes * in, W(0));
      device.fill(db, classes, W(0));
    }
    for (cuda::i64 first = 0; first < o.rows; first += block) {
      const cuda::i64 count = std::min(block, o.rows - first);
      const T *const from = x + first * in, *const ds = scores;
      device.gemm(o.name, cuda::Gemm{count, classes, in, false, true}, scores, from, w, cuda::Plus<T>{b, nullptr});
      cuda::score_gradients(device, o.name, count, scores, loss + first, target + first, o.classes, share, o.gradients);
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
