// The pool runs every task once, whoever calls it; and no kernel's result depends on the number of threads, to the last bit.
#include <atomic>
#include <thread>

#include "support/ops.hpp"
#include "vitrail/ops/attention.hpp"
#include "vitrail/ops/channels.hpp"
#include "vitrail/ops/conv2d.hpp"
#include "vitrail/ops/cross_entropy.hpp"
#include "vitrail/ops/gelu.hpp"
#include "vitrail/ops/gelu_linear.hpp"
#include "vitrail/ops/info_nce.hpp"
#include "vitrail/ops/layer_norm.hpp"
#include "vitrail/ops/linear.hpp"
#include "vitrail/ops/linear_cross_entropy.hpp"
#include "vitrail/ops/matmul.hpp"
#include "vitrail/ops/norm_linear.hpp"
#include "vitrail/ops/normalize.hpp"
#include "vitrail/ops/patchify.hpp"
#include "vitrail/ops/softmax.hpp"
#include "vitrail/ops/squared_error.hpp"
#include "vitrail/ops/tokens.hpp"

using namespace vitrail;
using cpu::ThreadPool;

namespace {

// Every op on sizes that are cut into several tasks and partial sums; all results and gradients in one list.
class AllKernels {
 public:
  static std::vector<float> results(int threads) {
    AllKernels all(threads);
    all.rows();
    all.sequences();
    all.images();
    all.losses();
    all.flat();
    all.keep(all.weights.model.gradients(), all.weights.model.trained());
    return all.out;
  }

 private:
  Bench<float> bench;
  Weights<float, Shape<64, 32>, Shape<64>, Shape<32>, Shape<32>, Shape<40, 32>, Shape<32, 64>, Shape<32, 9, 3, 3>> weights;
  std::vector<float> out;

  explicit AllKernels(int threads) : bench(threads), weights(bench.device) {}

  void keep(const auto* at, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out.push_back(static_cast<float>(at[i]));
  }
  // The result of f(x) and x's gradient.
  template <class X, class F> void step(const X& input, F f) {
    bench.tape.reset(5);
    const auto x = bench.tape.differentiable_input(input);
    const auto y = f(x);
    keep(y.data(), y.shape.size());
    bench.tape.backward(weighted(y));
    keep(x.grad(), x.shape.size());
  }
  void rows() {
    const auto x = bench.random<dyn, 40, 32>(45);  // 1800 rows
    const auto& bias = weights.get<1>();
    const auto &gain = weights.get<2>(), &shift = weights.get<3>();
    step(x, [&](const auto& v) { return linear(v, weights.get<0>(), bias); });
    step(x, [&](const auto& v) { return gelu_linear(norm_linear(v, gain, shift, weights.get<0>(), bias), weights.get<5>(), gain, v); });
    step(x, [&](const auto& v) { return layer_norm(v, gain, shift); });
    step(x, [&](const auto& v) { return scale_channels(v, gain); });
    step(x, [&](const auto& v) { return add_table(v, weights.get<4>()); });
    step(x, [&](const auto& v) { return add_dropped(v, gelu(v), 0.3); });
    step(x, [](const auto& v) { return softmax(normalize(v)); });
    step(x, [](const auto& v) { return standardize(v); });
    step(x, [](const auto& v) { return sum_last(gelu_tanh(v) * v); });
    step(x, [](const auto& v) { return mean(v); });
  }
  void sequences() {
    const auto x = bench.random<dyn, 40, 96>(13, 2);
    const auto y = bench.random<dyn, 40, 32>(13, 3);
    const auto some = bench.indices<9>(13, 40);
    const auto any = bench.indices<40>(13, 50, false);
    const auto &token = weights.get<2>(), &place = weights.get<3>();
    step(x, [](const auto& v) { return attention<4>(v); });
    step(bench.random<4, 40, 40>(0, 6), [&](const auto& bias) { return attention<4>(x, bias); });
    step(y, [](const auto& v) { return matmul(matmul_transposed(v, v), v); });
    step(y, [&](const auto& v) { return complete<0>(gather(v, some), token, weights.get<4>(), some); });
    step(y, [&](const auto& v) { return scatter<50>(v, any); });
    step(y, [&](const auto& v) { return add_places(gather(v, some), weights.get<4>(), some); });
    step(y, [&](const auto& v) { return mean_tokens(concat(prepend(v, token, place), slice_tokens<3, 5>(v))); });
    const auto ids = nearest_code(y, weights.get<4>(), true);
    keep(ids.at, ids.shape.size());
    const auto patches = patchify<4, 2>(bench.random<dyn, 3, 16, 16>(13));
    keep(patches.at, patches.shape.size());
  }
  void images() {
    const auto x = bench.random<dyn, 9, 30, 32>(5, 2);
    step(x, [&](const auto& v) { return conv2d<2, 1>(v, weights.get<6>(), weights.get<2>()); });
    step(x, [&](const auto& v) { return max_pool2d<3, 2, 1>(v); });
  }
  void losses() {
    const auto x = bench.random<dyn, 20, 50>(13), other = bench.random<dyn, 20, 50>(13, 2);
    const auto labels = bench.indices<20>(13, 50, false);
    const auto big = bench.random<dyn, 60, 60>(13, 3), target = bench.random<dyn, 60, 60>(13, 4);
    step(x, [&](const auto& v) { return cross_entropy(v, labels); });
    step(bench.random<dyn, 40, 32>(45, 5), [&](const auto& v) {
      return linear_cross_entropy(v, weights.get<0>(), weights.get<1>(), bench.indices<40>(45, 64, false));
    });
    step(x, [&](const auto& v) { return cross_entropy(v, other); });
    step(big, [&](const auto& v) { return squared_error(v, target); });
    step(bench.random<dyn, 48>(160), [](const auto& v) { return info_nce(v).loss; });
  }
  void flat() {
    constexpr std::int64_t n = 70000;
    std::vector<float> w(n), m(n), v(n), g(n);
    Random random(3);
    for (std::size_t i = 0; i < n; ++i) w[i] = static_cast<float>(random.normal()), g[i] = static_cast<float>(random.normal());
    const op::AdamW adam{0.9, 0.99, 1e-8, 2, {{n / 3, 1e-3, 0.1, 0.1, 0.01, 0.5}, {n - n / 3, 1e-3, 0, 0.1, 0.01, 0.5}}};
    kernel_forward(bench.device, adam, w.data(), m.data(), v.data(), static_cast<const float*>(g.data()));
    kernel_forward(bench.device, op::Blend{n, 0.99}, v.data(), static_cast<const float*>(w.data()));
    double squares = 0;
    kernel_forward(bench.device, op::SumSquares{n}, &squares, static_cast<const float*>(w.data()));
    keep(&squares, 1), keep(w.data(), n), keep(v.data(), n);
  }
};

// A lambda as the pool's plain job.
template <class F>
void run(ThreadPool& pool, int tasks, F f) {
  pool.run(tasks, [](void* context, int task, int worker) { (*static_cast<F*>(context))(task, worker); }, &f);
}
// `rounds` runs of 0 .. 63 tasks; every task must be done exactly once.
bool every_task_once(ThreadPool& pool, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    const int tasks = round % 64;
    std::vector<std::atomic<int>> done(static_cast<std::size_t>(tasks));
    run(pool, tasks, [&](int task, int) { done[static_cast<std::size_t>(task)].fetch_add(1, std::memory_order_relaxed); });
    for (const std::atomic<int>& count : done)
      if (count != 1) return false;
  }
  return true;
}

}  // namespace

