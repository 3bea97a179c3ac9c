// What ranks exchange, and the two ops that are made of it.
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <string>
#include <vector>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/backends/parallel.hpp>
#include <vitrail/backends/threads.hpp>
#include <vitrail/backends/timed.hpp>
#include <vitrail/ops/arithmetic.hpp>
#include <vitrail/ops/ranks.hpp>
#include <vitrail/ops/reduce.hpp>

using namespace vitrail;

namespace {
using Ranked = Parallel<Cpu, Threads::Rank>;

void require(bool holds) {  // doctest's own checks belong to the test's thread
  if (!holds) throw NumericError("not what was expected");
}
}  // namespace

TEST_SUITE_BEGIN("communicators");

TEST_CASE("threads get the mean, all numbers, the sum of their share, and the numbers of one") {
  for (const int ranks : {1, 2, 3}) {
    run_ranks(ranks, [ranks](Threads::Rank& rank) {
      Cpu device(1);
      const int r = rank.rank();
      std::vector<double> own{1.0 * r, 2.0 * r, 3.0 * r, 4.0 * r, 5.0 * r}, all(5 * static_cast<std::size_t>(ranks)), mean = own, sum(5);
      rank.all_reduce_mean(device, mean.data(), 5);
      rank.all_gather(device, static_cast<const double*>(own.data()), all.data(), 5);
      rank.reduce_scatter_sum(device, static_cast<const double*>(all.data()), sum.data(), 5);
      rank.broadcast(device, own.data(), 5, ranks - 1);
      for (std::size_t i = 0; i < 5; ++i) {
        const double n = static_cast<double>(i + 1);
        require(mean[i] == n * 0.5 * (ranks - 1));
        for (int q = 0; q < ranks; ++q) require(all[5 * static_cast<std::size_t>(q) + i] == n * q);
        require(sum[i] == n * r * ranks);
        require(own[i] == n * (ranks - 1));
      }
    });
  }
}

TEST_CASE("ranks that call differently all throw, and say how") {
  const auto differ = [](auto f) {
    std::atomic<int> thrown{0};
    CHECK_THROWS_WITH_AS(run_ranks(3, [&](Threads::Rank& rank) {
                           try {
                             f(rank);
                           } catch (const RankError&) {
                             ++thrown;
                             throw;
                           }
                         }),
                         doctest::Contains("rank 0 calls all_reduce_mean of 4 numbers, rank 2 "), RankError);
    CHECK(thrown == 3);
  };
  Cpu device(1);
  differ([&](Threads::Rank& rank) {
    std::vector<float> numbers(8);
    rank.all_reduce_mean(device, numbers.data(), rank.rank() == 2 ? 5 : 4);
  });
  differ([&](Threads::Rank& rank) {
    std::vector<float> numbers(8);
    if (rank.rank() == 2) rank.broadcast(device, numbers.data(), 4, 0);
    else rank.all_reduce_mean(device, numbers.data(), 4);
  });
  differ([&](Threads::Rank& rank) {
    std::vector<float> numbers(8);
    std::vector<double> wide(8);
    if (rank.rank() == 2) rank.all_reduce_mean(device, wide.data(), 4);
    else rank.all_reduce_mean(device, numbers.data(), 4);
  });
}

TEST_CASE("a rank that ends early is not waited for") {
  CHECK_THROWS_WITH_AS(run_ranks(2,
                                 [](Threads::Rank& rank) {
                                   Cpu device(1);
                                   float number = 0;
                                   if (rank.rank() == 0) rank.all_reduce_mean(device, &number, 1);
                                 }),
                       "rank 0 cannot go on: rank 1 has left: it ended", RankError);
  CHECK_THROWS_WITH_AS(Threads(0), doctest::Contains("at least 1 rank, found 0"), ConfigError);
  Threads two(2);
  CHECK_THROWS_WITH_AS(Threads::Rank(two, 2), doctest::Contains("a rank in 0 .. 1, found 2"), ConfigError);
}

// Every rank's loss is the sum over all rows of w row^2, where w is the rank's own weight, and once more of its own rows: the gradient of
// row x is then 2 x (sum of w + w of x's rank), if gradients of ranks are added.
TEST_CASE("the gradient of gathered rows is what all ranks find, also beside another use of them") {
  run_ranks(3, [](Threads::Rank& rank) {
    Timed<Ranked> device(rank, 1);
    Tape<Timed<Ranked>> tape{device};
    Arena<Timed<Ranked>> memory{device};
    const auto x = make_tensor<Shape<dyn, 2>, double>(memory, Shape<dyn, 2>(2));
    const int r = rank.rank();
    for (int i = 0; i < 4; ++i) x.at[i] = 10 * r + i;
    const auto in = tape.differentiable_input(x);                // (2, 2)
    const double own_weight = r + 1;
    const auto all = all_rows(in);                               // (6, 2)
    require(all.shape.leading() == 6);
    for (int q = 0; q < 3; ++q)
      for (int i = 0; i < 4; ++i) require(all.data()[4 * q + i] == 10 * q + i);
    const auto squares = all * all;                              // (6, 2)
    const auto whole = (12 * own_weight) * mean(squares);        // mean of 12 numbers
    const auto own = own_rows(squares);                          // (2, 2)
    for (int i = 0; i < 4; ++i) require(own.data()[i] == x.at[i] * x.at[i]);
    const auto part = (4 * own_weight) * mean(own);              // mean of 4
    const auto plain = in * in;
    const auto third = 4.0 * mean(plain);
    const auto both = whole + part;
    const auto loss = both + third;
    tape.backward(loss);
    for (int i = 0; i < 4; ++i) {
      const double expected = 2 * x.at[i] * (6 + own_weight + 1);
      require(std::abs(in.grad()[i] - expected) < 1e-12 * (1 + std::abs(expected)));
    }
    require(device.table().find("| all_rows | backward |") != std::string::npos);  // exchanges have their time like kernels
  });
}

TEST_SUITE_END();
