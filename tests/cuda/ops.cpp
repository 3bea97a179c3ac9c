// Every op by CUDA's kernels, run on the host, against the Cpu's: values and all gradients, written and added to, the same bits in
// two orders of threads, with memory that begins as NaN.
#include "same_as_cpu.hpp"
#include "vitrail/ops/attention.hpp"
#include "vitrail/ops/channels.hpp"
#include "vitrail/ops/gelu.hpp"
#include "vitrail/ops/gelu_linear.hpp"
#include "vitrail/ops/info_nce.hpp"
#include "vitrail/ops/layer_norm.hpp"
#include "vitrail/ops/linear_cross_entropy.hpp"
#include "vitrail/ops/matmul.hpp"
#include "vitrail/ops/norm_linear.hpp"
#include "vitrail/ops/normalize.hpp"
#include "vitrail/ops/patchify.hpp"
#include "vitrail/ops/softmax.hpp"
#include "vitrail/ops/squared_error.hpp"
#include "vitrail/ops/tokens.hpp"

TEST_SUITE_BEGIN("cuda");

TEST_CASE("CUDA's kernels on the host: elementwise ops") {
  using X = Shape<dyn, 7, 5>;
  same_as_cpu(3, Inputs<X>{}, Parameters<>{}, [](auto x) { return gelu(x); });
  same_as_cpu(3, Inputs<X>{}, Parameters<>{}, [](auto x) { return gelu_tanh(x); });
  same_as_cpu(40, Inputs<X, X>{}, Parameters<>{}, [](auto a, auto b) { return a + b; });
  same_as_cpu(3, Inputs<X, X>{}, Parameters<>{}, [](auto a, auto b) { return a * b - 2.0 * a; });
  same_as_cpu(9, Inputs<X>{}, Parameters<Shape<7, 5>>{}, [](auto x, auto& table) { return add_table(x, table); });
  same_as_cpu(9, Inputs<X>{}, Parameters<Shape<5>>{}, [](auto x, auto& gamma) { return scale_channels(x, gamma); });
  same_as_cpu(20, Inputs<X, X>{}, Parameters<>{}, [](auto x, auto branch) { return add_dropped(x, branch, 0.4); });
}
TEST_CASE("CUDA's kernels on the host: rows and sums") {
  using X = Shape<dyn, 5, 37>;
  same_as_cpu(3, Inputs<X>{}, Parameters<>{}, [](auto x) { return softmax(x); });
  same_as_cpu(3, Inputs<X>{}, Parameters<>{}, [](auto x) { return normalize(x); });
  same_as_cpu(3, Inputs<X>{}, Parameters<>{}, [](auto x) { return standardize(x); });
  same_as_cpu(3, Inputs<X>{}, Parameters<>{}, [](auto x) { return mean_last(x); });
  same_as_cpu(60, Inputs<X>{}, Parameters<>{}, [](auto x) { return mean(x * x); });
  same_as_cpu(3, Inputs<X, X>{}, Parameters<>{}, [](auto a, auto b) { return squared_error(a, b); });
  same_as_cpu(70, Inputs<Shape<dyn, 3, 45>>{}, Parameters<Shape<45>, Shape<45>>{},
              [](auto x, auto& gain, auto& shift) { return layer_norm(x, gain, shift); });
}
TEST_CASE("CUDA's kernels on the host: linear maps, and their gradients in slices of rows") {
  using X = Shape<dyn, 3, 20>;
  same_as_cpu(7, Inputs<X>{}, Parameters<Shape<11, 20>, Shape<11>>{}, [](auto x, auto& w, auto& b) { return linear(x, w, b); });
  same_as_cpu(7, Inputs<X, Shape<dyn, 3, 11>>{}, Parameters<Shape<11, 20>, Shape<11>>{},
              [](auto x, auto r, auto& w, auto& b) { return linear(x, w, b, r); });
  same_as_cpu(7, Inputs<X, Shape<dyn, 3, 11>>{}, Parameters<Shape<11, 20>, Shape<11>>{},
              [](auto x, auto r, auto& w, auto& b) { return gelu_linear(x, w, b, r); });
  same_as_cpu(70, Inputs<X>{}, Parameters<Shape<20>, Shape<20>, Shape<11, 20>, Shape<11>>{},
              [](auto x, auto& gain, auto& shift, auto& w, auto& b) { return norm_linear(x, gain, shift, w, b); });
  same_as_cpu(7, Inputs<X>{}, Parameters<Shape<11, 20>, Shape<11>>{}, [](auto x, auto& w, auto& b) { return linear(x, w, b); },
              {.precision = Precision::bf16}, 1e-2);
  static_assert(cuda::slices(2101, 2, 3) == 2);
  same_as_cpu(2101, Inputs<Shape<dyn, 2>>{}, Parameters<Shape<3, 2>, Shape<3>>{}, [](auto x, auto& w, auto& b) { return linear(x, w, b); });
  same_as_cpu(3, Inputs<Shape<dyn, 4, 6>, Shape<dyn, 6, 5>>{}, Parameters<>{}, [](auto a, auto b) { return matmul(a, b); });
  same_as_cpu(3, Inputs<Shape<dyn, 4, 6>, Shape<dyn, 5, 6>>{}, Parameters<>{}, [](auto a, auto b) { return matmul_transposed(a, b); });
}
TEST_CASE("CUDA's kernels on the host: tokens") {
  using X = Shape<dyn, 9, 35>;
  const auto five = drawn<5>(6, 8);
  same_as_cpu(6, Inputs<X>{}, Parameters<>{}, [&](auto x) { return gather<1>(x, five); });
  same_as_cpu(6, Inputs<Shape<dyn, 5, 35>>{}, Parameters<>{}, [&](auto x) { return scatter<8>(x, five); });
  same_as_cpu(6, Inputs<X, Shape<dyn, 2, 35>>{}, Parameters<>{}, [](auto a, auto b) { return concat(a, b); });
  same_as_cpu(6, Inputs<X>{}, Parameters<>{}, [](auto x) { return slice_tokens<2, 4>(x); });
  same_as_cpu(6, Inputs<X>{}, Parameters<>{}, [](auto x) { return mean_tokens<1>(x); });
  same_as_cpu(6, Inputs<X>{}, Parameters<Shape<35>, Shape<35>>{}, [](auto x, auto& t, auto& p) { return prepend(x, t, p); });
  same_as_cpu(6, Inputs<Shape<dyn, 6, 35>>{}, Parameters<Shape<35>, Shape<8, 35>>{},
              [&](auto x, auto& t, auto& p) { return complete<1>(x, t, p, five); });
  const auto placed = [&](auto x, auto& places) { return add_places(x, places, five); };
  same_as_cpu(6, Inputs<Shape<dyn, 5, 35>>{}, Parameters<Shape<8, 35>>{}, placed);
  std::fill_n(five.at, 29, 3);  // indices may repeat
  same_as_cpu(6, Inputs<Shape<dyn, 5, 35>>{}, Parameters<Shape<8, 35>>{}, placed);
  same_as_cpu(6, Inputs<X>{}, Parameters<>{}, [&](auto x) { return gather<1>(x, five); });
}
TEST_CASE("CUDA's kernels on the host: patches, and the nearest code") {
  Cpu cpu(1);
  Card card(HostCudaConfig{.precision = Precision::bf16});  // words are never rounded
  const auto both = [](auto& device) {
    using D = std::remove_reference_t<decltype(device)>;
    Arena<D> memory(device);
    Model<Bag<Shape<33, 12>>, D, float> codes(device, Random(2));
    spread_weights(codes, 1, 5);
    const auto images = noise<Shape<dyn, 3, 12, 12>, float>(memory, 5, 1);
    const auto plain = patchify<4>(images);
    const auto shrunk = patchify<4, 2>(images);
    const auto some = patchify<4>(images, drawn<5>(5, 9));
    const auto ids = nearest_code(shrunk, std::get<0>(codes->all), true);
    const auto raw = nearest_code(shrunk, std::get<0>(codes->all));
    device.synchronise();
    std::vector<float> out(plain.at, plain.at + plain.shape.size());
    out.insert(out.end(), shrunk.at, shrunk.at + shrunk.shape.size());
    out.insert(out.end(), some.at, some.at + some.shape.size());
    out.insert(out.end(), ids.at, ids.at + ids.shape.size());
    out.insert(out.end(), raw.at, raw.at + raw.shape.size());
    return out;
  };
  CHECK(distance(both(card), both(cpu)) < 1e-6);
}
TEST_CASE("CUDA's kernels on the host: losses") {
  using X = Shape<dyn, 3, 300>;
  const auto target = drawn<3>(5, 300);
  same_as_cpu(5, Inputs<X>{}, Parameters<>{}, [&](auto x) { return cross_entropy(x, target); });
  same_as_cpu(5, Inputs<X>{}, Parameters<>{}, [](auto x) { return cross_entropy(x, detach(x * x)); });
  same_as_cpu(5, Inputs<Shape<dyn, 70>>{}, Parameters<>{}, [own = drawn<1>(5, 60), other = drawn<1>(5, 70)](auto x) {
    return cross_entropy(x, own, other, TargetMix{.share = 0.7, .smoothing = 0.1});
  });
  same_as_cpu(5, Inputs<Shape<dyn, 70>>{}, Parameters<>{}, [own = drawn<1>(5, 60), other = drawn<1>(5, 64)](auto x) {
    return cross_entropy(x, own, other, TargetMix{.share = 0.7, .smoothing = 0.1, .classes = 65});
  });
  same_as_cpu(24, Inputs<Shape<dyn, 3, 6>>{}, Parameters<Shape<40, 6>, Shape<40>>{},
              [targets = drawn<3>(24, 40)](auto x, auto& w, auto& b) { return linear_cross_entropy(x, w, b, targets); },
              {.scores_at_once = 64 * 40});  // in two pieces
  for (const bool unit : {true, false})
    for (const bool all : {true, false})
      same_as_cpu(12, Inputs<Shape<dyn, 35>>{}, Parameters<>{},
                  [=](auto z) { return info_nce(z, {.temperature = 0.7, .unit_length = unit, .both_branches = all}).loss; });
}
TEST_CASE("CUDA's kernels on the host: attention in float at odd lengths and widths, keys in one piece and in several") {
  const auto f = [](auto qkv) { return attention<2>(qkv); };
  same_as_cpu(2, Inputs<Shape<dyn, 17, 6 * 10>>{}, Parameters<>{}, f);
  same_as_cpu(1, Inputs<Shape<dyn, 65, 6 * 16>>{}, Parameters<>{}, f);
  same_as_cpu(1, Inputs<Shape<dyn, 131, 6 * 4>>{}, Parameters<>{}, f, {.shared_limit = 40000});
}
TEST_CASE("CUDA's kernels on the host: attention in bfloat16 at the lengths of real models") {
  const HostCudaConfig rounded{.precision = Precision::bf16};
  const auto f = [](auto qkv) { return attention<1>(qkv); };
  same_as_cpu(1, Inputs<Shape<dyn, 98, 3 * 64>>{}, Parameters<>{}, f, rounded, 1e-2);
  same_as_cpu(1, Inputs<Shape<dyn, 197, 3 * 20>>{}, Parameters<>{}, f, rounded, 1e-2);
}
TEST_CASE("CUDA's kernels on the host: AdamW, the gradient's norm, a moving average") {
  constexpr int n = 5000;
  Cpu cpu(1);
  Card card;
  const auto both = [](auto& device) {
    using D = std::remove_reference_t<decltype(device)>;
    Arena<D> memory(device);
    const auto numbers = [&](std::uint64_t seed) { return noise<Shape<n>, float>(memory, 0, seed).at; };
    float *const w = numbers(1), *const m = numbers(2), *const v = numbers(3), *const g = numbers(4);
    for (int i = 0; i < n; ++i) v[i] *= v[i];
    const op::AdamW adam{
        0.9, 0.999, 1e-8, 3, {{1700, 0.1, 0.05, 0.2, 0.3, 0.7}, {1, 0.2, 0, 0.2, 0.3, 0.7}, {n - 1701, 0.01, 0, 0.4, 0.5, 1}}};
    kernel_forward(device, adam, w, m, v, static_cast<const float*>(g));
    double* const sum = memory.template take<double>(1);
    kernel_forward(device, op::SumSquares{n}, sum, static_cast<const float*>(g));
    kernel_forward(device, op::Blend{n, 0.9}, g, static_cast<const float*>(w));
    device.synchronise();
    std::vector<float> out{static_cast<float>(*sum)};
    for (const float* x : {w, m, v, g}) out.insert(out.end(), x, x + n);
    return out;
  };
  CHECK(distance(both(card), both(cpu)) < 1e-6);
}

