// What the tape promises: gradients added where a value is used twice, handed over where it is not, and memory reused.
#include "support/ops.hpp"
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

TEST_CASE("a pool serves a request from a block of exactly that size, the last one first") {
  HostMemory memory;
  GradientPool<HostMemory> pool(memory);
  double* const a = pool.take<double>(100);
  double* const b = pool.take<double>(50);
  double* const c = pool.take<double>(100);
  CHECK(a != c);
  pool.give_back(a, 100), pool.give_back(b, 50), pool.give_back(c, 100);
  const std::size_t before = pool.peak();
  CHECK(pool.take<double>(100) == c);
  CHECK(pool.take<double>(50) == b);
  CHECK(pool.take<double>(100) == a);
  CHECK(pool.peak() == before);
  CHECK(pool.take<double>(60) != b);
  CHECK(pool.peak() > before);
}
TEST_CASE("a pool that was reset forgets its blocks, and more blocks than it remembers do no harm") {
  HostMemory memory;
  GradientPool<HostMemory> pool(memory);
  std::vector<int*> taken;
  for (int i = 0; i < 200; ++i) taken.push_back(pool.take<int>(16));
  for (int* block : taken) pool.give_back(block, 16);
  std::sort(taken.begin(), taken.end());
  CHECK(std::adjacent_find(taken.begin(), taken.end()) == taken.end());
  std::vector<int*> again;
  for (int i = 0; i < 200; ++i) again.push_back(pool.take<int>(16));
  std::sort(again.begin(), again.end());
  CHECK(std::adjacent_find(again.begin(), again.end()) == again.end());
  pool.reset();
  const int chunks = pool.chunks();
  for (int i = 0; i < 200; ++i) pool.take<int>(16);
  CHECK(pool.chunks() == chunks);
}

TEST_SUITE_END();
