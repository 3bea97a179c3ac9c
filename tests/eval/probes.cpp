// k-NN, the linear probe and its solver: against brute force, known optima, and chance.
#include <doctest/doctest.h>

#include <numeric>

#include "sets.hpp"
#include "vitrail/eval/knn.hpp"
#include "vitrail/eval/linear_probe.hpp"

using namespace vitrail;
using eval_test::clouds;
using eval_test::with_shuffled_labels;

namespace {

// DINO's vote, written directly: all pairs, sorted.
std::vector<int> brute_force(const Features& train, const Features& test, int k, double temperature) {
  std::vector<int> out;
  const auto product = [&](const float* a, const float* b) {
    double sum = 0;
    for (int d = 0; d < train.dim; ++d) sum += static_cast<double>(a[d]) * static_cast<double>(b[d]);
    return sum;
  };
  for (int i = 0; i < test.count; ++i) {
    std::vector<std::pair<double, int>> all;
    for (int j = 0; j < train.count; ++j) {
      const float *a = test.row(i), *b = train.row(j);
      all.emplace_back(-product(a, b) / std::sqrt(product(a, a) * product(b, b)), j);
    }
    std::sort(all.begin(), all.end());
    std::vector<double> votes(10);
    for (int n = 0; n < k; ++n)
      votes[static_cast<std::size_t>(
          train.labels[static_cast<std::size_t>(all[static_cast<std::size_t>(n)].second)])] +=
          std::exp(-all[static_cast<std::size_t>(n)].first / temperature);
    out.push_back(static_cast<int>(std::max_element(votes.begin(), votes.end()) - votes.begin()));
  }
  return out;
}

// Features of one number.
Features points(const std::vector<float>& x, const std::vector<int>& labels) {
  Features out;
  out.count = static_cast<int>(x.size()), out.dim = 1, out.values = x, out.labels = labels;
  return out;
}

}  // namespace

TEST_CASE("k-NN equals the vote over all sorted pairs, also across tiles and for every k") {
  Cpu cpu;
  const Features train = clouds(1500, 9, 4, 1.5, 1), test = clouds(75, 9, 4, 1.5, 2);
  for (const int k : {1, 7, 20, 1500}) {
    CAPTURE(k);
    CHECK(knn_predict(cpu, train, test, {.k = k}) == brute_force(train, test, k, 0.07));
  }
  CHECK(knn_predict(cpu, train, test, {.k = 50, .temperature = 1}) == brute_force(train, test, 50, 1));
}

TEST_CASE("k-NN of well separated classes is perfect, of shuffled labels it is chance") {
  const Features train = clouds(600, 20, 5, 20, 1), test = clouds(400, 20, 5, 20, 2);
  CHECK(knn_accuracy(train, test) == 1);
  const double luck = knn_accuracy(with_shuffled_labels(train, 3), test);
  CHECK(luck == doctest::Approx(0.2).epsilon(0.5));
}

TEST_CASE("k-NN compares angles: the length of a feature does not count, and a feature finds itself") {
  const Features train = clouds(200, 8, 5, 0, 1);
  Features longer = train;
  for (int i = 0; i < longer.count; ++i)
    for (int d = 0; d < longer.dim; ++d) longer.row(i)[d] *= static_cast<float>(1 + i % 7);
  CHECK(knn_accuracy(train, longer, {.k = 1}) == 1);
}

TEST_CASE("of equally similar neighbours the first counts, and of equal votes the smaller class") {
  Features train, test;
  train.count = 4, train.dim = 2, train.values = {1, 0, 1, 0, 1, 0, 0, 1}, train.labels = {2, 1, 1, 0};
  test.count = 1, test.dim = 2, test.values = {3, 0}, test.labels = {2};
  Cpu cpu;
  CHECK(knn_predict(cpu, train, test, {.k = 1}) == std::vector<int>{2});
  CHECK(knn_predict(cpu, train, test, {.k = 2}) == std::vector<int>{1});
}

