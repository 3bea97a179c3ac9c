// The gradients of elementwise ops and ops on rows, against central differences, for batches of 1, 5 and none.
#include "support/ops.hpp"
#include "vitrail/ops/channels.hpp"
#include "vitrail/ops/gelu.hpp"
#include "vitrail/ops/layer_norm.hpp"
#include "vitrail/ops/linear.hpp"
#include "vitrail/ops/matmul.hpp"
#include "vitrail/ops/normalize.hpp"
#include "vitrail/ops/softmax.hpp"
#include "vitrail/ops/squared_error.hpp"
#include "vitrail/ops/tokens.hpp"

using namespace vitrail;

namespace {

constexpr int batches[] = {1, 5, 0};

}  // namespace

TEST_SUITE_BEGIN("ops");

TEST_CASE("gradients of sums, differences and products") {
  Bench<double> bench;
  for (const int batch : batches) {
    CAPTURE(batch);
    const auto a = bench.random<dyn, 2, 3>(batch, 1), b = bench.random<dyn, 2, 3>(batch, 2);
    check_op([](const auto& x, const auto& y) { return x + y; }, a, b);
    check_op([](const auto& x, const auto& y) { return x - y; }, a, b);
    check_op([](const auto& x, const auto& y) { return x * y; }, a, b);
    check_op([&](const auto& x) { return x + b; }, a);
    check_op([&](const auto& x) { return b - x; }, a);
    check_op([&](const auto& x) { return b * x; }, a);
    check_op([](const auto& x) { return 3 - 2 * (-x + 1) * 0.5 - 0.25; }, a);
  }
}
TEST_CASE("gradients of a value combined with itself") {
  Bench<double> bench;
  const auto a = bench.random<dyn, 3, 3>(2, 1);
  check_op([](const auto& x) { return x + x; }, a);
  check_op([](const auto& x) { return x - x * x; }, a);
  check_op([](const auto& x) { return x * x; }, a);
  check_op([](const auto& x) { return x / (1.5 + x * x); }, a);
  check_op([](const auto& x) { return x / 3; }, a);
  check_op([](const auto& x) { return matmul(x, x); }, a);
  check_op([](const auto& x) { return matmul_transposed(x, x); }, a);
  check_op([](const auto& x) { return concat(x, x); }, a);
  check_op([](const auto& x) { return cosine(x, x * x); }, a);
  check_op([](const auto& x) { return add_dropped(x, x, 0.5); }, a);
  check_op([](const auto& x) { return squared_error(x, x * x); }, a);
  check_op([](const auto& x) { return map([](auto p, auto q, auto r) { return p * q / (1 + r * r); }, x, x, x); }, a);
}
TEST_CASE("gradients of a map of one to four inputs") {
  Bench<double> bench;
  for (const int batch : batches) {
    const auto a = bench.random<dyn, 3>(batch, 1), b = bench.random<dyn, 3>(batch, 2);
    const auto c = bench.random<dyn, 3>(batch, 3), d = bench.random<dyn, 3>(batch, 4);
    const auto f1 = [](auto p) { return math::tanh(p) + math::exp(0.5 * p); };
    const auto f2 = [](auto p, auto q) { return math::log(1 + p * p) * q; };
    const auto f3 = [](auto p, auto q, auto r) { return math::sqrt(2 + p * p) / (1 + q * q) - math::sigmoid(r); };
    const auto f4 = [](auto p, auto q, auto r, auto s) { return p * q - r * s + p * s; };
    check_op([&](const auto& p) { return map(f1, p); }, a);
    check_op([&](const auto& p, const auto& q) { return map(f2, p, q); }, a, b);
    check_op([&](const auto& p, const auto& q, const auto& r) { return map(f3, p, q, r); }, a, b, c);
    check_op([&](const auto& p, const auto& q, const auto& r, const auto& s) { return map(f4, p, q, r, s); }, a, b, c, d);
    check_op([&](const auto& p, const auto& s) { return map(f4, p, b, c, s); }, a, d);
    check_op([&](const auto& q) { return map(f2, b, q); }, a);
  }
}
TEST_CASE("gradients of gelu in both forms") {
  Bench<double> bench;
  for (const int batch : batches) {
    const auto a = bench.random<dyn, 2, 3>(batch);
    check_op([](const auto& x) { return gelu(x); }, a);
    check_op([](const auto& x) { return gelu_tanh(x); }, a);
    check_op([](const auto& x) { return gelu(gelu(x)) * x; }, a);
  }
}
TEST_CASE("gradients of sums and means") {
  Bench<double> bench;
  for (const int batch : batches) {
    const auto a = bench.random<dyn, 2, 20>(batch);
    check_op([](const auto& x) { return sum(x); }, a);
    check_op([](const auto& x) { return mean(x); }, a);
    check_op([](const auto& x) { return sum_last(x); }, a);
    check_op([](const auto& x) { return mean_last(x); }, a);
  }
}
TEST_CASE("gradients of a linear map, with and without a residual") {
  Bench<double> bench;
  for (const int batch : batches) {
    CAPTURE(batch);
    Weights<double, Shape<4, 5>, Shape<4>> weights(bench.device);
    const auto layer = [&](const auto&... x) { return linear(x..., weights.get<0>(), weights.get<1>()); };
    const auto with = [&](const auto& x, const auto& r) { return linear(x, weights.get<0>(), weights.get<1>(), r); };
    const auto a = bench.random<dyn, 3, 5>(batch, 1);
    const auto r = bench.random<dyn, 3, 4>(batch, 2);
    check_op(weights, layer, a);
    check_op(weights, with, a, r);
    check_op(weights, [&](const auto& x) { return with(x, r); }, a);
    check_op(weights, [&](const auto& residual) { return with(a, residual); }, r);
  }
}
TEST_CASE("gradients of a linear map whose residual is its own input") {
  Bench<double> bench;
  Weights<double, Shape<5, 5>, Shape<5>> weights(bench.device);
  const auto a = bench.random<dyn, 5>(3);
  check_op(weights, [&](const auto& x) { return linear(x, weights.get<0>(), weights.get<1>(), x); }, a);
  check_op(weights, [&](const auto& x) {
    const auto once = linear(x, weights.get<0>(), weights.get<1>());
    return linear(once, weights.get<0>(), weights.get<1>(), once);
  }, a);
}
TEST_CASE("gradients of a linear map over more rows than one chunk of its sums") {
  Bench<double> bench;
  Weights<double, Shape<2, 3>, Shape<2>> weights(bench.device);
  const auto a = bench.random<dyn, 350, 3>(3);  // 1050 rows: three partial sums for dW, five for db
  GradcheckOptions options;
  options.at_most = 40;
  const auto f = [&](auto&, const auto& x) { return weighted(linear(x, weights.get<0>(), weights.get<1>())); };
  check_small(gradcheck(weights.model, f, options, a));
}
TEST_CASE("gradients of layer_norm") {
  Bench<double> bench;
  Weights<double, Shape<6>, Shape<6>> weights(bench.device);
  for (const int batch : batches) {
    const auto a = bench.random<dyn, 3, 6>(batch);
    check_op(weights, [&](const auto& x) { return layer_norm(x, weights.get<0>(), weights.get<1>()); }, a);
    check_op(weights, [&](const auto& x) { return layer_norm(x, weights.get<0>(), weights.get<1>(), 0.1); }, a);
  }
}
TEST_CASE("gradients of softmax, normalize and standardize") {
  Bench<double> bench;
  for (const int batch : batches) {
    const auto a = bench.random<dyn, 3, 19>(batch, 1), b = bench.random<dyn, 3, 19>(batch, 2);
    check_op([](const auto& x) { return softmax(x); }, a);
    check_op([](const auto& x) { return normalize(x); }, a);
    check_op([](const auto& x) { return normalize(x, 100.0); }, a);  // shorter than eps: a division by a constant
    check_op([](const auto& x) { return standardize(x, 0.1); }, a);
    check_op([](const auto& x, const auto& y) { return cosine(x, y); }, a, b);
    check_op([&](const auto& x) { return cosine(b, x); }, a);
  }
}
TEST_CASE("gradients of tables, channel scales and dropped branches") {
  Bench<double> bench;
  Weights<double, Shape<3, 4>, Shape<4>> weights(bench.device);
  for (const int batch : batches) {
    const auto a = bench.random<dyn, 3, 4>(batch, 1), b = bench.random<dyn, 3, 4>(batch, 2);
    check_op(weights, [&](const auto& x) { return add_table(x, weights.get<0>()); }, a);
    check_op(weights, [&](const auto& x) { return add_table(add_table(x, weights.get<1>()), weights.get<1>()); }, a);
    const auto places = bench.indices<3>(batch, 3, false);  // which may repeat
    check_op(weights, [&](const auto& x) { return add_places(x, weights.get<0>(), places); }, a);
    check_op(weights, [&](const auto& x) { return scale_channels(x, weights.get<1>()); }, a);
    check_op([](const auto& x, const auto& branch) { return add_dropped(x, branch, 0.4); }, a, b);
    check_op([&](const auto& branch) { return add_dropped(a, branch, 0.4); }, b);
    check_op([&](const auto& x) { return add_dropped(x, b, 0.4); }, a);
  }
}

TEST_SUITE_END();
