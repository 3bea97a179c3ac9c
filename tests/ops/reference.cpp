// Ops against PyTorch's results and gradients, in double and in float; and against ONNX's test cases where they are at hand.
#include "support/data.hpp"
#include "support/ops.hpp"
#include "support/reference.hpp"
#include "vitrail/ops/attention.hpp"
#include "vitrail/ops/channels.hpp"
#include "vitrail/ops/cross_entropy.hpp"
#include "vitrail/ops/gelu.hpp"
#include "vitrail/ops/info_nce.hpp"
#include "vitrail/ops/layer_norm.hpp"
#include "vitrail/ops/linear.hpp"
#include "vitrail/ops/matmul.hpp"
#include "vitrail/ops/normalize.hpp"
#include "vitrail/ops/softmax.hpp"
#include "vitrail/ops/squared_error.hpp"
#include "vitrail/ops/tokens.hpp"

using namespace vitrail;

namespace {

// One case of tests/fixtures/ops.
template <class T> struct Case : Bench<T> {
  std::string name;
  Fixture fixture{"ops"};
  double tolerance = std::is_same_v<T, double> ? 1e-12 : 1e-5;

  explicit Case(std::string op) : name(std::move(op)) {}

  template <auto... E> auto load(const std::string& tensor) {
    return load_tensor<Shape<E...>, T>(this->memory, fixture, name + "." + tensor);
  }
  template <auto... E> auto input(const std::string& tensor) { return this->tape.differentiable_input(load<E...>(tensor)); }
  template <int Count> Indices<Count> places(const std::string& tensor) {
    const auto given = fixture.load<int>(name + "." + tensor);
    const auto out = this->sampler.template indices<Count>(static_cast<int>(given.shape.at(0)));
    REQUIRE(static_cast<std::size_t>(out.shape.size()) == given.values.size());
    std::copy(given.values.begin(), given.values.end(), out.at);
    return out;
  }
  template <class P> void fill(const P& parameter, const std::string& tensor) {
    const auto given = fixture.load<T>(name + "." + tensor);
    REQUIRE(static_cast<std::int64_t>(given.values.size()) == P::shape_type::inner);
    std::copy(given.values.begin(), given.values.end(), static_cast<T*>(parameter.value));
  }
  // The result, then backward from the fixture's gradient of it.
  template <class Y> void result(const Y& y) {
    CAPTURE(name);
    CHECK(relative_error(y.data(), fixture.load(name + ".y").values) < tolerance);
    if constexpr (shape_of<Y>::rank == 0) {
      this->tape.backward(y);
    } else {
      const auto dy = make_tensor<shape_of<Y>, T>(this->memory, y.shape);
      const auto given = fixture.load<T>(name + ".grad.y");
      REQUIRE(static_cast<std::size_t>(y.shape.size()) == given.values.size());
      std::copy(given.values.begin(), given.values.end(), dy.at);
      this->tape.backward(sum(y * dy));
    }
  }
  template <class X> void gradient(const X& x, const std::string& tensor) {
    CAPTURE(name + ".grad." + tensor);
    const auto wanted = fixture.load(name + ".grad." + tensor).values;
    const T* found = nullptr;
    if constexpr (is_var<X>) found = x.grad();
    else found = static_cast<const T*>(x.gradient);
    CHECK(relative_error(found, wanted) < tolerance);
  }
};

// One case of ONNX's node tests. Its arrays, as tensors of the extents that case.json states.
struct Onnx : Bench<float> {
  std::filesystem::path folder;

