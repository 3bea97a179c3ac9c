// The host executor finds what is wrong with a kernel, and nothing where nothing is: planted faults.
#include <doctest/doctest.h>

#include "support/host_executor.hpp"

namespace {

using vitrail::cuda::bf16_pair;
using vitrail::bfloat16;

const std::vector<Order> orders = {{}, {.reverse = true}, {.seed = 1}, {.seed = 2}, {.seed = 3}};

enum class Fault { none, barrier_missing, second_barrier_missing, early_return, shared_unwritten, warp_barrier_missing };

// y[block] = the sum of x[block], through shared memory, twice over the same places.
struct BlockSum {
  static constexpr int threads = 128;
  float* y;
  const float* x;
  Fault fault;

  template <class C>
  void operator()(C& c) const {
    float* const shared = reinterpret_cast<float*>(c.shared());
    if (fault == Fault::early_return && c.thread() == 77) return;
    for (int round = 0; round < 2; ++round) {
      const float mine = x[c.block() * threads + c.thread()] * static_cast<float>(round + 1);
      if (fault != Fault::shared_unwritten || c.thread() != 50) shared[c.thread()] = mine;
      if (fault != Fault::barrier_missing) c.sync();
      float sum = 0;
      for (int t = 0; t < threads; ++t) sum += shared[t];
      if (c.thread() == 0) y[c.block() * 2 + round] = sum;
      if (fault != Fault::second_barrier_missing) c.sync();
    }
  }
};

// y = x, where every lane takes its left neighbour's number through shared memory.
struct Neighbours {
  static constexpr int threads = 64;
  float *y, *right;
  const float* x;
  Fault fault;

  template <class C>
  void operator()(C& c) const {
    float* const shared = reinterpret_cast<float*>(c.shared());
    shared[c.thread()] = x[c.thread()];
    if (fault != Fault::warp_barrier_missing) c.sync_warp();
    y[c.thread()] = shared[c.warp() * 32 + (c.lane() + 31) % 32];
    right[c.thread()] = shared[c.warp() * 32 + (c.lane() + 1) % 32];
  }
};

// Half of the lanes wait for the warp in another place than the rest.
struct Diverges {
  static constexpr int threads = 32;
  float* y;

  template <class C>
  void operator()(C& c) const {
    float x = 1;
    if (c.lane() < 16) x += c.shuffle_xor(x, 1);
    else x += c.shuffle_xor(x, 2);
    y[c.lane()] = x;
  }
};

// d (16 x 8) = a (16 x 16) b (16 x 8), with b (k, n) from shared memory, straight or through load_transposed.
struct Product {
  static constexpr int threads = 32;
  float* d;
  const float *a, *b;
  bool transposed_load;
  int wrong_row;

