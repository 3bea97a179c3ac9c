// Convolutions, max pooling and resizing: gradients, PyTorch's results on every set of instructions, and that threads change no bit.
#include "vitrail/ops/conv2d.hpp"

#include "support/ops.hpp"
#include "support/reference.hpp"
#include "vitrail/ops/planes.hpp"

using namespace vitrail;

namespace {

// One convolution of tests/fixtures/conv: how it is made, and the shapes of x, W and y.
template <int Stride, int Padding, class X, class W, class Y, bool Transposed = false>
struct Convolution {
  static constexpr int stride = Stride, padding = Padding;
  static constexpr bool transposed = Transposed;
  static constexpr int out = Y::template extent<1>();
  using x = X;
  using weight = W;
  using y = Y;
};
using Odd = Convolution<1, 1, Shape<dyn, 3, 7, 9>, Shape<5, 3, 3, 3>, Shape<dyn, 5, 7, 9>>;
using Strided = Convolution<2, 3, Shape<dyn, 2, 11, 13>, Shape<3, 2, 7, 5>, Shape<dyn, 3, 6, 8>>;
using Pointwise = Convolution<1, 0, Shape<dyn, 5, 4, 4>, Shape<3, 5, 1, 1>, Shape<dyn, 3, 4, 4>>;
using PointwiseStrided = Convolution<2, 0, Shape<dyn, 4, 5, 7>, Shape<3, 4, 1, 1>, Shape<dyn, 3, 3, 4>>;
using Wide = Convolution<1, 1, Shape<dyn, 90, 20, 20>, Shape<4, 90, 3, 3>, Shape<dyn, 4, 20, 20>>;  // several pieces each way
using Many = Convolution<1, 1, Shape<dyn, 17, 3, 4>, Shape<66, 17, 2, 2>, Shape<dyn, 66, 4, 5>>;  // blocks of channels, and what remains
using WholeImage = Convolution<1, 0, Shape<dyn, 2, 6, 6>, Shape<3, 2, 6, 6>, Shape<dyn, 3, 1, 1>>;

using Transposed = Convolution<2, 0, Shape<dyn, 4, 3, 5>, Shape<4, 3, 2, 2>, Shape<dyn, 3, 6, 10>, true>;
using TransposedOdd = Convolution<2, 1, Shape<dyn, 4, 3, 5>, Shape<4, 3, 3, 3>, Shape<dyn, 3, 5, 9>, true>;

template <class C, class T>
struct Layer {
  Weights<T, typename C::weight, Shape<C::out>> weights;
  explicit Layer(Cpu& device) : weights(device) {}
  auto operator()(const auto& x) const {
    const auto& weight = weights.template get<0>();
    const auto& bias = weights.template get<1>();
    if constexpr (C::transposed) return conv_transpose2d<C::stride, C::padding>(x, weight, bias);
    else return conv2d<C::stride, C::padding>(x, weight, bias);
  }
};

// A small convolution's formula, written out: y as a list.
template <class C, class T, class X>
std::vector<double> by_definition(const Layer<C, T>& layer, const X& x) {
  using W = typename C::weight;
  constexpr int In = W::template extent<1>(), Kh = W::template extent<2>(), Kw = W::template extent<3>();
  constexpr int H = C::x::template extent<2>(), Iw = C::x::template extent<3>();
  constexpr int Oh = C::y::template extent<2>(), Ow = C::y::template extent<3>();
  const T* const weight = static_cast<const T*>(layer.weights.template get<0>().value);
  const T* const bias = static_cast<const T*>(layer.weights.template get<1>().value);
  std::vector<double> y;
  for (int b = 0; b < x.shape.leading(); ++b)
    for (int o = 0; o < W::leading(); ++o)
      for (int r = 0; r < Oh; ++r)
        for (int s = 0; s < Ow; ++s) {
          double sum = static_cast<double>(bias[o]);
          for (int c = 0; c < In; ++c)
            for (int i = 0; i < Kh; ++i)
              for (int j = 0; j < Kw; ++j) {
                const int row = r * C::stride + i - C::padding, column = s * C::stride + j - C::padding;
                if (row < 0 || row >= H || column < 0 || column >= Iw) continue;
                sum += static_cast<double>(weight[((o * In + c) * Kh + i) * Kw + j] * x.at[((b * In + c) * H + row) * Iw + column]);
              }
          y.push_back(sum);
        }
  return y;
}

// y, then the gradients of x, of the weight and of the bias.
template <class C, class T>
std::vector<double> results(const CpuConfig& config, int batch) {
  Bench<T> bench(config);
  Layer<C, T> layer(bench.device);
  const auto x = bench.tape.differentiable_input(noise<typename C::x, T>(bench.memory, batch, 1));
  const auto y = layer(x);
  static_assert(std::is_same_v<shape_of<decltype(y)>, typename C::y>);
  std::vector<double> out = numbers(y);
  bench.tape.backward(weighted(y));
  out.insert(out.end(), x.grad(), x.grad() + x.shape.size());
  const auto& model = layer.weights.model;
  out.insert(out.end(), model.gradients(), model.gradients() + model.trained());
  return out;
}

template <class T>
void check_fixture(const CpuConfig& config, const std::string& name, auto convolution) {
  using C = decltype(convolution);
  CAPTURE(name);
  const Fixture fixture{"conv"};
  const double tolerance = std::is_same_v<T, double> ? 1e-12 : 2e-5;
  Bench<T> bench(config);
  Layer<C, T> layer(bench.device);
  const auto fill = [&](const auto& parameter, const char* tensor) {
    const auto given = fixture.load<T>(name + tensor);
    REQUIRE(given.values.size() == static_cast<std::size_t>(std::remove_cvref_t<decltype(parameter)>::shape_type::inner));
    std::copy(given.values.begin(), given.values.end(), static_cast<T*>(parameter.value));
  };
  fill(layer.weights.template get<0>(), ".weight"), fill(layer.weights.template get<1>(), ".bias");
  const auto x = bench.tape.differentiable_input(load_tensor<typename C::x, T>(bench.memory, fixture, name + ".x"));
  const auto y = layer(x);
  CHECK(relative_error(y.data(), fixture.load(name + ".y").values) < tolerance);
  bench.tape.backward(sum(y * load_tensor<typename C::y, T>(bench.memory, fixture, name + ".grad.y")));
  CHECK(relative_error(x.grad(), fixture.load(name + ".grad.x").values) < tolerance);
  const auto gradient = [](const auto& parameter) { return static_cast<const T*>(parameter.gradient); };
  CHECK(relative_error(gradient(layer.weights.template get<0>()), fixture.load(name + ".grad.weight").values) < tolerance);
  CHECK(relative_error(gradient(layer.weights.template get<1>()), fixture.load(name + ".grad.bias").values) < tolerance);
}
template <class T>
void check_fixtures(const CpuConfig& config) {
  check_fixture<T>(config, "odd", Odd{});
  check_fixture<T>(config, "strided", Strided{});
  check_fixture<T>(config, "pointwise", Pointwise{});
  check_fixture<T>(config, "pointwise_strided", PointwiseStrided{});
  check_fixture<T>(config, "transposed", Transposed{});
  check_fixture<T>(config, "transposed_odd", TransposedOdd{});
  Bench<T> bench(config);
  const Fixture fixture{"conv"};
  const auto check = [&](const std::string& name, auto in, auto out, auto f) {
    const auto x = bench.tape.differentiable_input(load_tensor<decltype(in), T>(bench.memory, fixture, name + ".x"));
    const auto y = f(x);
    CHECK(relative_error(y.data(), fixture.load(name + ".y").values) < 1e-6);
    bench.tape.backward(sum(y * load_tensor<decltype(out), T>(bench.memory, fixture, name + ".grad.y")));
    CHECK(relative_error(x.grad(), fixture.load(name + ".grad.x").values) < 1e-6);
  };
  check("pool", Shape<dyn, 3, 6, 7>{}, Shape<dyn, 3, 3, 3>{}, [](const auto& x) { return max_pool2d<2>(x); });
  check("pool_strided", Shape<dyn, 2, 7, 9>{}, Shape<dyn, 2, 4, 5>{}, [](const auto& x) { return max_pool2d<3, 2, 1>(x); });
  constexpr ResampleFilter linear{Interpolation::bilinear};
  check("resize_linear", Shape<dyn, 2, 7, 5>{}, Shape<dyn, 2, 3, 8>{}, [&](const auto& x) { return resize<3, 8>(x, linear); });
  check("resize_cubic", Shape<dyn, 2, 7, 5>{}, Shape<dyn, 2, 3, 8>{}, [](const auto& x) { return resize<3, 8>(x); });
}

}  // namespace

