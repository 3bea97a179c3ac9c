// Scalar formulas: how far the float versions are from the standard library, and dual numbers against hand derivatives.
#include "support/ops.hpp"
#include "vitrail/core/scalar_math.hpp"
#include "vitrail/ops/gelu.hpp"
#include "vitrail/ops/softmax.hpp"

using namespace vitrail;

namespace {

// The worst of error(x) over [from, to], at 400,001 floats.
template <class F> double worst(double from, double to, F error) {
  constexpr int steps = 400000;
  double most = 0;
  for (int i = 0; i <= steps; ++i) {
    const double e = error(static_cast<float>(from + (to - from) * i / steps));
    most = std::isfinite(e) ? std::max(most, e) : INFINITY;
  }
  return most;
}
double exact_phi(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

}  // namespace

TEST_SUITE_BEGIN("ops");

TEST_CASE("float exp is within a relative 2e-7, vanishes below -87 and stays finite above 88") {
  CHECK(worst(-87, 88, [](float x) { return std::abs(static_cast<double>(math::exp(x)) / std::exp(static_cast<double>(x)) - 1); }) < 2e-7);
  CHECK(math::exp(0.0f) == 1.0f);
  CHECK(math::exp(-87.1f) == 0.0f);
  CHECK(math::exp(-100.0f) == 0.0f);
  CHECK(math::exp(-INFINITY) == 0.0f);
  CHECK(math::exp(1000.0f) == math::exp(88.0f));
  CHECK(std::isfinite(math::exp(1000.0f)));
}
TEST_CASE("what is not a number stays none") {
  const float none = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(math::exp(none)));
  CHECK(std::isnan(math::tanh(none)));
  CHECK(std::isnan(math::gelu(none)));
  CHECK(std::isnan(math::gelu_slope(none)));
  CHECK(std::isnan(math::gelu_tanh(none)));
  CHECK(std::isnan(math::sigmoid(none)));
  for (const int at : {0, 3, 36}) {  // one in a row of logits spoils the row
    Bench<float> bench;
    const auto x = bench.random<dyn, 37>(2);
    x.at[at] = none;
    const auto y = softmax(x);
    CHECK(std::isnan(y.at[5]));
    CHECK(!std::isnan(y.at[40]));
  }
}
TEST_CASE("float exp rises, up to its rounding") {
  float before = 0;
  for (int i = 0; i <= 200000; ++i) {
    const float now = math::exp(static_cast<float>(-20 + i * 2e-4));
    REQUIRE(now >= before * (1 - 2e-7f));
    before = now;
  }
}
TEST_CASE("float tanh is within 3e-7, odd and bounded") {
  CHECK(worst(-20, 20, [](float x) { return std::abs(static_cast<double>(math::tanh(x)) - std::tanh(static_cast<double>(x))); }) < 3e-7);
  CHECK(worst(0, 20, [](float x) { return static_cast<double>(math::tanh(x) + math::tanh(-x)); }) == 0);
  CHECK(math::tanh(100.0f) == 1.0f);
}
TEST_CASE("float gelu and its slope are within 1e-6 of the double ones, in both forms") {
  const auto off = [](float exact_input, float found, double exact) {
    return std::abs(static_cast<double>(found) - exact) / std::max(1.0, std::abs(static_cast<double>(exact_input)));
  };
  CHECK(worst(-12, 12, [&](float x) { return off(x, math::gelu(x), math::gelu(static_cast<double>(x))); }) < 1e-6);
  CHECK(worst(-12, 12, [&](float x) { return off(x, math::gelu_slope(x), math::gelu_slope(static_cast<double>(x))); }) < 1e-6);
  CHECK(worst(-12, 12, [&](float x) { return off(x, math::gelu_tanh(x), math::gelu_tanh(static_cast<double>(x))); }) < 1e-6);
  CHECK(worst(-12, 12, [&](float x) {
    return off(x, math::gelu_tanh_slope(x), math::gelu_tanh_slope(static_cast<double>(x)));
  }) < 1e-6);
}
TEST_CASE("float gelu is its input or nothing far from zero, and keeps what is no number") {
  CHECK(math::gelu(50.0f) == 50.0f);
  CHECK(math::gelu(-50.0f) == 0.0f);
  CHECK(math::gelu_slope(50.0f) == doctest::Approx(1.0).epsilon(4e-7));
  CHECK(math::gelu_slope(-50.0f) == 0.0f);
  CHECK(std::isnan(math::gelu(NAN)));
  CHECK(std::isnan(math::gelu_slope(NAN)));
}
TEST_CASE("the two forms of gelu differ by less than 5e-4, and gelu(x) - gelu(-x) = x") {
  CHECK(worst(-6, 6, [](float x) { return std::abs(math::gelu(double{x}) - math::gelu_tanh(double{x})); }) < 5e-4);
  CHECK(worst(-6, 6, [](float x) { return std::abs(math::gelu(double{x}) - math::gelu(-double{x}) - x); }) < 1e-14);
}
TEST_CASE("the double versions are the standard library's") {
  for (const double x : {-30.0, -1.5, 0.0, 0.3, 4.0}) {
    CHECK(math::exp(x) == std::exp(x));
    CHECK(math::tanh(x) == std::tanh(x));
    CHECK(math::normal(x).below == doctest::Approx(exact_phi(x)).epsilon(1e-14));
  }
}
TEST_CASE("dual numbers follow the rules of differentiation") {
  using D = Dual<double, 2>;
  const D x = D::variable(1.3, 0), y = D::variable(-0.7, 1);
  const D f = x * math::exp(y) / (1 + x * x) - math::sqrt(x) * math::tanh(y) + math::log(x);
  const double e = std::exp(-0.7), t = std::tanh(-0.7), q = 1 + 1.3 * 1.3, root = std::sqrt(1.3);
  CHECK(f.value == doctest::Approx(1.3 * e / q - root * t + std::log(1.3)).epsilon(1e-14));
  CHECK(f.slope[0] == doctest::Approx(e / q - 2 * 1.3 * 1.3 * e / (q * q) - t / (2 * root) + 1 / 1.3).epsilon(1e-14));
  CHECK(f.slope[1] == doctest::Approx(1.3 * e / q - root * (1 - t * t)).epsilon(1e-14));
  CHECK(math::relu(D::variable(-1.0, 0)).slope[0] == 0);
  CHECK(math::relu(D::variable(2.0, 0)).slope[0] == 1);
  for (const double at : {-3.0, 0.0, 2.0}) {
    CHECK(math::abs(D::variable(at, 1)).value == std::abs(at));
    CHECK(math::abs(D::variable(at, 1)).slope[1] == (at > 0) - (at < 0));
  }
  const D s = math::sigmoid(D::variable(0.4, 0));
  CHECK(s.slope[0] == doctest::Approx(s.value * (1 - s.value)).epsilon(1e-14));
  CHECK(math::sigmoid(-1000.0) == 0);
}
TEST_CASE("map agrees with a derivative by hand") {
  Bench<double> bench;
  const auto a = bench.tape.differentiable_input(bench.random<dyn, 4>(3, 1));
  const auto b = bench.tape.differentiable_input(bench.random<dyn, 4>(3, 2));
  const auto y = map([](auto p, auto q) { return p * p * q + 3 * q; }, a, b);
  bench.tape.backward(sum(y));
  for (int i = 0; i < 12; ++i) {
    const double p = a.data()[i], q = b.data()[i];
    CHECK(y.data()[i] == doctest::Approx(p * p * q + 3 * q).epsilon(1e-15));
    CHECK(a.grad()[i] == doctest::Approx(2 * p * q).epsilon(1e-14));
    CHECK(b.grad()[i] == doctest::Approx(p * p + 3).epsilon(1e-14));
  }
}

TEST_SUITE_END();
