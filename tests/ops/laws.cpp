// What ops promise apart from their gradients: identities between them, and results computed another way.
#include "support/ops.hpp"
#include "vitrail/ops/attention.hpp"
#include "vitrail/ops/channels.hpp"
#include "vitrail/ops/cross_entropy.hpp"
#include "vitrail/ops/info_nce.hpp"
#include "vitrail/ops/layer_norm.hpp"
#include "vitrail/ops/linear.hpp"
#include "vitrail/ops/matmul.hpp"
#include "vitrail/ops/normalize.hpp"
#include "vitrail/ops/patchify.hpp"
#include "vitrail/ops/softmax.hpp"
#include "vitrail/ops/squared_error.hpp"
#include "vitrail/ops/tokens.hpp"

using namespace vitrail;

namespace {

template <class A, class B> double dot(const A& a, const B& b) {
  double out = 0;
  for (std::int64_t i = 0; i < a.shape.size(); ++i) out += static_cast<double>(a.at[i] * b.at[i]);
  return out;
}

}  // namespace

TEST_SUITE_BEGIN("ops");

TEST_CASE_TEMPLATE("rows of softmax are positive, sum to one and ignore a shift", T, float, double) {
  Bench<T> bench;
  const double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-14;
  const auto x = bench.template random<dyn, 3, 37>(4);
  const auto y = softmax(x), total = softmax(x + 100.0);
  for (std::int64_t i = 0; i < y.shape.size(); ++i) CHECK(y.at[i] > 0);
  for (const double sum : numbers(sum_last(y))) CHECK(sum == doctest::Approx(1).epsilon(tolerance));
  CHECK(apart(numbers(y), numbers(total)) < 20 * tolerance);
}
TEST_CASE_TEMPLATE("softmax survives logits of a thousand", T, float, double) {
  Bench<T> bench;
  const auto x = make_tensor<Shape<1, 3>, T>(bench.memory);
  x.at[0] = 1000, x.at[1] = 1000, x.at[2] = -1000;
  CHECK(numbers(softmax(x)) == std::vector<double>{0.5, 0.5, 0});
}
TEST_CASE_TEMPLATE("layer_norm's rows have mean 0 and variance 1, whatever the scale and shift", T, float, double) {
  Bench<T> bench;
  Weights<T, Shape<50>, Shape<50>> weights(bench.device);
  std::fill_n(weights.model.values(), 50, T(1));
  std::fill_n(weights.model.values() + 50, 50, T(0));
  const auto x = 30.0 * bench.template random<dyn, 4, 50>(3) + 7.0;
  const auto y = layer_norm(x, weights.template get<0>(), weights.template get<1>());
  const double tolerance = std::is_same_v<T, float> ? 1e-5 : 1e-8;  // eps 1e-6 against a variance of 900
  for (const double m : numbers(mean_last(y))) CHECK(std::abs(m) < tolerance);
  for (const double v : numbers(mean_last(y * y))) CHECK(std::abs(v - 1) < tolerance);
}
TEST_CASE("gather and scatter are adjoint: <gather(x), y> = <x, scatter(y)>") {
  Bench<double> bench;
  for (const bool distinct : {true, false}) {
    const auto index = bench.indices<5>(4, 9, distinct);
    const auto x = bench.random<dyn, 9, 3>(4, 1);
    const auto y = bench.random<dyn, 5, 3>(4, 2);
    CHECK(dot(gather(x, index), y) == doctest::Approx(dot(x, scatter<9>(y, index))).epsilon(1e-13));
  }
}
TEST_CASE("gathering what was scattered gives it back, and gathering ids follows the same places") {
  Bench<double> bench;
  const auto index = bench.indices<4>(3, 7);
  const auto x = bench.random<dyn, 4, 2>(3);
  CHECK(numbers(gather(scatter<7>(x, index), index)) == numbers(x));
  const auto places = bench.indices<7>(3, 7);  // ascending: 0 .. 6
  const Tensor<Shape<dyn, 7>, Cpu, int> ids{places.at, &bench.memory, places.shape};
  CHECK(numbers(gather(ids, index)) == std::vector<double>(index.at, index.at + 12));
}
TEST_CASE("chosen patches with their places are chosen among all patches with theirs") {
  Bench<double> bench;
  Weights<double, Shape<9, 12>> weights(bench.device);
  for (const bool distinct : {true, false}) {
    const auto index = bench.indices<5>(4, 9, distinct);
    const auto images = bench.random<dyn, 3, 6, 6>(4);
    CHECK(numbers(patchify<2>(images, index)) == numbers(gather(patchify<2>(images), index)));
    CHECK(numbers(patchify<2, 2>(images, index)) == numbers(gather(patchify<2, 2>(images), index)));
    const auto all = add_table(patchify<2>(images), weights.get<0>());
    CHECK(numbers(add_places(patchify<2>(images, index), weights.get<0>(), index)) == numbers(gather(all, index)));
  }
}
TEST_CASE("gather with a lead counts behind the class token") {
  Bench<double> bench;
  const auto index = bench.indices<4>(3, 6);
  const auto x = bench.random<dyn, 7, 2>(3);
  CHECK(numbers(gather<1>(x, index)) == numbers(gather(slice_tokens<1, 6>(x), index)));
}
TEST_CASE("slices undo concat") {
  Bench<double> bench;
  const auto a = bench.random<dyn, 2, 3>(4, 1);
  const auto b = bench.random<dyn, 5, 3>(4, 2);
  const auto both = concat(a, b);
  CHECK(numbers(slice_tokens<0, 2>(both)) == numbers(a));
  CHECK(numbers(slice_tokens<2, 5>(both)) == numbers(b));
}
TEST_CASE("matmul_transposed(a, b) is matmul(a, b^T), and matmul is a sum of products") {
  Bench<double> bench;
  const auto a = bench.random<dyn, 3, 6>(2, 1);
  const auto b = bench.random<dyn, 5, 6>(2, 2);
  const auto bt = make_tensor<Shape<dyn, 6, 5>, double>(bench.memory, Shape<dyn, 6, 5>(2));
  for (int g = 0; g < 2; ++g)
    for (int i = 0; i < 5; ++i)
      for (int k = 0; k < 6; ++k) bt.at[(g * 6 + k) * 5 + i] = b.at[(g * 5 + i) * 6 + k];
  const auto y = matmul(a, bt);
  CHECK(apart(numbers(matmul_transposed(a, b)), numbers(y)) < 1e-14);
  double entry = 0;
  for (int k = 0; k < 6; ++k) entry += a.at[(1 * 3 + 2) * 6 + k] * bt.at[(1 * 6 + k) * 5 + 4];
  CHECK(y.at[(1 * 3 + 2) * 5 + 4] == doctest::Approx(entry).epsilon(1e-14));
}
TEST_CASE("fused attention is softmax(Q K^T / sqrt(Dh)) V, head by head") {
  Bench<double> bench;
  constexpr int N = 7, H = 3, Dh = 4, D = H * Dh;
  const auto qkv = bench.random<dyn, N, 3 * D>(2);
  const auto fused = attention<H>(qkv);
  for (int h = 0; h < H; ++h) {
    Tensor<Shape<dyn, N, Dh>, Cpu, double> part[3];
    for (int p = 0; p < 3; ++p) {
      part[p] = make_tensor<Shape<dyn, N, Dh>, double>(bench.memory, Shape<dyn, N, Dh>(2));
      for (int i = 0; i < 2 * N; ++i) std::copy_n(qkv.at + i * 3 * D + p * D + h * Dh, Dh, part[p].at + i * Dh);
    }
    const auto y = matmul(softmax(0.5 * matmul_transposed(part[0], part[1])), part[2]);
    for (int i = 0; i < 2 * N; ++i)
      for (int d = 0; d < Dh; ++d) CHECK(fused.at[i * D + h * Dh + d] == doctest::Approx(y.at[i * Dh + d]).epsilon(1e-13));
  }
}
TEST_CASE("attention follows a permutation of its tokens, and one token attends to itself") {
  Bench<double> bench;
  const auto qkv = bench.random<dyn, 6, 12>(3);
  const auto order = bench.indices<6>(3, 6, true);
  for (int b = 0; b < 3; ++b) Random(5).stream(static_cast<std::uint64_t>(b)).shuffle(order.row(b), 6);
  CHECK(apart(numbers(attention<2>(gather(qkv, order))), numbers(gather(attention<2>(qkv), order))) < 1e-14);
  const auto one = bench.random<dyn, 1, 12>(3);
  const auto y = attention<2>(one);
  for (int b = 0; b < 3; ++b)
    for (int d = 0; d < 4; ++d) CHECK(y.at[b * 4 + d] == doctest::Approx(one.at[b * 12 + 8 + d]).epsilon(1e-15));
}
TEST_CASE("complete puts seen tokens where they belong, and the mask token at its place elsewhere") {
  Bench<float> bench;  // on a fresh device: its working memory must suffice for floats as well
  Weights<float, Shape<2>, Shape<9, 2>> weights(bench.device);
  const auto x = bench.random<dyn, 4, 2>(40);
  const auto seen = bench.indices<3>(40, 9);
  const auto var = bench.tape.differentiable_input(x);
  const auto y = complete<1>(var, weights.get<0>(), weights.get<1>(), seen);
  const float *token = weights.model.values() + 18, *places = weights.model.values();
  for (int b = 0; b < 40; ++b)
    for (int d = 0; d < 2; ++d) {
      CHECK(y.data()[b * 20 + d] == x.at[b * 8 + d]);
      for (int n = 0; n < 9; ++n) {
        const int* found = std::find(seen.row(b), seen.row(b) + 3, n);
        const auto j = found - seen.row(b);
        const float wanted = j < 3 ? x.at[b * 8 + 2 + j * 2 + d] : token[d] + places[n * 2 + d];
        CHECK(y.data()[b * 20 + 2 + n * 2 + d] == wanted);
      }
    }
  bench.tape.backward(sum(y));
  CHECK(weights.model.gradients()[18] == 40.0f * 6);  // one for every hidden token
  CHECK(std::all_of(var.grad(), var.grad() + 320, [](float g) { return g == 1; }));
}
TEST_CASE("prepend and mean_tokens are what they say") {
  Bench<double> bench;
  Weights<double, Shape<3>, Shape<3>> weights(bench.device);
  const auto x = bench.random<dyn, 4, 3>(2);
  const auto y = prepend(x, weights.get<0>(), weights.get<1>());
  const double* p = weights.model.values();
  for (int d = 0; d < 3; ++d) CHECK(y.at[15 + d] == p[d] + p[3 + d]);
  CHECK(numbers(slice_tokens<1, 4>(y)) == numbers(x));
  double mean = 0;
  for (int n = 0; n < 4; ++n) mean += x.at[12 + n * 3 + 1] / 4;
  CHECK(mean_tokens(x).at[4] == doctest::Approx(mean).epsilon(1e-14));
  CHECK(apart(numbers(mean_tokens<1>(y)), numbers(mean_tokens(x))) < 1e-15);
}
TEST_CASE("a dropped branch is kept or gone for a whole sample, and right on average") {
  Bench<double> bench;
  constexpr int samples = 20000;
  const auto x = bench.random<dyn, 2>(samples, 1), branch = bench.random<dyn, 2>(samples, 2);
  bench.tape.reset(77);
  const auto y = add_dropped(bench.tape.input(x), bench.tape.input(branch), 0.25);
  int dropped = 0;
  for (int b = 0; b < samples; ++b) {
    const double factor = (y.data()[2 * b] - x.at[2 * b]) / branch.at[2 * b];
    CHECK((std::abs(factor) < 1e-6 || std::abs(factor - 4.0 / 3) < 1e-6));
    dropped += factor < 0.5;
    const double wanted = x.at[2 * b + 1] + (factor < 0.5 ? 0 : 4.0 / 3) * branch.at[2 * b + 1];
    CHECK(y.data()[2 * b + 1] == doctest::Approx(wanted).epsilon(1e-9));
  }
  CHECK(std::abs(dropped - samples / 4) < 245);  // four standard deviations of sqrt(n p (1 - p)) = 61
  const auto again = add_dropped(bench.tape.input(x), bench.tape.input(branch), 0.25);
  CHECK(numbers(again) != numbers(y));  // every call draws anew ...
  bench.tape.reset(77);
  CHECK(numbers(add_dropped(bench.tape.input(x), bench.tape.input(branch), 0.25)) == numbers(y));  // ... but the step repeats
  CHECK(numbers(add_dropped(x, branch, 0.25)) == numbers(x + branch));                             // evaluation drops nothing
  CHECK(numbers(add_dropped(bench.tape.input(x), bench.tape.input(branch), 0.0)) == numbers(x + branch));
  CHECK(numbers(add_dropped(bench.tape.input(x), bench.tape.input(branch), 1.0)) == numbers(x));
}
TEST_CASE("InfoNCE of identical descriptors is the logarithm of the number of candidates") {
  Bench<double> bench;
  const auto z = make_tensor<Shape<dyn, 3>, double>(bench.memory, Shape<dyn, 3>(14));
  std::fill_n(z.at, 42, 0.5);
  CHECK(*info_nce(z).loss.at == doctest::Approx(std::log(7)).epsilon(1e-14));  // the opposite branch: B
  CHECK(*info_nce(z, {.both_branches = true}).loss.at == doctest::Approx(std::log(13)).epsilon(1e-14));
}
TEST_CASE("InfoNCE of pairs far from all others is nearly zero, and of one pair exactly zero") {
  Bench<double> bench;
  const auto z = make_tensor<Shape<dyn, 8>, double>(bench.memory, Shape<dyn, 8>(8));
  for (int r = 0; r < 8; ++r)
    for (int d = 0; d < 8; ++d) z.at[r * 8 + d] = r / 2 == d ? 1 : 0;
  const auto far = info_nce(z, {.temperature = 0.05});
  CHECK(*far.loss.at == doctest::Approx(std::log1p(3 * std::exp(-20))).epsilon(1e-9));
  CHECK(*far.accuracy.at == 1);
  for (int r = 1; r < 8; r += 2)  // each meets another's pair
    for (int d = 0; d < 8; ++d) z.at[r * 8 + d] = (r / 2 + 1) % 4 == d ? 1 : 0;
  CHECK(*info_nce(z).accuracy.at == 0);
  CHECK(*info_nce(bench.random<dyn, 8>(2)).loss.at == 0);
}
TEST_CASE("cross-entropy of equal logits is log K, and one-hot probabilities are the same as labels") {
  Bench<double> bench;
  const auto logits = bench.random<dyn, 3, 5>(2);
  const auto labels = bench.indices<3>(2, 5, false);
  const Tensor<Shape<dyn, 3>, Cpu, int> target{labels.at, &bench.memory, labels.shape};
  const auto hot = make_tensor<Shape<dyn, 3, 5>, double>(bench.memory, Shape<dyn, 3, 5>(2));
  std::fill_n(hot.at, 30, 0.0);
  for (int i = 0; i < 6; ++i) hot.at[i * 5 + labels.at[i]] = 1;
  CHECK(*cross_entropy(logits, target).at == doctest::Approx(*cross_entropy(logits, hot).at).epsilon(1e-14));
  CHECK(*cross_entropy(0.0 * logits, target).at == doctest::Approx(std::log(5)).epsilon(1e-14));
  CHECK(*cross_entropy(logits, target).at == *cross_entropy(logits, labels).at);
}
TEST_CASE("cross-entropy of mixed and smoothed labels is that of the probabilities they stand for, far beyond the range of exp") {
  Bench<double> bench;
  const auto logits = bench.random<dyn, 5>(6);
  for (int k = 0; k < 5; ++k) logits.at[k] = 1000.0 * (k % 2);
  const auto own = bench.indices<1>(6, 5, false, 1), other = bench.indices<1>(6, 5, false, 2);
  const auto target = make_tensor<Shape<dyn, 5>, double>(bench.memory, Shape<dyn, 5>(6));
  for (const TargetMix mix : {TargetMix{}, TargetMix{0.3, 0}, TargetMix{1, 0.1}, TargetMix{0.3, 0.1}}) {
    std::fill_n(target.at, 30, mix.smoothing / 5);
    for (int i = 0; i < 6; ++i) target.at[i * 5 + own.at[i]] += (1 - mix.smoothing) * mix.share;
    for (int i = 0; i < 6; ++i) target.at[i * 5 + other.at[i]] += (1 - mix.smoothing) * (1 - mix.share);
    CHECK(*cross_entropy(logits, own, other, mix).at == doctest::Approx(*cross_entropy(logits, target).at).epsilon(1e-13));
  }
  CHECK(*cross_entropy(logits, own, other, TargetMix{}).at == doctest::Approx(*cross_entropy(logits, own).at).epsilon(1e-13));
  // Of three classes of five: as if there were no others.
  const auto three = make_tensor<Shape<dyn, 3>, double>(bench.memory, Shape<dyn, 3>(6));
  for (int i = 0; i < 18; ++i) three.at[i] = logits.at[i / 3 * 5 + i % 3];
  const auto first = bench.indices<1>(6, 3, false, 1), second = bench.indices<1>(6, 3, false, 2);
  const double used = *cross_entropy(logits, first, second, TargetMix{0.3, 0.1, 3}).at;
  CHECK(used == doctest::Approx(*cross_entropy(three, first, second, TargetMix{0.3, 0.1}).at).epsilon(1e-13));
  CHECK_THROWS_WITH_AS(cross_entropy(logits, first, second, TargetMix{1, 0, 6}), "cross_entropy: expected 1 to 5 classes, those of the logits, found 6",
                       ShapeError);
}
TEST_CASE("cosine lies between -1 and 1, is 1 with itself, and squared_error is a mean") {
  Bench<double> bench;
  const auto a = bench.random<dyn, 4, 9>(3, 1), b = bench.random<dyn, 4, 9>(3, 2);
  for (const double c : numbers(cosine(a, b))) CHECK(std::abs(c) < 1);
  for (const double c : numbers(cosine(a, 3.0 * a))) CHECK(c == doctest::Approx(1).epsilon(1e-14));
  for (const double c : numbers(cosine(a, -a))) CHECK(c == doctest::Approx(-1).epsilon(1e-14));
  CHECK(*squared_error(a, b).at == doctest::Approx(*mean((a - b) * (a - b)).at).epsilon(1e-14));
  CHECK(*squared_error(a, a).at == 0);
}
TEST_CASE("normalize leaves a zero row zero") {
  Bench<double> bench;
  const auto x = 0.0 * bench.random<dyn, 5>(2);
  CHECK(numbers(normalize(x)) == numbers(x));
}
TEST_CASE("standardized rows have mean zero and a sample's variance one, whatever their brightness and contrast") {
  Bench<double> bench;
  const auto x = bench.random<dyn, 3, 7>(2);
  const auto y = standardize(x, 0);
  for (int r = 0; r < 6; ++r) {
    double sum = 0, squares = 0;
    for (int i = 0; i < 7; ++i) sum += y.at[r * 7 + i], squares += y.at[r * 7 + i] * y.at[r * 7 + i];
    CHECK(std::abs(sum) < 1e-13);
    CHECK(squares == doctest::Approx(6).epsilon(1e-13));
  }
  CHECK(apart(numbers(standardize(3.0 * x + 5.0, 0)), numbers(y)) < 1e-13);
  for (const double v : numbers(standardize(0.0 * x + 2.0))) CHECK(v == 0);  // a patch of one colour
}
TEST_CASE("the nearest code is the one that a plain search finds, over more rows than one tile") {
  Bench<double> bench;
  Weights<double, Shape<11, 6>> codes(bench.device);
  const auto x = bench.random<dyn, 50, 6>(3) + 2.0;
  for (const bool centred : {false, true}) {
    const auto ids = nearest_code(x, codes.get<0>(), centred);
    for (int r = 0; r < 150; ++r) {
      double mean = 0, best = -INFINITY;
      int found = -1;
      for (int d = 0; d < 6; ++d) mean += x.at[r * 6 + d] / 6;
      for (int k = 0; k < 11; ++k) {
        double score = 0;
        for (int d = 0; d < 6; ++d) score += (x.at[r * 6 + d] - (centred ? mean : 0)) * codes.model.values()[k * 6 + d];
        if (score > best) best = score, found = k;
      }
      CHECK(ids.at[r] == found);
    }
  }
}
TEST_CASE("a centred nearest code ignores brightness; equal codes give the first") {
  Bench<double> bench;
  Weights<double, Shape<11, 6>> codes(bench.device);
  const auto x = bench.random<dyn, 5, 6>(3);
  CHECK(numbers(nearest_code(x, codes.get<0>(), true)) == numbers(nearest_code(x + 5.0, codes.get<0>(), true)));
  std::fill_n(codes.model.values(), 66, 1.0);
  for (std::int64_t i = 0; i < x.shape.size(); ++i) x.at[i] = static_cast<double>(i % 7);  // whole numbers: equal in any order of adding
  for (const double id : numbers(nearest_code(x, codes.get<0>()))) CHECK(id == 0);
}
TEST_CASE("patchify lists patches by rows, and a patch's pixels by channel, row and column") {
  Bench<float> bench;
  const auto images = make_tensor<Shape<dyn, 2, 6, 6>, float>(bench.memory, Shape<dyn, 2, 6, 6>(2));
  for (int i = 0; i < 144; ++i) images.at[i] = static_cast<float>(i);
  const auto y = patchify<3>(images);
  const auto small = patchify<6, 3>(images);
  int at = 0;
  for (int b = 0; b < 2; ++b)
    for (int n = 0; n < 4; ++n)
      for (int c = 0; c < 2; ++c)
        for (int i = 0; i < 3; ++i)
          for (int j = 0; j < 3; ++j) CHECK(y.at[at++] == ((b * 2 + c) * 6 + n / 2 * 3 + i) * 6 + n % 2 * 3 + j);
  CHECK(small.shape.leading() == 2);
  CHECK(last_extent<decltype(small.shape)> == 8);
  for (int k = 0; k < 16; ++k) {  // the mean of a 3 x 3 square is its middle pixel
    const int image = k / 8, c = k / 4 % 2, i = k / 2 % 2, j = k % 2;
    CHECK(small.at[k] == doctest::Approx(images.at[((image * 2 + c) * 6 + i * 3 + 1) * 6 + j * 3 + 1]).epsilon(1e-6));
  }
}
TEST_CASE("unfolded sequences are the halves of each, without a copy") {
  Bench<double> bench;
  const auto x = bench.random<dyn, 6, 2>(3);
  const auto halves = unfold<2>(x);
  CHECK(halves.shape.leading() == 6);
  CHECK(halves.at == x.at);
  const auto index = bench.indices<6>(3, 9);
  CHECK(unfold<2>(index).row(3) == index.row(1) + 3);
  CHECK(unfold<3>(index).shape.leading() == 9);
}
TEST_CASE("a linear map with a residual is the sum of both, and a table is added to every row") {
  Bench<double> bench;
  Weights<double, Shape<3, 5>, Shape<3>> weights(bench.device);
  const auto x = bench.random<dyn, 4, 5>(2, 1);
  const auto r = bench.random<dyn, 4, 3>(2, 2);
  const auto y = linear(x, weights.get<0>(), weights.get<1>());
  CHECK(apart(numbers(linear(x, weights.get<0>(), weights.get<1>(), r)), numbers(y + r)) < 1e-14);
  const double* bias = weights.model.values() + 15;
  const auto shifted = add_table(r, weights.get<1>()), scaled = scale_channels(r, weights.get<1>());
  for (int i = 0; i < 24; ++i) {
    CHECK(shifted.at[i] == r.at[i] + bias[i % 3]);
    CHECK(scaled.at[i] == r.at[i] * bias[i % 3]);
  }
}
TEST_CASE("an empty batch has no loss, and its results are empty") {
  Bench<double> bench;
  const auto x = bench.random<dyn, 3, 4>(0);
  CHECK(*mean(x).at == 0);
  CHECK(*squared_error(x, x).at == 0);
  CHECK(*cross_entropy(x, x).at == 0);
  CHECK(*info_nce(bench.random<dyn, 4>(0)).loss.at == 0);
  CHECK(softmax(x).shape.size() == 0);
}

TEST_SUITE_END();