TEST_CASE("k-NN and the probe refuse what cannot be answered, in words") {
  Features good = clouds(30, 4, 3, 1, 1), unlabelled = good, broken = good, narrow = clouds(30, 3, 3, 1, 1);
  unlabelled.labels[7] = -1;
  broken.values[5] = std::nanf("");
  CHECK_THROWS_WITH_AS(knn_accuracy(good, good, {.k = 31}), doctest::Contains("found 31; choose a k"), ConfigError);
  CHECK_THROWS_AS(knn_accuracy(good, good, {.k = 0}), ConfigError);
  CHECK_THROWS_WITH_AS(knn_accuracy(good, good, {.k = 3, .temperature = 0}), doctest::Contains("positive, found 0.0"), ConfigError);
  CHECK_THROWS_WITH_AS(knn_accuracy(unlabelled, good), doctest::Contains("without one"), ConfigError);
  CHECK_THROWS_WITH_AS(linear_probe(good, unlabelled), doctest::Contains("without one"), ConfigError);
  CHECK_THROWS_WITH_AS(linear_probe(good, narrow), doctest::Contains("same encoder"), ConfigError);
  CHECK_THROWS_AS(linear_probe(broken, good), NumericError);
  CHECK_THROWS_WITH_AS(linear_probe(good, good, {.weight_decays = {-1}}), doctest::Contains("negative, found -1.0"), ConfigError);
  CHECK_THROWS_WITH_AS(linear_probe(good, good, {.weight_decays = {}}), doctest::Contains("found none; give one"), ConfigError);
  CHECK_THROWS_WITH_AS(linear_probe(good, good, {.held_out = 1}), doctest::Contains("between 0 and 1, found 1.0"), ConfigError);
  CHECK_THROWS_AS(knn_accuracy(Features{}, good), ConfigError);
}

TEST_CASE("the solver reaches the minimum of a quadratic, and of Rosenbrock's valley") {
  std::vector<double> x(50, 1.0);
  const auto bowl = [](const std::vector<double>& at, std::vector<double>& gradient) {
    double sum = 0;
    for (std::size_t i = 0; i < at.size(); ++i) {
      const double stiff = 1 + 20.0 * static_cast<double>(i), off = at[i] - static_cast<double>(i);
      gradient[i] = stiff * off, sum += 0.5 * stiff * off * off;
    }
    return sum;
  };
  CHECK(minimise(x, bowl, {.tolerance = 1e-10}).converged);
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(x[i] == doctest::Approx(static_cast<double>(i)).epsilon(1e-6));
  std::vector<double> y = {-1.2, 1};
  const auto valley = [](const std::vector<double>& at, std::vector<double>& gradient) {
    const double a = 1 - at[0], b = at[1] - at[0] * at[0];
    gradient = {-2 * a - 400 * at[0] * b, 200 * b};
    return a * a + 100 * b * b;
  };
  const LbfgsResult found = minimise(y, valley, {.tolerance = 1e-9});
  CHECK(found.converged);
  CHECK(y[0] == doctest::Approx(1));
  CHECK(y[1] == doctest::Approx(1));
}

TEST_CASE("the regression's gradient is that of its value") {
  Cpu cpu;
  const Features features = clouds(300, 6, 4, 1, 1);
  SoftmaxRegression regression(cpu, features, 4);
  std::vector<double> x(regression.size()), gradient(x.size()), unused(x.size());
  Random random(9);
  for (double& v : x) v = 0.3 * random.normal();
  regression(x, gradient, 0.1);
  const double h = 1e-2;  // logits are floats: a wide step, and the error of second order stays small
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::vector<double> up = x, down = x;
    up[i] += h, down[i] -= h;
    const double slope = (regression(up, unused, 0.1) - regression(down, unused, 0.1)) / (2 * h);
    CHECK(gradient[i] == doctest::Approx(slope).epsilon(1e-3).scale(0.1));
  }
}

TEST_CASE("the probe reaches the known optimum of a problem with one number") {
  // Two classes at +-1, three quarters right. By symmetry the weights are (-w, w) with no bias, and the loss is
  // 3/4 log(1 + e^-2w) + 1/4 log(1 + e^2w) + decay w^2: its derivative is zero at the optimum.
  const double decay = 0.05;
  Cpu cpu;
  const Features train = points({1, -1, 1, -1, 1, -1, -1, 1}, {1, 0, 1, 0, 1, 0, 1, 0});
  SoftmaxRegression regression(cpu, train, 2);
  std::vector<double> x(regression.size());
  const LbfgsResult found =
      minimise(x, [&](const auto& at, auto& gradient) { return regression(at, gradient, decay); }, {.tolerance = 1e-6});
  double low = 0, high = 10;
  for (int i = 0; i < 100; ++i) {
    const double w = (low + high) / 2, s = 1 / (1 + std::exp(2 * w));
    (2 * (-0.75 * s + 0.25 * (1 - s)) + 2 * decay * w < 0 ? low : high) = w;
  }
  CHECK(found.converged);
  CHECK(x[1] == doctest::Approx(low).epsilon(1e-4));
  CHECK(x[0] == doctest::Approx(-low).epsilon(1e-4));
  CHECK(std::abs(x[2]) + std::abs(x[3]) < 1e-4);
}

