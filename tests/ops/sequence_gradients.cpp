// The gradients of ops on sequences, and of losses, against central differences, for batches of 1, 5 and none.
#include "support/ops.hpp"
#include "vitrail/ops/attention.hpp"
#include "vitrail/ops/cross_entropy.hpp"
#include "vitrail/ops/info_nce.hpp"
#include "vitrail/ops/matmul.hpp"
#include "vitrail/ops/softmax.hpp"
#include "vitrail/ops/squared_error.hpp"
#include "vitrail/ops/tokens.hpp"

using namespace vitrail;

namespace {

constexpr int batches[] = {1, 5, 0};

Tensor<Shape<dyn, 4>, Cpu, int> words(Bench<double>& bench, int batch, int limit) {
  const auto drawn = bench.indices<4>(batch, limit, false);
  return {drawn.at, &bench.memory, drawn.shape};
}

}  // namespace

TEST_SUITE_BEGIN("ops");

TEST_CASE("gradients of products of matrices") {
  Bench<double> bench;
  for (const int batch : batches) {
    const auto a = bench.random<dyn, 2, 3>(batch, 1);
    const auto b = bench.random<dyn, 4, 3>(batch, 3);
    const auto c = bench.random<dyn, 3, 4>(batch, 2);
    check_op([](const auto& x, const auto& y) { return matmul(x, y); }, a, c);
    check_op([](const auto& x, const auto& y) { return matmul_transposed(x, y); }, a, b);
    check_op([&](const auto& x) { return matmul(x, c); }, a);
    check_op([&](const auto& y) { return matmul(a, y); }, c);
    check_op([&](const auto& x) { return matmul_transposed(x, b); }, a);
    check_op([&](const auto& y) { return matmul_transposed(a, y); }, b);
  }
}
TEST_CASE("gradients of attention") {
  Bench<double> bench;
  for (const int batch : batches) {
    const auto qkv = bench.random<dyn, 4, 18>(batch);
    check_op([](const auto& x) { return attention<3>(x); }, qkv);
    check_op([](const auto& x) { return attention<1>(x); }, qkv);
    check_op([](const auto& x) { return attention<2>(x); }, bench.random<dyn, 1, 12>(batch));
  }
}
TEST_CASE("gradients of what moves tokens") {
  Bench<double> bench;
  for (const int batch : batches) {
    const auto a = bench.random<dyn, 6, 2>(batch, 1);
    const auto b = bench.random<dyn, 4, 2>(batch, 2);
    const auto some = bench.indices<3>(batch, 5);
    const auto any = bench.indices<4>(batch, 5, false, 8);  // with repetitions
    check_op([&](const auto& x) { return gather(x, some); }, a);
    check_op([&](const auto& x) { return gather<1>(x, any); }, a);
    check_op([&](const auto& x) { return scatter<7>(x, any); }, b);
    check_op([](const auto& x, const auto& y) { return concat(x, y); }, a, b);
    check_op([&](const auto& x) { return concat(x, b); }, a);
    check_op([&](const auto& y) { return concat(a, y); }, b);
    check_op([](const auto& x) { return slice_tokens<2, 3>(x); }, a);
    check_op([](const auto& x) { return mean_tokens(x); }, a);
    check_op([](const auto& x) { return mean_tokens<2>(x); }, a);
    check_op([](const auto& x) { return mean_tokens(unfold<2>(x)); }, a);
  }
}
TEST_CASE("gradients of learned tokens") {
  Bench<double> bench;
  Weights<double, Shape<2>, Shape<2>, Shape<5, 2>> weights(bench.device);
  const auto &token = weights.get<0>(), &place = weights.get<1>();
  const auto& places = weights.get<2>();
  for (const int batch : batches) {
    const auto a = bench.random<dyn, 4, 2>(batch);
    const auto seen3 = bench.indices<3>(batch, 5);
    const auto seen4 = bench.indices<4>(batch, 5);
    check_op(weights, [&](const auto& x) { return prepend(x, token, place); }, a);
    check_op(weights, [&](const auto& x) { return prepend(x, token, token); }, a);
    check_op(weights, [&](const auto& x) { return complete<0>(x, token, places, seen4); }, a);
    check_op(weights, [&](const auto& x) { return complete<1>(x, token, places, seen3); }, a);
  }
}
TEST_CASE("gradients of losses") {
  Bench<double> bench;
  for (const int batch : batches) {
    CAPTURE(batch);
    const auto logits = bench.random<dyn, 4, 7>(batch, 1), other = bench.random<dyn, 4, 7>(batch, 2);
    const auto target = words(bench, batch, 7);
    const auto soft = softmax(other);
    check_op([&](const auto& x) { return cross_entropy(x, target); }, logits);
    check_op([&](const auto& x) { return cross_entropy(x, soft); }, logits);
    check_op([&](const auto& x) { return cross_entropy(x, other); }, logits);  // targets that do not sum to one
    const auto rows = bench.random<dyn, 7>(batch, 3);
    const auto own = bench.indices<1>(batch, 7, false, 4), mixed_in = bench.indices<1>(batch, 7, false, 5);
    check_op([&](const auto& x) { return cross_entropy(x, own, mixed_in, TargetMix{0.7, 0.1}); }, rows);
    check_op([&](const auto& x) { return cross_entropy(x, own, own, TargetMix{}); }, rows);
    const auto few = bench.indices<1>(batch, 2, false, 6);
    check_op([&](const auto& x) { return cross_entropy(x, few, few, TargetMix{1, 0.1, 2}); }, rows);
    check_op([](const auto& x, const auto& y) { return squared_error(x, y); }, logits, other);
    check_op([&](const auto& x) { return squared_error(other, x); }, logits);
  }
}
TEST_CASE("gradients of InfoNCE in all its forms") {
  Bench<double> bench;
  for (const int rows : {2, 8, 0})
    for (const bool unit : {false, true})
      for (const bool both : {false, true}) {
        CAPTURE(rows);
        CAPTURE(unit);
        CAPTURE(both);
        const InfoNceConfig config{.temperature = unit ? 0.3 : 2.0, .unit_length = unit, .both_branches = both};
        check_op([&](const auto& z) { return info_nce(z, config).loss; }, bench.random<dyn, 5>(rows));
      }
}

TEST_SUITE_END();
