// gradcheck itself: it must find what is wrong, say where, and leave everything as it was.
#include "support/ops.hpp"
#include "vitrail/ops/channels.hpp"
#include "vitrail/ops/linear.hpp"

using namespace vitrail;

namespace {

// f(x) = x^2 with a derivative that is wrong for one element: 2 x + 0.1 at element 4.
struct WrongAtFour {
  [[maybe_unused]] static constexpr const char* name = "wrong_at_four";
  std::int64_t n;
  constexpr std::int64_t forward_flops() const { return n; }
  constexpr std::int64_t backward_flops(Wanted) const { return n; }
};
template <Value X> auto wrong_at_four(const X& x) {
  auto y = fresh<shape_of<X>>(x);
  const WrongAtFour op{x.shape.size()};
  run(op, y, x);
  if constexpr (Tracked<X>) y.tape->on_backward(y.slot, [op, y, x] { run_backward(op, y, sink(x), y.grad(), x); });
  return y;
}

}  // namespace

template <> struct vitrail::Kernel<WrongAtFour, Cpu> {
  template <class T> static void forward(Cpu&, const WrongAtFour& o, T* y, const T* x) {
    for (std::int64_t i = 0; i < o.n; ++i) y[i] = x[i] * x[i];
  }
  template <class T> static void backward(Cpu&, const WrongAtFour& o, Sink<T> dx, const T* dy, const T* x) {
    for (std::int64_t i = 0; i < o.n; ++i) dx.to[i] = dy[i] * (2 * x[i] + (i == 4 ? T(0.1) : T(0)));
  }
};

TEST_SUITE_BEGIN("autograd");

TEST_CASE("a wrong gradient of an input is found, with its place and both numbers") {
  Bench<double> bench;
  const auto good = bench.random<dyn, 3>(2, 1), x = bench.random<dyn, 3>(2, 2);
  const auto f = [](auto&, const auto& a, const auto& b) {
    const auto first = sum(a * a);
    return first + sum(wrong_at_four(b));
  };
  const GradientError error = gradcheck(f, GradcheckOptions{}, good, x);
  CHECK(error.where == "input 1[4]");
  CHECK(error.exact == doctest::Approx(2 * x.at[4] + 0.1).epsilon(1e-12));
  CHECK(error.numeric == doctest::Approx(2 * x.at[4]).epsilon(1e-9));
  CHECK(error.worst == doctest::Approx(0.1 / std::max(std::abs(error.exact), std::abs(error.numeric))).epsilon(1e-6));
}
TEST_CASE("a wrong gradient of a parameter is found") {
  Bench<double> bench;
  Weights<double, Shape<2, 3>, Shape<2>> weights(bench.device);
  const auto x = bench.random<dyn, 3>(4);
  const auto f = [&](auto& tape, const auto&... v) {  // the bias is used a second time in a way that backward cannot see
    const auto y = linear(v..., weights.get<0>(), weights.get<1>());
    const Tensor<Shape<2>, Cpu, double> bias{weights.model.values() + 6, &tape.values(), {}};
    return sum(y) + sum(tape.input(bias));
  };
  const GradientError error = gradcheck(weights.model, f, GradcheckOptions{}, x);
  CHECK((error.where == "parameters[6]" || error.where == "parameters[7]"));
  CHECK(error.exact == doctest::Approx(4));
  CHECK(error.numeric == doctest::Approx(5));
}
TEST_CASE("inputs and parameters are put back exactly, and the gradients stay") {
  Bench<double> bench;
  Weights<double, Shape<2, 3>, Shape<2>> weights(bench.device);
  const auto x = bench.random<dyn, 3>(4);
  const std::vector<double> input = numbers(x), values(weights.model.values(), weights.model.values() + 8);
  const auto f = [&](auto&, const auto& v) { return weighted(linear(v, weights.get<0>(), weights.get<1>())); };
  check_small(gradcheck(weights.model, f, GradcheckOptions{}, x));
  CHECK(numbers(x) == input);
  CHECK(std::equal(values.begin(), values.end(), weights.model.values()));
  const auto y = f(bench.tape, bench.tape.input(x));
  const std::vector<double> kept(weights.model.gradients(), weights.model.gradients() + 8);
  weights.model.zero_gradients();
  bench.tape.backward(y);
  CHECK(std::equal(kept.begin(), kept.end(), weights.model.gradients()));
}
TEST_CASE("a sample of entries is spread over all of them; a model alone needs no input") {
  Bench<double> bench;
  const auto x = bench.random<dyn, 10>(10);
  int calls = 0;
  GradcheckOptions options;
  options.at_most = 7;
  const auto count = [&](auto&, const auto& v) {
    ++calls;
    return sum(v * v);
  };
  check_small(gradcheck(count, options, x));
  CHECK(calls == 1 + 4 * 7);  // every 15th of 100
  Weights<double, Shape<2, 3>, Shape<2>> weights(bench.device);
  const Tensor<Shape<dyn, 3>, Cpu, double> rows{x.at, &bench.memory, Shape<dyn, 3>(4)};
  check_small(gradcheck(weights.model, [&](auto& tape) {
    return weighted(linear(tape.input(rows), weights.get<0>(), weights.get<1>()));
  }));
}
TEST_CASE("the error does not change when the function is scaled, and nothing to check is no error") {
  Bench<double> bench;
  const auto x = bench.random<dyn, 3>(2);
  const auto scaled = [&](double by) {
    return gradcheck([by](auto&, const auto& v) { return by * sum(wrong_at_four(v)); }, GradcheckOptions{}, x).worst;
  };
  CHECK(scaled(1e-6) == doctest::Approx(scaled(1)).epsilon(1e-6));
  CHECK(scaled(1e6) == doctest::Approx(scaled(1)).epsilon(1e-6));
  const GradientError none = gradcheck([](auto&, const auto& v) { return sum(v); }, GradcheckOptions{}, bench.random<dyn, 3>(0));
  CHECK(none.worst == 0);
  CHECK(none.where.empty());
}
TEST_CASE("a gradient that is not a number is the worst of all") {
  Bench<double> bench;
  const auto x = make_tensor<Shape<dyn>, double>(bench.memory, Shape<dyn>(3));
  x.at[0] = 1, x.at[1] = 0, x.at[2] = 2;
  const GradientError error = gradcheck(
      [](auto&, const auto& v) { return sum(map([](auto a) { return math::sqrt(a * a); }, v)); }, GradcheckOptions{}, x);
  CHECK(error.worst == INFINITY);
  CHECK(error.where == "input 0[1]");
}

TEST_SUITE_END();