TEST_CASE("CUDA's kernels on the host: indices that are drawn anew into the same memory are seen") {
  Card card;
  Arena<Card> memory(card);
  const auto x = noise<Shape<dyn, 9, 3>, float>(memory, 2, 1);
  const auto two = drawn<2>(2, 9);
  for (const int place : {4, 7, 4}) {
    std::fill_n(two.at, 4, place);
    const auto y = gather(x, two);
    card.synchronise();
    CHECK(y.at[0] == x.at[place * 3]);
    CHECK(y.at[3 * 3] == x.at[(9 + place) * 3]);
  }
}
TEST_CASE("attention on CUDA: several blocks share a multiprocessor at real lengths, and what does not fit is refused in words") {
  using cuda::InBf16;
  constexpr std::size_t all = 233472, each = 1024;  // of an H100's multiprocessor, and what a block costs besides
  static_assert(3 * (cuda::AttentionForward<InBf16, bfloat16, 64>::shared_bytes(128) + each) <= all);   // 98 tokens
  static_assert(3 * (cuda::AttentionQueries<InBf16, bfloat16, 64>::shared_bytes(128) + each) <= all);
  static_assert(3 * (cuda::AttentionKeys<InBf16, bfloat16, 64>::shared_bytes(128) + each) <= all);
  static_assert(2 * (cuda::AttentionQueries<InBf16, bfloat16, 64>::shared_bytes(224) + each) <= all);   // 197 tokens
  static_assert(2 * (cuda::AttentionKeys<InBf16, bfloat16, 64>::shared_bytes(224) + each) <= all);
  Card small(HostCudaConfig{.shared_limit = 20000});
  Arena<Card> memory(small);
  CHECK_THROWS_WITH_AS(attention<1>(noise<Shape<dyn, 3, 3 * 136>, float>(memory, 1, 1)),
                       "attention: a head has 136 numbers, on CUDA it may have 128; use more heads", ConfigError);
  CHECK_THROWS_AS(attention<1>(noise<Shape<dyn, 3, 3 * 64>, float>(memory, 1, 1)), ConfigError);
}

TEST_SUITE_END();