  template <class C>
  void operator()(C& c) const {
    auto* const shared = reinterpret_cast<vitrail::cuda::bf16*>(c.shared());
    for (int i = c.thread(); i < 128; i += 32) shared[i] = bfloat16(b[i]);
    c.sync();
    const int g = c.lane() / 4, t = c.lane() % 4 * 2;
    const auto left = [&](int row, int k) { return bf16_pair(a[row * 16 + k], a[row * 16 + k + 1]); };
    const std::uint32_t fragment[4] = {left(g, t), left(g + wrong_row, t), left(g, t + 8), left(g + 8, t + 8)};
    std::uint32_t right[2];
    if (transposed_load) c.load_transposed(right, shared + c.lane() % 16 * 8);
    else
      for (int half = 0; half < 2; ++half) right[half] = bf16_pair(shared[(8 * half + t) * 8 + g], shared[(8 * half + t + 1) * 8 + g]);
    float sum[4] = {};
    c.mma(sum, fragment, right);
    for (int i = 0; i < 4; ++i) d[(g + i / 2 * 8) * 8 + t + i % 2] = sum[i];
  }
};

std::vector<float> noise(std::size_t n, std::uint64_t seed) {
  vitrail::Random random(seed);
  std::vector<float> x(n);
  for (float& v : x) v = bfloat16(static_cast<float>(random.normal()));
  return x;
}
// In how many orders the kernel is seen to be wrong.
template <class F>
int orders_that_find(F wrong) {
  int found = 0;
  for (const Order& order : orders) found += wrong(order);
  return found;
}
bool block_sum_is_wrong(Fault fault, Order order) {
  constexpr int blocks = 3, n = BlockSum::threads;
  const std::vector<float> x = noise(blocks * n, 1);
  std::vector<float> y(2 * blocks, NAN);
  HostExecutor().launch(BlockSum{y.data(), x.data(), fault}, blocks, n * sizeof(float), order);
  for (int b = 0; b < blocks; ++b)
    for (int round = 0; round < 2; ++round) {
      float sum = 0;
      for (int t = 0; t < n; ++t) sum += x[static_cast<std::size_t>(b * n + t)] * static_cast<float>(round + 1);
      if (!(y[static_cast<std::size_t>(2 * b + round)] == sum)) return true;
    }
  return false;
}
template <class F>
std::string fault_of(F f) {
  try {
    f();
  } catch (const KernelFault& fault) {
    return fault.what();
  }
  return "nothing found";
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("the host executor: a right kernel is right in every order") {
  CHECK(orders_that_find([](Order order) { return block_sum_is_wrong(Fault::none, order); }) == 0);
}
TEST_CASE("the host executor finds a missing barrier") {  // not in reverse: the thread that adds comes last
  CHECK(orders_that_find([](Order order) { return block_sum_is_wrong(Fault::barrier_missing, order); }) == 4);
}
TEST_CASE("the host executor finds a barrier that is missing between reading and writing again") {
  CHECK(orders_that_find([](Order order) { return block_sum_is_wrong(Fault::second_barrier_missing, order); }) >= 2);
}
TEST_CASE("the host executor finds shared memory that nothing has written") {
  CHECK(orders_that_find([](Order order) { return block_sum_is_wrong(Fault::shared_unwritten, order); }) == 5);
}
TEST_CASE("the host executor finds a missing barrier of a warp") {
  const std::vector<float> x = noise(64, 2);
  for (const Fault fault : {Fault::none, Fault::warp_barrier_missing}) {
    const int found = orders_that_find([&](Order order) {
      std::vector<float> y(64, NAN), right(64, NAN);
      HostExecutor().launch(Neighbours{y.data(), right.data(), x.data(), fault}, 1, 64 * sizeof(float), order);
      for (std::size_t i = 0; i < 64; ++i)
        if (!(y[i] == x[i / 32 * 32 + (i + 31) % 32]) || !(right[i] == x[i / 32 * 32 + (i + 1) % 32])) return true;
      return false;
    });
    CHECK(found == (fault == Fault::none ? 0 : 5));
  }
}
TEST_CASE("the host executor refuses threads that wait in different places, and says which") {
  for (const Order& order : orders) {
    CHECK(fault_of([&] { block_sum_is_wrong(Fault::early_return, order); }).find("thread 77 of block 0 has ended") != std::string::npos);
    std::vector<float> y(32);
    CHECK(fault_of([&] { HostExecutor().launch(Diverges{y.data()}, 1, 0, order); }).find("divergent collective") == 0);
  }
}
TEST_CASE("the host executor multiplies fragments as the card does, and a wrong index gives another product") {
  const std::vector<float> a = noise(256, 3), b = noise(128, 4);
  const auto error = [&](bool transposed_load, int wrong_row) {
    std::vector<float> d(128, NAN);
    HostExecutor().launch(Product{d.data(), a.data(), b.data(), transposed_load, wrong_row}, 1, 128 * sizeof(std::uint16_t));
    double worst = 0;
    for (std::size_t i = 0; i < 128; ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < 16; ++k) sum += double{a[i / 8 * 16 + k]} * b[k * 8 + i % 8];
      worst = std::max(worst, std::isfinite(d[i]) ? std::abs(d[i] - sum) : INFINITY);
    }
    return worst;
  };
  CHECK(error(false, 8) < 1e-5);
  CHECK(error(true, 8) < 1e-5);
  CHECK(error(true, 4) > 0.1);
}

TEST_SUITE_END();
