// The ops of teachers and students: gradients by finite differences, and what must hold of their results.
#include "support/ops.hpp"
#include "vitrail/ops/batch_norm.hpp"
#include "vitrail/ops/channels.hpp"
#include "vitrail/ops/collapse.hpp"
#include "vitrail/ops/distillation.hpp"
#include "vitrail/ops/info_nce.hpp"
#include "vitrail/ops/linear.hpp"
#include "vitrail/ops/normalize.hpp"
#include "vitrail/ops/softmax.hpp"
#include "vitrail/ops/weight_norm.hpp"

using namespace vitrail;

namespace {
constexpr DistillationViews same{.student = 2, .teacher = 2, .skip_same = true}, local{.student = 3, .teacher = 2};
}

TEST_SUITE_BEGIN("ops");

TEST_CASE("gradients of a table that is resampled, smaller and larger") {
  Bench<double> bench;
  Weights<double, Shape<16, 5>> weights(bench.device);
  check_op(weights, [&](const auto& x) { return add_resampled(x, weights.get<0>(), 0.1); }, bench.random<dyn, 4, 5>(3));
  check_op(weights, [&](const auto& x) { return add_resampled(x, weights.get<0>()); }, bench.random<dyn, 25, 5>(2));
}
TEST_CASE("a table resampled to its own size is itself, and a constant one stays constant") {
  Bench<double> bench;
  Weights<double, Shape<16, 5>> weights(bench.device);
  const auto x = bench.random<dyn, 16, 5>(3);
  CHECK(apart(numbers(add_resampled(x, weights.get<0>())), numbers(add_table(x, weights.get<0>()))) < 1e-14);
  std::fill_n(weights.model.values(), 16 * 5, 0.5);
  const auto small = bench.random<dyn, 9, 5>(3);
  CHECK(apart(numbers(add_resampled(small, weights.get<0>(), 0.1)), numbers(small + 0.5)) < 1e-14);
}
TEST_CASE("gradients of a linear map without a bias") {
  Bench<double> bench;
  Weights<double, Shape<7, 5>> weights(bench.device);
  check_op(weights, [&](const auto& x) { return linear(x, weights.get<0>()); }, bench.random<dyn, 5>(6));
}
TEST_CASE("gradients of a linear map with rows of length one, which the length of the weight does not change") {
  Bench<double> bench;
  Weights<double, Shape<7, 5>> weights(bench.device);
  const auto x = bench.random<dyn, 5>(6);
  check_op(weights, [&](const auto& rows) { return weight_norm_linear(rows, weights.get<0>()); }, x);
  const std::vector<double> before = numbers(weight_norm_linear(x, weights.get<0>()));
  for (int i = 0; i < 5; ++i) weights.model.values()[15 + i] *= 7;
  CHECK(apart(numbers(weight_norm_linear(x, weights.get<0>())), before) < 1e-14);
}
TEST_CASE("gradients of batch_norm, with groups and without, with gain and shift and without") {
  Bench<double> bench;
  Weights<double, Shape<70>, Shape<70>> weights(bench.device);
  const Affine<70> affine{weights.get<0>(), weights.get<1>()};
  check_op(weights, [&](const auto& x) { return batch_norm(x, affine); }, bench.random<dyn, 70>(5));
  check_op(weights, [&](const auto& x) { return batch_norm<2>(x, affine); }, bench.random<dyn, 70>(6));
  check_op([&](const auto& x) { return batch_norm<2>(x, NoAffine{}); }, bench.random<dyn, 5>(8));
}
TEST_CASE("batch_norm gives each group of rows mean 0 and variance 1, and running means make the same in evaluation") {
  Bench<double> bench;
  const auto x = 3.0 * bench.random<dyn, 5>(8) + 2.0;
  const auto y = batch_norm<2>(x, NoAffine{});
  for (int g = 0; g < 2; ++g)
    for (int c = 0; c < 5; ++c) {
      double sum = 0, squares = 0;
      for (int r = g; r < 8; r += 2) sum += y.at[r * 5 + c], squares += y.at[r * 5 + c] * y.at[r * 5 + c];
      CHECK(std::abs(sum) < 1e-12);
      CHECK(squares / 4 == doctest::Approx(1).epsilon(1e-4));
    }
  Weights<double, Shape<5>, Shape<5>> running(bench.device);
  double* const latest = running.model.values();
  const auto one = batch_norm(x, NoAffine{}, latest, latest + 5);
  for (int c = 0; c < 5; ++c) latest[5 + c] *= 7.0 / 8;  // from unbiased to the batch's own
  CHECK(apart(numbers(normalize_channels(x, running.get<0>(), running.get<1>(), NoAffine{})), numbers(one)) < 1e-12);
}
TEST_CASE("gradients of distillation, of the same views and of others") {
  Bench<double> bench;
  Weights<double, Shape<19>> centre(bench.device);
  const auto teacher = bench.random<dyn, 19>(6, 4);
  const DistillationTemperatures t{.student = 0.7, .teacher = 0.4};
  check_op([&](const auto& s) { return distillation<same>(s, teacher, centre.get<0>(), t); }, bench.random<dyn, 19>(6));
  check_op([&](const auto& s) { return distillation<local>(s, teacher, centre.get<0>(), t); }, bench.random<dyn, 19>(9));
}
TEST_CASE_TEMPLATE("distillation is the mean cross-entropy over pairs of different views", T, double, float) {
  Bench<T> bench;
  Weights<T, Shape<19>> centre(bench.device);
  const auto teacher = bench.template random<dyn, 19>(6, 4), student = bench.template random<dyn, 19>(6, 5);
  const double student_t = 0.3, teacher_t = 0.2;
  const auto probability = [&](const T* x, const T* c, double t, int k) {
    double sum = 0, mine = 0;
    for (int j = 0; j < 19; ++j) {
      const double e = std::exp((static_cast<double>(x[j]) - (c == nullptr ? 0 : static_cast<double>(c[j]))) / t);
      sum += e, mine = j == k ? e : mine;
    }
    return mine / sum;
  };
  double wanted = 0;
  for (int image = 0; image < 3; ++image)
    for (int v = 0; v < 2; ++v)
      for (int k = 0; k < 19; ++k)
        wanted -= probability(teacher.at + (2 * image + 1 - v) * 19, centre.model.values(), teacher_t, k) *
                  std::log(probability(student.at + (2 * image + v) * 19, nullptr, student_t, k)) / 6;
  const auto loss = distillation<same>(student, teacher, centre.template get<0>(), {student_t, teacher_t});
  CHECK(static_cast<double>(*loss.data()) == doctest::Approx(wanted).epsilon(std::is_same_v<T, double> ? 1e-12 : 1e-5));
}
TEST_CASE("views that do not belong to the same images are refused") {
  Bench<double> bench;
  Weights<double, Shape<19>> centre(bench.device);
  const auto refuse = [&](int students, int teachers) {
    const auto s = bench.random<dyn, 19>(students), t = bench.random<dyn, 19>(teachers);
    CHECK_THROWS_AS(distillation<local>(s, t, centre.get<0>(), {}), ShapeError);
  };
  refuse(9, 4);
  refuse(8, 6);
}
TEST_CASE("statistics of a teacher: ln K and 0 if it gives all rows the same, 0 and 0 if one prototype takes everything") {
  Bench<double> bench;
  Weights<double, Shape<300>, Shape<300>> weights(bench.device);
  const auto& [centre, latest] = weights.model->all;
  std::fill_n(weights.model.values(), 600, 0.0);
  const auto flat = make_tensor<Shape<dyn, 300>, double>(bench.memory, Shape<dyn, 300>(6));
  std::fill_n(flat.at, 1800, 0.25);
  const auto uniform = teacher_statistics(flat, centre, latest, 0.1);
  CHECK(number(uniform.entropy) == doctest::Approx(std::log(300)));
  CHECK(std::abs(number(uniform.variance)) < 1e-12);
  CHECK(weights.model.values()[300] == doctest::Approx(0.25));
  for (int r = 0; r < 6; ++r) flat.at[r * 300 + 7] = 10;
  const auto peak = teacher_statistics(flat, centre, latest, 0.1);
  CHECK(number(peak.entropy) < 1e-12);
  CHECK(number(peak.variance) < 1e-12);
  CHECK(weights.model.values()[307] == doctest::Approx(10));
  for (int r = 0; r < 6; ++r) flat.at[r * 300 + 7] = 0, flat.at[r * 300 + 40 * r] = 10;
  const auto healthy = teacher_statistics(flat, centre, latest, 0.1);
  CHECK(number(healthy.entropy) == doctest::Approx(std::log(6)));
  CHECK(number(healthy.variance) == doctest::Approx(5.0 / 6));
}
TEST_CASE("rows have no variance if all point the same way, and 1 if they cancel") {
  Bench<double> bench;
  const auto x = make_tensor<Shape<dyn, 3>, double>(bench.memory, Shape<dyn, 3>(4));
  for (int r = 0; r < 4; ++r)
    for (int c = 0; c < 3; ++c) x.at[r * 3 + c] = (r + 1) * (c - 0.5);
  CHECK(number(unit_variance(x)) < 1e-15);
  for (int i = 0; i < 6; ++i) x.at[i] *= -1;
  CHECK(number(unit_variance(x)) == doctest::Approx(1));
}
TEST_CASE("gradients of info_nce with keys") {
  Bench<double> bench;
  const auto keys = bench.random<dyn, 5>(8, 4);
  check_op([&](const auto& q) { return info_nce(q, keys, 0.3).loss; }, bench.random<dyn, 5>(8));
}
TEST_CASE("info_nce with the queries as keys is the symmetric one; keys that are all the same leave ln of the batch") {
  Bench<double> bench;
  const auto z = bench.random<dyn, 5>(8);
  const auto one = info_nce(z, z, 0.2);
  const auto two = info_nce(z, InfoNceConfig{.temperature = 0.2});
  CHECK(number(one.loss) == doctest::Approx(number(two.loss)).epsilon(1e-12));
  CHECK(number(one.accuracy) == number(two.accuracy));
  for (int r = 1; r < 8; ++r) std::copy_n(z.at, 5, z.at + r * 5);
  CHECK(number(info_nce(z, z, 0.2).loss) == doctest::Approx(std::log(4)));
}

TEST_SUITE_END();
