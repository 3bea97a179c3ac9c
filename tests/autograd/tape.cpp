// What the tape promises: gradients added where a value is used twice, handed over where it is not, and memory reused.
#include "support/ops.hpp"
#include "vitrail/backends/plan.hpp"
#include "vitrail/ops/channels.hpp"
#include "vitrail/ops/gelu.hpp"
#include "vitrail/ops/linear.hpp"
#include "vitrail/ops/softmax.hpp"
#include "vitrail/ops/tokens.hpp"

using namespace vitrail;

namespace {

std::vector<double> gradient(const auto& x) { return std::vector<double>(x.grad(), x.grad() + x.shape.size()); }
std::vector<double> times(double by, std::vector<double> x) {
  for (double& v : x) v *= by;
  return x;
}

}  // namespace

TEST_SUITE_BEGIN("autograd");

TEST_CASE("x + x has gradient 2, x - x has 0, x * x has 2x") {
  Bench<double> bench;
  const auto x = bench.tape.differentiable_input(bench.random<dyn, 3>(2));
  bench.tape.backward(sum(x + x));
  CHECK(gradient(x) == std::vector<double>(6, 2.0));
  bench.tape.backward(sum(x - x));
  CHECK(gradient(x) == std::vector<double>(6, 0.0));
  bench.tape.backward(sum(x * x));
  CHECK(gradient(x) == times(2, numbers(x)));
}
TEST_CASE("a gradient handed over to a residual is not lost for whoever adds to it") {
  Bench<double> bench;
  Weights<double, Shape<3, 3>, Shape<3>> weights(bench.device);
  const auto x = bench.random<dyn, 3>(4);
  check_op(weights, [&](const auto& v) {  // two residual steps; the first is used again afterwards
    const auto once = linear(v, weights.get<0>(), weights.get<1>(), v);
    const auto twice = linear(gelu(once), weights.get<0>(), weights.get<1>(), once);
    const auto product = once * v;
    return twice + product;
  }, x);
}
TEST_CASE("elementwise ops may write over the gradient they read, in chains and where a value is used twice") {
  Bench<double> bench;
  check_op([](const auto& v) { return gelu(gelu(gelu(v))); }, bench.random<dyn, 3>(4));
  check_op([](const auto& v) {
    const auto y = gelu(v);
    const auto z = y * y;
    const auto w = gelu(y);
    return z - w * v;
  }, bench.random<dyn, 3>(4));
}
TEST_CASE("a tape holds values of several scalars, each with a gradient of its own") {
  Bench<double> bench;
  const auto x = bench.tape.differentiable_input(bench.random<dyn, 3>(2));
  const auto y = bench.tape.differentiable_input(noise<Shape<dyn, 5>, float>(bench.memory, 4, 2));
  const auto of_x = sum(x * x);
  const auto of_y = sum(y * y);
  bench.tape.backward(of_y, 0.5f);  // of the same step, one after the other
  CHECK(std::vector<float>(y.grad(), y.grad() + 20) == std::vector<float>(y.data(), y.data() + 20));
  bench.tape.backward(of_x);
  CHECK(gradient(x) == times(2, numbers(x)));
}
TEST_CASE("a view shares its source's gradient") {
  Bench<double> bench;
  const auto x = bench.tape.differentiable_input(bench.random<dyn, 6>(2));
  const auto seen = view(x, Shape<dyn, 3>(4));
  const auto first = sum(seen * seen);
  const auto second = sum(x);
  bench.tape.backward(first + second);
  const std::vector<double> values = numbers(x), found = gradient(x);
  for (std::size_t i = 0; i < 12; ++i) CHECK(found[i] == doctest::Approx(2 * values[i] + 1).epsilon(1e-14));
  CHECK(seen.grad() == x.grad());
  check_op([](const auto& v) {
    const auto halves = unfold<2>(v);
    const auto means = mean_tokens(halves);
    return concat(view(means, Shape<dyn, 2, 3>(v.shape.leading())), v);
  }, bench.random<dyn, 4, 3>(2));
}
TEST_CASE("nothing flows back through detach, and a constant wants no gradient") {
  Bench<double> bench;
  const auto x = bench.tape.differentiable_input(bench.random<dyn, 3>(2));
  const auto y = x * detach(x);
  bench.tape.backward(sum(y));
  CHECK(gradient(x) == numbers(x));  // and not 2 x
  const auto constant = bench.tape.input(bench.random<dyn, 3>(2));
  CHECK(constant.slot == nullptr);
  CHECK(gelu(constant * constant).slot == nullptr);
}
TEST_CASE("an output that the loss does not use costs nothing and changes nothing") {
  Bench<double> bench;
  const auto x = bench.tape.differentiable_input(bench.random<dyn, 3>(2));
  const auto y = x * x;
  const auto unused = softmax(gelu(y));
  bench.tape.backward(sum(y));
  CHECK(gradient(x) == times(2, numbers(x)));
  CHECK(!unused.slot->written);
}
TEST_CASE("an input that the loss does not use has no gradient, and a loss without gradients is left alone") {
  Bench<double> bench;
  Weights<double, Shape<3, 3>, Shape<3>> weights(bench.device);
  const auto x = bench.tape.differentiable_input(bench.random<dyn, 3>(2));
  const auto y = bench.tape.differentiable_input(bench.random<dyn, 3>(2));
  bench.tape.backward(sum(x));
  CHECK(!y.slot->written);
  bench.tape.backward(sum(bench.tape.input(bench.random<dyn, 3>(2))));
  CHECK(!x.slot->written);
}
TEST_CASE("parameters' gradients add up until they are zeroed, each batch with its seed") {
  Bench<double> bench;
  Weights<double, Shape<2, 3>, Shape<2>> weights(bench.device);
  const auto loss = [&](std::uint64_t seed) {
    bench.tape.reset();
    return weighted(linear(bench.tape.input(bench.random<dyn, 3>(2, seed)), weights.get<0>(), weights.get<1>()));
  };
  const auto held = [&] { return std::vector<double>(weights.model.gradients(), weights.model.gradients() + 8); };
  bench.tape.backward(loss(1));
  const auto first = held();
  weights.model.zero_gradients();
  bench.tape.backward(loss(2));
  const auto second = held();
  weights.model.zero_gradients();
  bench.tape.backward(loss(1), 0.5);
  bench.tape.backward(loss(2), 0.25);
  for (std::size_t i = 0; i < 8; ++i)
    CHECK(held()[i] == doctest::Approx(0.5 * first[i] + 0.25 * second[i]).epsilon(1e-13));
}
TEST_CASE("a frozen parameter gets no gradient and spoils nobody else's") {
  Bench<double> bench;
  Weights<double, Shape<3, 3>, Shape<3>> weights(bench.device);
  auto frozen = weights.get<0>();
  frozen.trained = false;
  const auto x = bench.random<dyn, 3>(4);
  const GradientError error = gradcheck(
      [&](auto&, const auto& v) { return weighted(linear(v, frozen, weights.get<1>())); }, GradcheckOptions{}, x);
  check_small(error);
  weights.model.zero_gradients();
  const auto y = linear(bench.tape.input(x), frozen, weights.get<1>());
  bench.tape.backward(weighted(y));
  const double* g = weights.model.gradients();
  CHECK(std::all_of(g, g + 9, [](double v) { return v == 0; }));
  CHECK(std::all_of(g + 9, g + 12, [](double v) { return v != 0; }));
}
TEST_CASE("what an op draws depends on the step's key and on the number of the call") {
  Bench<double> bench;
  const auto keys = [&](std::uint64_t step) {
    bench.tape.reset(step);
    return std::vector{bench.tape.draw_key(), bench.tape.draw_key()};
  };
  CHECK(keys(1) == keys(1));
  CHECK(keys(1)[0] != keys(1)[1]);
  CHECK(keys(1) != keys(2));
}
TEST_CASE("from the second step on the tape's memory neither grows nor moves") {
  Bench<double> bench;
  const auto x = bench.random<dyn, 6>(8);
  int chunks = 0;
  std::size_t reserved = 0;
  for (int step = 0; step < 4; ++step) {
    bench.tape.reset();
    auto y = bench.tape.differentiable_input(x);
    for (int i = 0; i < 20; ++i) y = gelu(y + softmax(y));
    bench.tape.backward(sum(y));
    if (step == 1) chunks = bench.tape.values().chunks(), reserved = bench.tape.gradients().reserved();
    if (step < 2) continue;
    CHECK(bench.tape.values().chunks() == chunks);
    CHECK(bench.tape.gradients().reserved() == reserved);
  }
}
TEST_CASE("a long chain of elementwise ops needs the memory of two gradients, not of one per op") {
  Bench<double> bench;
  const auto peak = [&](int depth) {
    bench.tape.reset();
    auto y = bench.tape.differentiable_input(bench.random<dyn, 64>(8));
    for (int i = 0; i < depth; ++i) y = softmax(y);
    bench.tape.backward(sum(y));
    return bench.tape.gradients().peak();
  };
  const std::size_t of_three = peak(3);
  CHECK(of_three <= 3 * 8 * 64 * sizeof(double));
  CHECK(peak(50) == of_three);
}

