// Ops that do the work of several in one pass: their gradients, and that they give what those give one after the other, on every
// set of instructions.
#include "support/ops.hpp"
#include "vitrail/ops/attention.hpp"
#include "vitrail/ops/gelu.hpp"
#include "vitrail/ops/gelu_linear.hpp"
#include "vitrail/ops/linear.hpp"
#include "vitrail/ops/linear_cross_entropy.hpp"
#include "vitrail/ops/norm_linear.hpp"
#include "vitrail/ops/tokens.hpp"

using namespace vitrail;

namespace {

constexpr int batches[] = {1, 5, 0};

// A pre-norm layer of two maps, and a head over 40 words.
template <class T> using Layers = Weights<T, Shape<40>, Shape<40>, Shape<72, 40>, Shape<72>, Shape<40, 72>, Shape<40>>;

struct Fused {
  template <class X> static auto layer(const auto& w, const X& x) {
    const auto inner = norm_linear(x, w.template get<0>(), w.template get<1>(), w.template get<2>(), w.template get<3>());
    return gelu_linear(inner, w.template get<4>(), w.template get<5>(), x);
  }
  static auto loss(const auto& w, const auto& x, const auto& target) {
    return linear_cross_entropy(x, w.template get<2>(), w.template get<3>(), target);
  }
};
struct Apart {
  template <class X> static auto layer(const auto& w, const X& x) {
    const auto inner = linear(layer_norm(x, w.template get<0>(), w.template get<1>()), w.template get<2>(), w.template get<3>());
    return linear(gelu(inner), w.template get<4>(), w.template get<5>(), x);
  }
  static auto loss(const auto& w, const auto& x, const auto& target) {
    return cross_entropy(linear(x, w.template get<2>(), w.template get<3>()), target);
  }
};

// The loss, the gradient of the input and those of all parameters.
template <class Way, class T> std::vector<double> step(const CpuConfig& config, int batch) {
  Bench<T> bench(config);
  Layers<T> weights(bench.device);
  const auto input = bench.template random<dyn, 9, 40>(batch, 1);
  const auto target = bench.template indices<9>(batch, 72, false);
  const auto x = bench.tape.differentiable_input(input);
  const auto loss = Way::loss(weights, Way::layer(weights, Way::layer(weights, x)), target);
  const auto scaled = 3.0 * loss;
  bench.tape.backward(scaled);
  std::vector<double> out = numbers(loss);
  for (std::int64_t i = 0; i < input.shape.size(); ++i) out.push_back(static_cast<double>(x.grad()[i]));
  for (std::int64_t i = 0; i < weights.model.trained(); ++i) out.push_back(static_cast<double>(weights.model.gradients()[i]));
  return out;
}

double largest(const std::vector<double>& x) {
  double size = 1;
  for (const double v : x) size = std::max(size, std::abs(v));
  return size;
}

// Attention's result and gradient, of sequences longer than the rows of scores that are made at once.
template <class T, int Tokens> std::vector<double> attended(const CpuConfig& config) {
  Bench<T> bench(config);
  const auto input = bench.template random<dyn, Tokens, 96>(5, 1);
  const auto x = bench.tape.differentiable_input(input);
  const auto y = attention<2>(x);
  bench.tape.backward(weighted(y));
  std::vector<double> out = numbers(y);
  for (std::int64_t i = 0; i < input.shape.size(); ++i) out.push_back(static_cast<double>(x.grad()[i]));
  return out;
}

}  // namespace

TEST_SUITE_BEGIN("ops");