TEST_SUITE_BEGIN("ops");

TEST_CASE("convolutions, pools and resizing give PyTorch's results and gradients, in double and in float on every set of instructions") {
  check_fixtures<double>({.threads = 1});
  for (int isa = 0; isa <= static_cast<int>(cpu::best_isa()); ++isa) {
    CAPTURE(isa);
    check_fixtures<float>({.threads = 1, .isa = static_cast<Isa>(isa)});
  }
}
TEST_CASE_TEMPLATE("gradients of a convolution", C, Odd, Strided, Pointwise, PointwiseStrided, Many, WholeImage, Transposed) {
  Bench<double> bench;
  Layer<C, double> layer(bench.device);
  const auto f = [&](auto&, const auto& x) { return weighted(layer(x)); };
  for (const int batch : {3, 0})
    check_small(gradcheck(layer.weights.model, f, GradcheckOptions{.at_most = 1000}, noise<typename C::x, double>(bench.memory, batch, 1)));
}
TEST_CASE_TEMPLATE("gradients of a convolution add to what others have written", C, Odd, Pointwise, TransposedOdd) {
  Bench<double> bench;
  Layer<C, double> layer(bench.device);
  check_op(layer.weights, [&](const auto& x) { return layer(x); }, noise<typename C::x, double>(bench.memory, 1, 1));
}
TEST_CASE("a convolution of many pieces is its definition, and threads change no bit") {
  Bench<double> bench;
  Layer<Wide, double> layer(bench.device);
  const auto x = noise<Wide::x, double>(bench.memory, 3, 1);
  CHECK(apart(numbers(layer(x)), by_definition(layer, x)) < 1e-11);
  const auto close = [](const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
    double largest = 0;
    for (const double v : b) largest = std::max(largest, std::abs(v));
    CHECK(apart(a, b) < tolerance * largest);
  };
  const std::vector<double> exact = results<Wide, double>({.threads = 1}, 3), one = results<Wide, float>({.threads = 1}, 3);
  CHECK(one == results<Wide, float>({.threads = 3}, 3));
  CHECK(exact == results<Wide, double>({.threads = 2}, 3));
  close(one, exact, 2e-5);
  close(results<Wide, float>({.threads = 2, .precision = Precision::bf16}, 3), exact, 2e-2);
  if (cpu::best_isa() >= Isa::avx512) CHECK(one == results<Wide, float>({.threads = 1, .isa = Isa::avx2}, 3));
}
TEST_CASE("gradients of resizing") {
  Bench<double> bench;
  for (const int batch : {3, 0}) {
    const auto x = noise<Shape<dyn, 2, 7, 3>, double>(bench.memory, batch, 1);
    check_op([](const auto& v) { return resize<4, 8>(v, {Interpolation::lanczos}); }, x);
  }
}
TEST_CASE("gradients of max pooling; of equals the first has the gradient, and what is no number stays") {
  Bench<double> bench;
  for (const int batch : {1, 3, 0}) {
    const auto x = noise<Shape<dyn, 2, 7, 6>, double>(bench.memory, batch, 1);
    check_op([](const auto& v) { return max_pool2d<2>(v); }, x);
    check_op([](const auto& v) { return max_pool2d<3, 2, 1>(v); }, x);
    check_op([](const auto& v) { return max_pool2d<3, 1>(v); }, x);  // windows share pixels
  }
  const auto flat = make_tensor<Shape<dyn, 1, 2, 2>, double>(bench.memory, Shape<dyn, 1, 2, 2>(1));
  std::fill(flat.at, flat.at + 4, -5.0);
  const auto x = bench.tape.differentiable_input(flat);
  bench.tape.backward(sum(max_pool2d<2>(x)));
  CHECK(std::vector<double>(x.grad(), x.grad() + 4) == std::vector<double>{1, 0, 0, 0});
  flat.at[2] = NAN;
  CHECK(std::isnan(*max_pool2d<2>(flat).at));
}

TEST_SUITE_END();