TEST_CASE("a pool serves a request from the smallest stretch that holds it, and joins what is given back") {
  HostMemory memory;
  GradientPool<HostMemory> pool(memory);
  pool.reserve(4096);
  const auto a = pool.take<double>(64), b = pool.take<double>(32), c = pool.take<double>(16), d = pool.take<double>(8);
  CHECK(pool.peak() == 120 * sizeof(double));
  pool.give_back(a.place, 64 * sizeof(double)), pool.give_back(c.place, 16 * sizeof(double));
  CHECK(pool.take<double>(16).at == c.at);  // not the larger one, nor the rest of the chunk
  CHECK(pool.take<double>(8).at == a.at);   // the first part of it
  CHECK(pool.take<double>(56).at == a.at + 8);
  pool.give_back(b.place, 32 * sizeof(double)), pool.give_back(d.place, 8 * sizeof(double)), pool.give_back(c.place, 16 * sizeof(double));
  CHECK(pool.take<double>(57).at == b.at);  // b, c, d and the rest are one stretch again
  CHECK(pool.peak() == 128 * sizeof(double));
  CHECK(pool.chunks() == 1);
}
TEST_CASE("a pool that grows serves from all its chunks, and never one block twice") {
  HostMemory memory;
  GradientPool<HostMemory> pool(memory);
  const auto take = [&] {
    std::vector<GradientPool<HostMemory>::Block<int>> taken;
    for (int i = 0; i < 200; ++i) {
      taken.push_back(pool.take<int>(16));
      taken.back().at[0] = i, taken.back().at[15] = i;
    }
    bool kept = true;
    for (int i = 0; i < 200; ++i) kept = kept && taken[static_cast<std::size_t>(i)].at[0] == i && taken[static_cast<std::size_t>(i)].at[15] == i;
    CHECK(kept);
    return taken;
  };
  auto taken = take();
  const int chunks = pool.chunks();
  const std::size_t peak = pool.peak();
  CHECK(chunks > 1);
  for (std::size_t i = 0; i < 200; i += 2) pool.give_back(taken[i].place, 16 * sizeof(int));  // more pieces than it remembers: some are lost, no harm
  for (std::size_t i = 1; i < 200; i += 2) pool.give_back(taken[i].place, 16 * sizeof(int));
  take();
  pool.reset();
  const int now = pool.chunks();
  take();
  CHECK(pool.chunks() == now);
  CHECK(pool.peak() >= peak);
}
TEST_CASE("a pool that only counts uses what one with memory uses") {
  Plan plan;
  HostMemory memory;
  GradientPool<Plan> counted(plan);
  GradientPool<HostMemory> real(memory);
  real.reserve(std::size_t{1} << 20);
  Random random{4};
  std::vector<std::pair<std::size_t, int>> held;
  for (int i = 0; i < 2000; ++i) {
    if (random.uniform() < 0.55 && held.size() < 40) {
      const int n = 1 + static_cast<int>(random.uniform() * 1000);
      const auto a = counted.take<float>(n);
      CHECK(a.place == real.take<float>(n).place);
      held.emplace_back(a.place, n);
    } else if (!held.empty()) {
      const std::size_t at = static_cast<std::size_t>(random.uniform() * static_cast<double>(held.size()));
      const std::size_t bytes = static_cast<std::size_t>(held[at].second) * sizeof(float);
      counted.give_back(held[at].first, bytes), real.give_back(held[at].first, bytes);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  CHECK(counted.peak() == real.peak());
  CHECK(real.chunks() == 1);
}

TEST_SUITE_END();