TEST_CASE("gradients of a linear map of normalised rows") {
  Bench<double> bench;
  for (const int batch : batches) {
    CAPTURE(batch);
    Weights<double, Shape<5>, Shape<5>, Shape<4, 5>, Shape<4>> w(bench.device);
    const auto f = [&](const auto& x) { return norm_linear(x, w.get<0>(), w.get<1>(), w.get<2>(), w.get<3>()); };
    check_op(w, f, bench.random<dyn, 3, 5>(batch));
    const auto made = [&](const auto& x, const auto& bias) { return norm_linear(x, w.get<0>(), w.get<1>(), w.get<2>(), bias); };
    check_op(w, made, bench.random<dyn, 3, 5>(batch), bench.random<4>(0, 2));
  }
}
TEST_CASE("gradients of a linear map of gelu, with and without a residual") {
  Bench<double> bench;
  for (const int batch : batches) {
    CAPTURE(batch);
    Weights<double, Shape<4, 5>, Shape<4>> w(bench.device);
    const auto with = [&](const auto& x, const auto& r) { return gelu_linear(x, w.get<0>(), w.get<1>(), r); };
    const auto a = bench.random<dyn, 3, 5>(batch, 1);
    const auto r = bench.random<dyn, 3, 4>(batch, 2);
    check_op(w, [&](const auto& x) { return gelu_linear(x, w.get<0>(), w.get<1>()); }, a);
    check_op(w, with, a, r);
    check_op(w, [&](const auto& residual) { return with(a, residual); }, r);
  }
}
TEST_CASE("gradients of a linear head's cross-entropy, for rows of tokens and for one row an image") {
  Bench<double> bench;
  for (const int batch : batches) {
    CAPTURE(batch);
    Weights<double, Shape<7, 5>, Shape<7>> w(bench.device);
    const auto f = [&](const auto& target) {
      return [&](const auto& x) { return linear_cross_entropy(x, w.get<0>(), w.get<1>(), target); };
    };
    const auto tokens = bench.indices<3>(batch, 7, false);
    const auto one = bench.indices<1>(batch, 7, false);
    check_op(w, f(tokens), bench.random<dyn, 3, 5>(batch));
    check_op(w, f(one), bench.random<dyn, 5>(batch));
  }
}
TEST_CASE("passes that are fused give what they give apart, in double and on every set of instructions") {
  for (const int batch : {0, 1, 30}) {  // 270 rows: several tasks
    CAPTURE(batch);
    const std::vector<double> exact = step<Apart, double>({.threads = 1}, batch);
    CHECK(apart(step<Fused, double>({.threads = 2}, batch), exact) < 1e-12);
    for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
      if (isa > cpu::best_isa()) continue;
      CAPTURE(name(isa));
      CHECK(apart(step<Fused, float>({.threads = 2, .isa = isa}, batch), exact) < 2e-6 * largest(exact));
      CHECK(apart(step<Apart, float>({.threads = 2, .isa = isa}, batch), exact) < 2e-6 * largest(exact));
    }
  }
}
TEST_CASE("bfloat16 moves gradients by what its eight bits allow, with tiles for it and without") {
  const std::vector<double> exact = step<Apart, double>({.threads = 1}, 30);
  const double size = largest(exact);
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512, Isa::avx512_bf16}) {
    if (isa > cpu::best_isa()) continue;
    CAPTURE(name(isa));
    const double off = apart(step<Fused, float>({.threads = 2, .isa = isa, .precision = Precision::bf16}, 30), exact);
    CHECK(off > 1e-4 * size);  // else nothing was rounded
    CHECK(off < 2e-2 * size);
  }
}
TEST_CASE_TEMPLATE("attention is the same on every set of instructions, and near it in bfloat16", Tokens, std::integral_constant<int, 7>,
                   std::integral_constant<int, 64>, std::integral_constant<int, 131>) {
  constexpr int n = Tokens::value;
  const std::vector<double> exact = attended<double, n>({.threads = 1});
  const double size = largest(exact);
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512, Isa::avx512_bf16}) {
    if (isa > cpu::best_isa()) continue;
    CAPTURE(name(isa));
    CHECK(apart(attended<float, n>({.threads = 2, .isa = isa}), exact) < 2e-6 * size);
    const double off = apart(attended<float, n>({.threads = 2, .isa = isa, .precision = Precision::bf16}), exact);
    CHECK(off > 1e-4 * size);
    CHECK(off < 2e-2 * size);
  }
}
TEST_CASE("a head's scores are made block by block, and no block is lost") {
  Bench<double> bench;  // 70 rows of 40,000 words: 64 and 6
  Weights<double, Shape<40000, 2>, Shape<40000>> w(bench.device);
  const auto x = bench.random<dyn, 10, 2>(7);
  const auto target = bench.indices<10>(7, 40000, false);
  const auto gradients = [&](auto f) {
    w.model.zero_gradients();
    bench.tape.reset();
    const auto input = bench.tape.differentiable_input(x);
    const auto loss = f(input);
    bench.tape.backward(loss);
    std::vector<double> out(w.model.gradients(), w.model.gradients() + w.model.trained());
    out.insert(out.end(), input.grad(), input.grad() + x.shape.size());
    out.push_back(*loss.data());
    return out;
  };
  CHECK(apart(gradients([&](const auto& v) { return linear_cross_entropy(v, w.get<0>(), w.get<1>(), target); }),
              gradients([&](const auto& v) { return cross_entropy(linear(v, w.get<0>(), w.get<1>()), target); })) < 1e-13);
  CHECK(*linear_cross_entropy(x, w.get<0>(), w.get<1>(), target).at ==
        doctest::Approx(*cross_entropy(linear(x, w.get<0>(), w.get<1>()), target).at).epsilon(1e-13));
}

TEST_SUITE_END();
