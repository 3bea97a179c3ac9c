// Attention with a bias on its scores, and the biases that relative positions give. (Plain attention: with the other ops on sequences.)
#include "vitrail/ops/attention.hpp"

#include <map>

#include "support/ops.hpp"

using namespace vitrail;

TEST_SUITE_BEGIN("ops");

TEST_CASE("gradients of attention with a bias, over more sequences than one sum of its gradient has") {
  Bench<double> bench;
  const auto bias = bench.random<2, 3, 3>(0, 2);
  for (const int batch : {1, 5, 19, 0}) {
    CAPTURE(batch);
    const auto qkv = bench.random<dyn, 3, 12>(batch);
    check_op([](const auto& x, const auto& b) { return attention<2>(x, b); }, qkv, bias);
    check_op([&](const auto& b) { return attention<2>(qkv, b); }, bias);
    check_op([&](const auto& x) { return attention<2>(x, bias); }, qkv);
  }
}
TEST_CASE("gradients of biases by relative position, and of biases of queries and values") {
  Bench<double> bench;
  Weights<double, Shape<12, 2>, Shape<9, 2>, Shape<3>, Shape<3>> weights(bench.device);
  const auto any = bench.random<dyn, 2>(3);
  check_op(weights, [&](const auto& x) { return relative_bias<2, 1>(x, weights.get<0>()); }, any);
  check_op(weights, [&](const auto& x) { return relative_bias<2, 0>(x, weights.get<1>()); }, any);
  check_op(weights, [&](const auto& x) { return query_value_bias(x, weights.get<2>(), weights.get<3>()); }, any);
}
TEST_CASE("a bias of zero leaves attention as it is; one for all keys of a query changes nothing; a large one decides") {
  Bench<double> bench(2);
  const auto qkv = bench.random<dyn, 5, 24>(11);
  const auto bias = make_tensor<Shape<2, 5, 5>, double>(bench.memory);
  std::fill_n(bias.at, 50, 0.0);
  CHECK(apart(numbers(attention<2>(qkv, bias)), numbers(attention<2>(qkv))) < 1e-14);
  for (int i = 0; i < 50; ++i) bias.at[i] = 1 + i / 5;
  CHECK(apart(numbers(attention<2>(qkv, bias)), numbers(attention<2>(qkv))) < 1e-13);
  for (int h = 0; h < 2; ++h) bias.at[h * 25 + 2 * 5 + 4] += 1000;  // token 2 looks at token 4
  const auto y = attention<2>(qkv, bias);
  for (int b = 0; b < 11; ++b)
    for (int d = 0; d < 8; ++d) CHECK(y.at[(b * 5 + 2) * 8 + d] == doctest::Approx(qkv.at[(b * 5 + 4) * 24 + 16 + d]));
}
TEST_CASE("a relative bias depends on how far apart two patches are, and on nothing else; the class token has three of its own") {
  Bench<double> bench;
  constexpr int G = 3, S = 1 + G * G, H = 2;
  Weights<double, Shape<28, H>> weights(bench.device);
  const auto bias = relative_bias<G, 1>(bench.random<dyn, 2>(1), weights.get<0>());
  const auto at = [&](int h, int query, int key) { return bias.at[(h * S + query) * S + key]; };
  const double* table = static_cast<const double*>(weights.get<0>().value);
  for (int h = 0; h < H; ++h) {
    std::map<std::pair<int, int>, double> by_distance;
    for (int a = 0; a < G * G; ++a)
      for (int b = 0; b < G * G; ++b) {
        const auto known = by_distance.emplace(std::pair{a / G - b / G, a % G - b % G}, at(h, 1 + a, 1 + b)).first;
        CHECK(known->second == at(h, 1 + a, 1 + b));
      }
    CHECK(by_distance.size() == 25);
    CHECK(by_distance.at({-2, -2}) == table[h]);          // the first row: the key is below and to the right
    CHECK(by_distance.at({0, 1}) == table[(2 * 5 + 3) * H + h]);
    for (int n = 1; n < S; ++n) {
      CHECK(at(h, 0, n) == table[25 * H + h]);
      CHECK(at(h, n, 0) == table[26 * H + h]);
    }
    CHECK(at(h, 0, 0) == table[27 * H + h]);
  }
}

TEST_SUITE_END();