TEST_CASE("at the probe's solution the gradient is small, whatever the weight decay") {
  Cpu cpu;
  const Features train = clouds(500, 40, 5, 1.5, 1), test = clouds(300, 40, 5, 1.5, 2);
  for (const double decay : {10.0, 0.1, 0.001}) {
    const LinearProbeResult result = linear_probe(cpu, train, test, {.weight_decays = {decay}});
    CAPTURE(decay);
    CHECK(result.solver.converged);
    CHECK(result.solver.gradient_norm < 1e-3);
    CHECK(result.chosen_weight_decay == decay);
    CHECK(result.held_out_accuracy == 0);
  }
}

TEST_CASE("the probe separates what is separable, generalises, and is at chance on shuffled labels") {
  const Features train = clouds(500, 30, 5, 12, 1), test = clouds(300, 30, 5, 12, 2);
  const LinearProbeResult right = linear_probe(train, test);
  CHECK(right.accuracy == 1);
  CHECK(right.train_accuracy == 1);
  CHECK(right.predictions == test.labels);
  const LinearProbeResult overlapping = linear_probe(clouds(500, 30, 5, 2, 1), clouds(300, 30, 5, 2, 2));
  CHECK(overlapping.accuracy > 0.5);
  CHECK(overlapping.accuracy < 1);
  CHECK(linear_probe(with_shuffled_labels(train, 3), test).accuracy == doctest::Approx(0.2).epsilon(0.5));
}

TEST_CASE("the probe does not care about the features' scales and offsets, nor about a constant column") {
  Features train = clouds(300, 10, 3, 2, 1), test = clouds(200, 10, 3, 2, 2);
  const LinearProbeResult before = linear_probe(train, test);
  for (Features* features : {&train, &test})
    for (int i = 0; i < features->count; ++i)
      for (int d = 0; d < features->dim; ++d) {
        float& x = features->row(i)[d];
        x = d == 9 ? 5.0f : x * static_cast<float>(1 << d) + static_cast<float>(d);
      }
  Features without = clouds(300, 10, 3, 2, 1), test_without = clouds(200, 10, 3, 2, 2);
  for (Features* features : {&without, &test_without})
    for (int i = 0; i < features->count; ++i) features->row(i)[9] = 0;
  const LinearProbeResult after = linear_probe(train, test);
  CHECK(after.accuracy == doctest::Approx(linear_probe(without, test_without).accuracy).epsilon(0.02));
  CHECK(after.accuracy > before.accuracy - 0.1);
}

TEST_CASE("weight decay is chosen on training features alone, and a useful one is found among bad ones") {
  const Features train = clouds(60, 200, 3, 3, 1), test = clouds(300, 200, 3, 3, 2);
  const LinearProbeConfig config{.weight_decays = {1e6, 0.1}};
  const LinearProbeResult result = linear_probe(train, test, config);
  CHECK(result.chosen_weight_decay == 0.1);
  CHECK(result.held_out_accuracy > 0.4);
  const LinearProbeResult other = linear_probe(train, with_shuffled_labels(test, 5), config);
  CHECK(other.chosen_weight_decay == result.chosen_weight_decay);
  CHECK(other.held_out_accuracy == result.held_out_accuracy);
  CHECK(other.predictions == result.predictions);
}

TEST_CASE("what is held out is a share of each class, and nothing is in both parts") {
  Features train = clouds(50, 2, 3, 1, 1);  // 17, 17 and 16
  for (int i = 0; i < 50; ++i) train.row(i)[0] = static_cast<float>(i);
  const detail::FeatureSplit split = detail::hold_out(train, 3, 0.2, Random(1));
  CHECK(split.held_out.count == 9);
  CHECK(split.fit.count == 41);
  std::vector<int> seen(50), of_class(3);
  for (const Features* part : {&split.fit, &split.held_out})
    for (int i = 0; i < part->count; ++i) {
      const int image = static_cast<int>(part->row(i)[0]);
      ++seen[static_cast<std::size_t>(image)];
      CHECK(part->labels[static_cast<std::size_t>(i)] == train.labels[static_cast<std::size_t>(image)]);
    }
  for (const int label : split.held_out.labels) ++of_class[static_cast<std::size_t>(label)];
  CHECK(seen == std::vector<int>(50, 1));
  CHECK(of_class == std::vector<int>{3, 3, 3});
}