TEST_SUITE_BEGIN("threads of the host");

TEST_CASE("a pool runs every task exactly once, for any number of threads and tasks") {
  for (const int threads : {1, 2, 3, 5}) {
    ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    CHECK(every_task_once(pool, 500));
  }
}
TEST_CASE("a pool that never ran ends") {
  for (int i = 0; i < 20; ++i) ThreadPool pool(3);
}
TEST_CASE("no two tasks share a worker's number at the same time") {
  ThreadPool pool(3);
  std::atomic<int> inside[3] = {};
  std::atomic<bool> shared{false};
  for (int round = 0; round < 100; ++round)
    run(pool, 50, [&](int, int worker) {
      if (worker < 0 || worker >= 3 || inside[worker].fetch_add(1) != 0) shared = true;
      inside[std::clamp(worker, 0, 2)].fetch_sub(1);
    });
  CHECK(!shared);
}
TEST_CASE("what the caller wrote before a run is seen by the tasks, and what they wrote by the caller") {
  ThreadPool pool(3);
  std::vector<int> from(1000), to(1000);
  for (int round = 0; round < 100; ++round) {
    for (int& v : from) v = round;
    run(pool, 1000, [&](int task, int) { to[static_cast<std::size_t>(task)] = from[static_cast<std::size_t>(task)] + 1; });
    REQUIRE(std::all_of(to.begin(), to.end(), [&](int v) { return v == round + 1; }));
  }
}
TEST_CASE("a run inside a run is done by the task that asked for it, which is told so") {
  ThreadPool pool(3);
  std::atomic<int> done{0};
  std::atomic<bool> told{true};
  run(pool, 20, [&](int, int) {
    run(pool, 30, [&](int, int worker) {
      if (worker != ThreadPool::nested_worker) told = false;
      done.fetch_add(1, std::memory_order_relaxed);
    });
  });
  CHECK(done == 600);
  CHECK(told);
}
TEST_CASE("two threads of the program may use one device's pool at the same time") {
  ThreadPool pool(3);
  bool one = false, other = false;
  std::thread first([&] { one = every_task_once(pool, 400); });
  std::thread second([&] { other = every_task_once(pool, 400); });
  first.join(), second.join();
  CHECK(one);
  CHECK(other);
}
TEST_CASE("every kernel gives the same bits with one, two and three threads") {
  const std::vector<float> one = AllKernels::results(1);
  CHECK(one.size() > 500000);
  CHECK(std::all_of(one.begin(), one.end(), [](float v) { return std::isfinite(v); }));
  for (const int threads : {2, 3}) {
    CAPTURE(threads);
    const std::vector<float> many = AllKernels::results(threads);
    REQUIRE(many.size() == one.size());
    CHECK(std::memcmp(many.data(), one.data(), one.size() * sizeof(float)) == 0);
  }
}
TEST_CASE("two devices in two threads of the program do not disturb each other") {
  const std::vector<float> alone = AllKernels::results(2);
  std::vector<float> first, second;
  std::thread one([&] { first = AllKernels::results(2); });
  std::thread other([&] { second = AllKernels::results(1); });
  one.join(), other.join();
  CHECK(first == alone);
  CHECK(second == alone);
}
TEST_CASE("a device refuses a negative number of threads and takes all where none is given") {
  CHECK_THROWS_AS(Cpu(-1), ConfigError);
  CHECK(Cpu().threads() >= 1);
  CHECK(Cpu(3).threads() == 3);
}

TEST_SUITE_END();
