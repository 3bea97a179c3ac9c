// Kernels that only values in bfloat16 have: attention of short sequences in one kernel, rows by packs of sixteen bytes, and values that
// become floats. Against the Cpu.
#include "same_as_cpu.hpp"
#include "vitrail/ops/attention.hpp"
#include "vitrail/ops/layer_norm.hpp"
#include "vitrail/ops/linear_cross_entropy.hpp"
#include "vitrail/ops/norm_mlp.hpp"
#include "vitrail/ops/widen.hpp"

TEST_SUITE_BEGIN("cuda");

TEST_CASE("CUDA's kernels on the host: attention of short sequences, for every number of tiles that is compiled") {
  const auto f = [](auto qkv) { return attention<1>(qkv); };
  same_as_cpu(1, Inputs<Shape<dyn, 17, 3 * 15>>{}, Parameters<>{}, f, {}, 1e-2);   // 4 tiles; an odd width
  same_as_cpu(2, Inputs<Shape<dyn, 65, 3 * 32>>{}, Parameters<>{}, f, {}, 1e-2);   // 5
  same_as_cpu(1, Inputs<Shape<dyn, 98, 3 * 64>>{}, Parameters<>{}, f, {}, 1e-2);   // 7
  same_as_cpu(1, Inputs<Shape<dyn, 200, 3 * 16>>{}, Parameters<>{}, f, {}, 1e-2);  // 13
  same_as_cpu(1, Inputs<Shape<dyn, 256, 3 * 64>>{}, Parameters<>{}, f, {}, 1e-2);  // 16
  same_as_cpu(1, Inputs<Shape<dyn, 257, 3 * 16>>{}, Parameters<>{}, f, {}, 1e-2);  // none: the kernels for any length
}
// Notes which kernels were launched, and launches none.
struct Launches {
  using cuda_machine = Launches;
  std::size_t limit;
  std::vector<int> threads{};
  std::size_t shared_limit() const { return limit; }
  Precision precision() const { return Precision::full; }
  std::int64_t scores_at_once() const { return 1; }
  template <class T> T* scratch(std::int64_t) { return nullptr; }
  template <class Body> void launch(const char*, const Body&, std::int64_t, std::size_t bytes) {
    CHECK(bytes <= limit);
    threads.push_back(Body::threads);
  }
};
TEST_CASE("attention on CUDA: sequences of real models have kernels with a warp for every 16 rows, where shared memory holds a head") {
  const auto threads = [](int tokens, std::size_t limit) {
    Launches device{limit};
    const op::Attention op{1, tokens, 1, 64};
    bfloat16 x{};
    float number = 0;
    Kernel<op::Attention, Launches>::forward(device, op, &x, &number, &x);
    Kernel<op::Attention, Launches>::backward(device, op, Sink<bfloat16>{&x, Write::assign}, &x, &x, &x, &number);
    return device.threads;
  };
  using Threads = std::vector<int>;
  constexpr std::size_t hopper = 232448, ampere = 166912, small = 101376;  // bytes that a block may have
  CHECK(threads(65, hopper) == Threads{160, 160});
  CHECK(threads(98, hopper) == Threads{224, 224});
  CHECK(threads(197, hopper) == Threads{416, 416});
  CHECK(threads(256, hopper) == Threads{512, 512});
  CHECK(threads(257, hopper) == Threads{256, 256, 256});  // for any length: gradients are two kernels
  CHECK(threads(98, small) == Threads{224, 224});
  CHECK(threads(197, ampere) == Threads{416, 256, 256});
  static_assert(2 * (cuda::AttentionShort<7, 64>::shared_bytes() + 1024) <= 233472);  // two blocks on a multiprocessor of 228 KiB
}
TEST_CASE("CUDA's kernels on the host: layer_norm and sums over rows by packs, at the widths of real models") {
  const auto norm = [](auto x, auto& gain, auto& shift) { return layer_norm(x, gain, shift); };
  for (const int batch : {3, 150}) same_as_cpu(batch, Inputs<Shape<dyn, 3, 24>>{}, Parameters<Shape<24>, Shape<24>>{}, norm);
  same_as_cpu(5, Inputs<Shape<dyn, 3, 384>>{}, Parameters<Shape<384>, Shape<384>>{}, norm);
  same_as_cpu(2, Inputs<Shape<dyn, 1024>>{}, Parameters<Shape<1024>, Shape<1024>>{}, norm);
  same_as_cpu(13, Inputs<Shape<dyn, 768>>{}, Parameters<Shape<768>, Shape<768>, Shape<16, 768>, Shape<16>>{},
              [](auto x, auto& gain, auto& shift, auto& w, auto& b) { return norm_linear(x, gain, shift, w, b); });
  same_as_cpu(70, Inputs<Shape<dyn, 16>, Shape<dyn, 8>>{}, Parameters<Shape<8, 16>, Shape<8>>{},
              [](auto x, auto r, auto& w, auto& b) { return gelu_linear(x, w, b, r); });
  same_as_cpu(70, Inputs<Shape<dyn, 8>>{}, Parameters<Shape<280, 8>, Shape<280>>{},
              [](auto x, auto& w, auto& b) { return linear(x, w, b); });
}
TEST_CASE("CUDA's kernels on the host: a block's MLP and linear maps, whether products do more on their way or kernels do it after them") {
  using Row = Shape<dyn, 3, 16>;
  using Weights = Parameters<Shape<16>, Shape<16>, Shape<24, 16>, Shape<24>, Shape<16, 24>, Shape<16>>;
  const auto mlp = [](auto x, auto& gain, auto& shift, auto& w1, auto& b1, auto& w2, auto& b2) {
    return norm_mlp(x, gain, shift, w1, b1, w2, b2);
  };
  for (const bool epilogues : {false, true}) {
    const HostCudaConfig config{.epilogues = epilogues};
    same_as_cpu(7, Inputs<Row>{}, Weights{}, mlp, config);
    same_as_cpu(31, Inputs<Row>{}, Weights{}, [&](auto x, auto&... p) { return norm_mlp(x, p..., x); }, config);
    same_as_cpu(2, Inputs<Shape<dyn, 5>>{}, Parameters<Shape<5>, Shape<5>, Shape<7, 5>, Shape<7>, Shape<5, 7>, Shape<5>>{}, mlp, config);
    same_as_cpu(40, Inputs<Shape<dyn, 24>>{}, Parameters<Shape<24>, Shape<24>, Shape<8, 24>, Shape<8>, Shape<24, 8>, Shape<24>>{}, mlp, config);
    same_as_cpu(2101, Inputs<Shape<dyn, 2>>{}, Parameters<Shape<3, 2>, Shape<3>>{}, [](auto x, auto& w, auto& b) { return linear(x, w, b); },
                config);
  }
}
TEST_CASE("CUDA's kernels on the host: of a block's MLP, what is frozen gets no gradient, and the rest has what it had") {
  using Row = Shape<dyn, 3, 16>;
  using Weights = Parameters<Shape<16>, Shape<16>, Shape<24, 16>, Shape<24>, Shape<16, 24>, Shape<16>>;
  const auto still = [](auto p) {
    p.trained = false;
    return p;
  };
  for (const bool epilogues : {false, true}) {
    const HostCudaConfig config{.epilogues = epilogues};
    same_as_cpu(7, Inputs<Row>{}, Weights{}, [&](auto x, auto& gain, auto& shift, auto& w1, auto& b1, auto& w2, auto& b2) {
      return norm_mlp(x, gain, still(shift), w1, still(b1), w2, still(b2));
    }, config);
    same_as_cpu(7, Inputs<Row>{}, Weights{}, [&](auto x, auto& gain, auto& shift, auto& w1, auto& b1, auto& w2, auto& b2) {
      return norm_mlp(x, still(gain), shift, still(w1), b1, still(w2), b2);
    }, config);
    same_as_cpu(7, Inputs<Row>{}, Weights{}, [&](auto x, auto& gain, auto& shift, auto& w1, auto& b1, auto& w2, auto& b2) {
      const auto fixed = x.tape->input(noise<Row, scalar_of<decltype(x)>>(*x.value.arena, 7, 77));
      return norm_mlp(fixed, still(gain), still(shift), still(w1), still(b1), w2, b2, x);
    }, config);
  }
}
TEST_CASE("CUDA's kernels on the host: a large head's scores by packs, one and several for each thread") {
  const auto head = [](const auto& targets) {
    return [&](auto x, auto& w, auto& b) { return linear_cross_entropy(x, w, b, targets); };
  };
  const auto targets = drawn<1>(3, 5);
  same_as_cpu(3, Inputs<Shape<dyn, 8>>{}, Parameters<Shape<40, 8>, Shape<40>>{}, head(targets));
  same_as_cpu(3, Inputs<Shape<dyn, 8>>{}, Parameters<Shape<2064, 8>, Shape<2064>>{}, head(targets));
  same_as_cpu(3, Inputs<Shape<dyn, 8>>{}, Parameters<Shape<41, 8>, Shape<41>>{}, head(targets));
}
TEST_CASE("CUDA's kernels on the host: values that become floats, and their gradients on the way back") {
  using X = Shape<dyn, 7, 5>;
  same_as_cpu(3, Inputs<X>{}, Parameters<>{}, [](auto x) { return widen(x); });
  same_as_cpu(40, Inputs<X, X>{}, Parameters<>{}, [](auto x, auto y) { return widen(x) * widen(y) + widen(x * y); });
  same_as_cpu(3, Inputs<X, X>{}, Parameters<>{}, [](auto x, auto y) {  // the second one wants no gradient
    return widen(x * y) * widen(detach(y));
  });
}
TEST_CASE("CUDA's kernels on the host: a float's gradient is rounded where it is written or added, and not where none is wanted") {
  constexpr int n = 1000;
  Card card;
  Arena<Card> memory(card);
  const auto rounded = noise<Shape<n>, bfloat16>(memory, 0, 1), before = noise<Shape<n>, bfloat16>(memory, 0, 2);
  const auto dy = noise<Shape<n>, float>(memory, 0, 3), wide_one = make_tensor<Shape<n>, float>(memory, Shape<n>{});
  kernel_forward(card, op::Widen{n}, wide_one.at, static_cast<const bfloat16*>(rounded.at));
  const auto after = [&](Write mode) {
    const auto dx = make_tensor<Shape<n>, bfloat16>(memory, Shape<n>{});
    card.synchronise();  // before the host writes
    std::copy_n(before.at, n, dx.at);
    kernel_backward(card, op::Widen{n}, Sink<bfloat16>{dx.at, mode}, static_cast<const float*>(dy.at));
    return dx;
  };
  const auto skipped = after(Write::skip), assigned = after(Write::assign), added = after(Write::add);
  card.synchronise();
  for (int i = 0; i < n; ++i) {
    CAPTURE(i);
    CHECK(wide_one.at[i] == float{rounded.at[i]});
    CHECK(skipped.at[i].bits == before.at[i].bits);
    CHECK(assigned.at[i].bits == bfloat16(dy.at[i]).bits);
    CHECK(added.at[i].bits == bfloat16(float{before.at[i]} + dy.at[i]).bits);
  }
}
TEST_CASE("widen: floats are what they were, on the same place of the tape") {
  Cpu cpu(1);
  Arena<Cpu> memory(cpu);
  Tape<Cpu> tape(cpu);
  const auto x = tape.differentiable_input(noise<Shape<dyn, 5>, float>(memory, 3, 1));
  const auto y = widen(x);
  static_assert(std::is_same_v<decltype(y), decltype(x)>);
  CHECK(y.data() == x.data());
  CHECK(y.slot == x.slot);
}

TEST_SUITE_END();