TEST_CASE("of two to four images of a class one is held out, of one none; where none can be, the first weight decay is taken") {
  Features few = clouds(10, 4, 3, 9, 1);  // 4, 3 and 3
  few.labels.back() = 3;                  // one of these
  const detail::FeatureSplit split = detail::hold_out(few, 4, 0.2, Random(1));
  CHECK(split.held_out.count == 3);
  CHECK(std::count(split.held_out.labels.begin(), split.held_out.labels.end(), 3) == 0);
  CHECK(linear_probe(few, few).held_out_accuracy > 0);
  const Features single = clouds(3, 4, 3, 9, 1);
  const LinearProbeResult result = linear_probe(single, single);
  CHECK(result.chosen_weight_decay == 10);
  CHECK(result.held_out_accuracy == 0);
  CHECK(result.accuracy == 1);
}

TEST_CASE("standardised columns have mean zero and deviation one, by the statistics of the other set") {
  Features train = clouds(400, 3, 2, 1, 1), test = clouds(400, 3, 2, 1, 2);
  for (int i = 0; i < 400; ++i) train.row(i)[1] = 1e6f, train.row(i)[2] = 7 + 3 * train.row(i)[2];
  const Features before = train;
  const Standardisation scale(train);
  scale.standardise(train);
  double mean = 0, square = 0;
  for (int i = 0; i < 400; ++i)
    mean += static_cast<double>(train.row(i)[2]) / 400, square += std::pow(train.row(i)[2], 2) / 400;
  CHECK(mean == doctest::Approx(0).scale(1));
  CHECK(square == doctest::Approx(1).epsilon(1e-4));
  CHECK(train.row(5)[1] == 0);
  test.row(0)[2] = before.row(3)[2];
  scale.standardise(test);
  CHECK(test.row(0)[2] == train.row(3)[2]);
}

TEST_CASE("accuracy, confusion and balance agree with counting by hand") {
  const std::vector<int> labels = {0, 0, 0, 0, 1, 1, 2}, said = {0, 0, 0, 1, 1, 2, 2};
  CHECK(accuracy(said, labels) == doctest::Approx(5.0 / 7));
  CHECK(majority_share(labels) == doctest::Approx(4.0 / 7));
  const ConfusionMatrix matrix = confusion_matrix(said, labels, 4);
  CHECK(matrix.at(0, 1) == 1);
  CHECK(matrix.at(1, 0) == 0);
  CHECK(matrix.at(1, 2) == 1);
  CHECK(matrix.accuracy_of(0) == 0.75);
  CHECK(std::isnan(matrix.accuracy_of(3)));
  CHECK(matrix.balanced_accuracy() == doctest::Approx((0.75 + 0.5 + 1) / 3));
  CHECK(std::accumulate(matrix.counts.begin(), matrix.counts.end(), 0) == 7);
  CHECK_THROWS_AS(confusion_matrix(said, labels, 2), ShapeError);
  CHECK_THROWS_AS(accuracy({}, {}), ShapeError);
  CHECK_THROWS_AS(accuracy({1}, {1, 2}), ShapeError);
}

TEST_CASE("the spread of runs is the sample's, and one run has none") {
  const Spread spread = spread_of({1, 2, 3, 6});
  CHECK(spread.mean == 3);
  CHECK(spread.deviation == doctest::Approx(std::sqrt(14.0 / 3)));
  CHECK(spread.standard_error == doctest::Approx(std::sqrt(14.0 / 3) / 2));
  CHECK(spread_of({5}).deviation == 0);
  CHECK(accuracy_error(0.5, 100) == doctest::Approx(0.05));
}

TEST_SUITE("threads") {
  TEST_CASE("k-NN and the probe give the same bits with one, two and three threads") {
    const Features train = clouds(700, 24, 4, 1.5, 1), test = clouds(200, 24, 4, 1.5, 2);
    std::vector<int> neighbours, probed;
    LbfgsResult solver{};
    for (const int threads : {1, 2, 3}) {
      Cpu cpu(threads);
      const std::vector<int> found = knn_predict(cpu, train, test);
      const LinearProbeResult result = linear_probe(cpu, train, test);
      if (threads == 1) neighbours = found, probed = result.predictions, solver = result.solver;
      CHECK(found == neighbours);
      CHECK(result.predictions == probed);
      CHECK(result.solver.value == solver.value);
      CHECK(result.solver.gradient_norm == solver.gradient_norm);
      CHECK(result.solver.iterations == solver.iterations);
    }
  }
}