  template <auto... E> auto load(const std::string& file, int batch = 0) {
    const auto x = make_tensor<Shape<E...>, float>(memory, Shape<E...>(batch));
    const auto given = npy::read<float>(folder / (file + ".npy"));
    REQUIRE(static_cast<std::size_t>(x.shape.size()) == given.size());
    std::copy(given.begin(), given.end(), x.at);
    return x;
  }
  template <class P> void fill(const P& parameter, const std::string& file) {
    const auto given = npy::read<float>(folder / (file + ".npy"));
    REQUIRE(static_cast<std::int64_t>(given.size()) == P::shape_type::inner);
    std::copy(given.begin(), given.end(), static_cast<float*>(parameter.value));
  }
  template <class Y> void check(const Y& y, double tolerance = 1e-6) {
    CAPTURE(folder.filename().string());
    const auto given = npy::read<float>(folder / "output_0.npy");
    REQUIRE(static_cast<std::size_t>(y.shape.size()) == given.size());
    CHECK(relative_error(y.data(), std::vector<double>(given.begin(), given.end())) < tolerance);
  }
};

// f(case) for each of these folders of onnx_ref; says so where the data is absent.
template <class F> void each_onnx(std::initializer_list<const char*> folders, F f) {
  const auto data = shared_data();
  if (!data || !std::filesystem::is_directory(*data / "onnx_ref")) {
    MESSAGE("the ONNX cases are not here: set VITRAIL_DATA");
    return;
  }
  for (const char* folder : folders) {
    Onnx each;
    each.folder = *data / "onnx_ref" / folder;
    f(each);
  }
}
void layer_norm_case(const char* folder, double eps, auto load) {
  each_onnx({folder}, [&](Onnx& onnx) {
    const auto x = load(onnx);
    constexpr int D = last_extent<shape_of<decltype(x)>>;
    Weights<float, Shape<D>, Shape<D>> weights(onnx.device);
    onnx.fill(weights.template get<0>(), "input_1");
    onnx.fill(weights.template get<1>(), "input_2");
    onnx.check(layer_norm(x, weights.template get<0>(), weights.template get<1>(), eps));
  });
}

}  // namespace

TEST_SUITE_BEGIN("ops");

TEST_CASE_TEMPLATE("elementwise ops and ops on rows agree with PyTorch", T, double, float) {
  const auto check = [](const char* name, auto load, auto op) {
    Case<T> c(name);
    const auto x = load(c);
    c.result(op(c, x));
    c.gradient(x, "x");
  };
  const auto rows5 = [](Case<T>& c) { return c.template input<dyn, 5>("x"); };
  const auto rows6 = [](Case<T>& c) { return c.template input<dyn, 4, 6>("x"); };
  const auto rows8 = [](Case<T>& c) { return c.template input<dyn, 8>("x"); };
  const auto tokens = [](Case<T>& c) { return c.template input<dyn, 5, 4>("x"); };
  check("gelu", rows8, [](Case<T>&, const auto& x) { return gelu(x); });
  check("gelu_tanh", rows8, [](Case<T>&, const auto& x) { return gelu_tanh(x); });
  check("softmax", rows6, [](Case<T>&, const auto& x) { return softmax(x); });
  check("normalize", rows5, [](Case<T>&, const auto& x) { return normalize(x); });
  check("mean_tokens", tokens, [](Case<T>&, const auto& x) { return mean_tokens(x); });
  check("squared_error", rows5,
        [](Case<T>& c, const auto& x) { return squared_error(x, c.template load<dyn, 5>("target")); });
}
TEST_CASE_TEMPLATE("linear maps and layer_norm agree with PyTorch", T, double, float) {
  for (const bool residual : {false, true}) {
    Case<T> c(residual ? "linear_residual" : "linear");
    Weights<T, Shape<7, 5>, Shape<7>> weights(c.device);
    const auto& weight = weights.template get<0>();
    const auto& bias = weights.template get<1>();
    c.fill(weight, "weight"), c.fill(bias, "bias");
    const auto x = c.template input<dyn, 3, 5>("x");
    if (residual) {
      const auto r = c.template input<dyn, 3, 7>("residual");
      c.result(linear(x, weight, bias, r));
      c.gradient(r, "residual");
    } else {
      c.result(linear(x, weight, bias));
    }
    c.gradient(x, "x"), c.gradient(weight, "weight"), c.gradient(bias, "bias");
  }
  Case<T> c("layer_norm");
  Weights<T, Shape<6>, Shape<6>> weights(c.device);
  const auto &gain = weights.template get<0>(), &bias = weights.template get<1>();
  c.fill(gain, "weight"), c.fill(bias, "bias");
  const auto x = c.template input<dyn, 4, 6>("x");
  c.result(layer_norm(x, gain, bias));
  c.gradient(x, "x"), c.gradient(gain, "weight"), c.gradient(bias, "bias");
}
TEST_CASE_TEMPLATE("matmul, concat and attention agree with PyTorch", T, double, float) {
  Case<T> product("matmul");
  const auto a = product.template input<dyn, 3, 5>("a");
  const auto b = product.template input<dyn, 5, 4>("b");
  product.result(matmul(a, b));
  product.gradient(a, "a"), product.gradient(b, "b");

  Case<T> joined("concat");
  const auto first = joined.template input<dyn, 1, 4>("a");
  const auto second = joined.template input<dyn, 3, 4>("b");
  joined.result(concat(first, second));
  joined.gradient(first, "a"), joined.gradient(second, "b");

  Case<T> fused("attention");
  const auto qkv = fused.template input<dyn, 5, 36>("qkv");
  fused.result(attention<3>(qkv));
  fused.gradient(qkv, "qkv");
}
TEST_CASE_TEMPLATE("gather and scatter agree with PyTorch", T, double, float) {
  Case<T> c("gather"), repeated("gather_repeated"), back("scatter");
  const auto x = c.template input<dyn, 6, 4>("x");
  c.result(gather(x, c.template places<3>("indices")));
  c.gradient(x, "x");
  const auto again = repeated.template input<dyn, 6, 4>("x");
  repeated.result(gather(again, repeated.template places<4>("indices")));
  repeated.gradient(again, "x");

  const auto places = back.template places<3>("indices");  // there: rows of `base` replaced; here: zeros, added to the rest
  const auto rest = back.template load<dyn, 6, 4>("base");
  for (int i = 0; i < 6; ++i) std::fill_n(rest.at + (i / 3 * 6 + places.at[i]) * 4, 4, T(0));
  const auto rows = back.template input<dyn, 3, 4>("x");
  back.result(scatter<6>(rows, places) + rest);
  back.gradient(rows, "x");
}
TEST_CASE_TEMPLATE("losses agree with PyTorch", T, double, float) {
  Case<T> hard("cross_entropy"), soft("cross_entropy_soft"), pairs("info_nce");
  if (sizeof(T) == 4) hard.tolerance = soft.tolerance = 1e-4;  // one row's logits are 1000 +- 1: digits are missing at the start
  const auto x = hard.template input<dyn, 7>("logits");
  hard.result(cross_entropy(x, hard.template places<1>("target")));
  hard.gradient(x, "logits");
  const auto logits = soft.template input<dyn, 7>("logits");
  soft.result(cross_entropy(logits, soft.template load<dyn, 7>("target")));
  soft.gradient(logits, "logits");

  const auto a = pairs.template input<dyn, 6>("a");
  const auto b = pairs.template input<dyn, 6>("b");
  const Shape<dyn, 1, 6> one(4);
  const auto rows = view(concat(view(a, one), view(b, one)), Shape<dyn, 6>(8));
  pairs.result(info_nce(rows, {.temperature = 0.2}).loss);
  pairs.gradient(a, "a"), pairs.gradient(b, "b");
}

TEST_CASE("gelu agrees with ONNX") {
  each_onnx({"node/test_gelu_default_1"}, [](Onnx& c) { c.check(gelu(c.load<dyn>("input_0", 3))); });
  each_onnx({"node/test_gelu_default_2"}, [](Onnx& c) { c.check(gelu(c.load<dyn, 4, 5>("input_0", 3))); });
  each_onnx({"node/test_gelu_tanh_1"}, [](Onnx& c) { c.check(gelu_tanh(c.load<dyn>("input_0", 3))); });
  each_onnx({"node/test_gelu_tanh_2"}, [](Onnx& c) { c.check(gelu_tanh(c.load<dyn, 4, 5>("input_0", 3))); });
}
TEST_CASE("softmax and normalize agree with ONNX") {
  each_onnx({"node/test_softmax_axis_2"}, [](Onnx& c) { c.check(softmax(c.load<dyn, 4, 5>("input_0", 3))); });
  each_onnx({"node/test_softmax_example"}, [](Onnx& c) { c.check(softmax(c.load<dyn, 3>("input_0", 1))); });
  each_onnx({"node/test_softmax_large_number"}, [](Onnx& c) { c.check(softmax(c.load<dyn, 4>("input_0", 2))); });
  each_onnx({"pytorch/test_Softmax"}, [](Onnx& c) { c.check(softmax(c.load<dyn, 20>("input_0", 10))); });
  each_onnx({"node/test_l2normalization_axis_1"}, [](Onnx& c) { c.check(normalize(c.load<dyn, 2>("input_0", 2))); });
}
TEST_CASE("layer_norm agrees with ONNX") {
  const auto four = [](Onnx& c) { return c.load<dyn, 3, 4, 5>("input_0", 2); };
  const auto three = [](Onnx& c) { return c.load<dyn, 3, 5>("input_0", 2); };
  layer_norm_case("node/test_layer_normalization_2d_axis1", 1e-5, [](Onnx& c) { return c.load<dyn, 4>("input_0", 3); });
  layer_norm_case("node/test_layer_normalization_3d_axis2_epsilon", 0.1, three);
  layer_norm_case("node/test_layer_normalization_3d_axis_negative_1_epsilon", 0.1, three);
  layer_norm_case("node/test_layer_normalization_4d_axis3", 1e-5, four);
  layer_norm_case("node/test_layer_normalization_default_axis", 1e-5, four);
}
TEST_CASE("linear maps and matmul agree with ONNX's Gemm") {
  each_onnx({"node/test_gemm_transposeB"}, [](Onnx& c) {
    Weights<float, Shape<4, 6>, Shape<4>> weights(c.device);
    c.fill(weights.get<0>(), "input_1"), c.fill(weights.get<1>(), "input_2");
    c.check(linear(c.load<dyn, 6>("input_0", 3), weights.get<0>(), weights.get<1>()));
  });
  each_onnx({"pytorch/test_Linear"}, [](Onnx& c) {
    Weights<float, Shape<8, 10>, Shape<8>> weights(c.device);
    c.fill(weights.get<0>(), "init_1"), c.fill(weights.get<1>(), "init_2");
    c.check(linear(c.load<dyn, 10>("input_0", 4), weights.get<0>(), weights.get<1>()));
  });
  each_onnx({"node/test_gemm_default_vector_bias"}, [](Onnx& c) {
    Weights<float, Shape<4>> weights(c.device);
    c.fill(weights.get<0>(), "input_2");
    c.check(add_table(matmul(c.load<1, 2, 7>("input_0"), c.load<1, 7, 4>("input_1")), weights.get<0>()));
  });
}
TEST_CASE("attention made of products and a softmax agrees with ONNX, also under another scale") {
  const auto composed = [](Onnx& c, double scale) {
    const auto q = c.load<6, 4, 8>("input_0");  // 2 images x 3 heads; 4 queries, 6 keys
    const auto k = c.load<6, 6, 8>("input_1"), v = c.load<6, 6, 8>("input_2");
    c.check(matmul(softmax(scale * matmul_transposed(q, k)), v));
  };
  each_onnx({"node/test_attention_4d"}, [&](Onnx& c) { composed(c, 1 / std::sqrt(8.0)); });
  each_onnx({"node/test_attention_4d_scaled"}, [&](Onnx& c) { composed(c, 0.01); });
}
TEST_CASE("cross-entropy agrees with ONNX's loss and with its logarithm of softmax") {
  each_onnx({"node/test_sce_mean"}, [](Onnx& c) {
    const auto labels = npy::read<std::int64_t>(c.folder / "input_1.npy");
    const auto target = c.sampler.indices<1>(3);
    for (std::size_t i = 0; i < 3; ++i) target.at[i] = static_cast<int>(labels.at(i));
    c.check(cross_entropy(c.load<dyn, 5>("input_0", 3), target));
  });
  const auto folders = {"node/test_logsoftmax_axis_2", "pytorch/test_log_softmax_lastdim",
                        "node/test_logsoftmax_large_number"};
  each_onnx(folders, [](Onnx& c) {
    const auto wanted = npy::read<float>(c.folder / "output_0.npy");
    const auto row = [&]<int K>(std::integral_constant<int, K>) {  // -y[r, k] is the loss of row r if k is right
      const auto x = c.load<dyn, K>("input_0", static_cast<int>(wanted.size()) / K);
      const auto target = c.sampler.indices<1>(1);
      for (int r = 0; r < x.shape.leading(); ++r)
        for (*target.at = 0; *target.at < K; ++*target.at) {
          const Tensor<Shape<dyn, K>, Cpu, float> one{x.at + r * K, x.arena, Shape<dyn, K>(1)};
          const double y = wanted[static_cast<std::size_t>(r * K + *target.at)];
          CHECK(-*cross_entropy(one, target).at == doctest::Approx(y).epsilon(1e-5));
        }
    };
    if (wanted.size() == 60) row(std::integral_constant<int, 5>{});
    else if (wanted.size() == 256) row(std::integral_constant<int, 128>{});
    else row(std::integral_constant<int, 4>{});
  });
}

TEST_SUITE_END();
