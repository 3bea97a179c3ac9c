// Devices around the host's: Timed counts what Plan plans, and Checked finds kernels that write or read where they may not.
#include "support/ops.hpp"
#include "vitrail/backends/checked.hpp"
#include "vitrail/backends/plan.hpp"
#include "vitrail/backends/timed.hpp"
#include "vitrail/ops/attention.hpp"
#include "vitrail/ops/channels.hpp"
#include "vitrail/ops/cross_entropy.hpp"
#include "vitrail/ops/gelu.hpp"
#include "vitrail/ops/info_nce.hpp"
#include "vitrail/ops/layer_norm.hpp"
#include "vitrail/ops/linear.hpp"
#include "vitrail/ops/softmax.hpp"
#include "vitrail/ops/tokens.hpp"

using namespace vitrail;

namespace {

// A module that uses an op of each kind, with a frozen parameter, a residual, and a value that is used twice.
struct Chain {
  Parameter<Shape<24, 8>> weight{};
  Parameter<Shape<24>> bias{};
  Parameter<Shape<8>> gain{}, shift{};
  Parameter<Shape<5, 8>> table{.trained = false};
  Parameter<Shape<8>> token{};

  constexpr auto operator()(const Value auto& x, const Indices<3>& places) const {
    const auto y = add_table(layer_norm(x, gain, shift), table);
    const auto z = attention<2>(linear(y, weight, bias));
    const auto w = add_dropped(y, gelu(z), 0.5);
    const auto seen = complete<0>(gather(w, places), token, view<Shape<5, 8>>(table), places);
    const auto pooled = mean_tokens(concat(seen, scale_channels(y, gain)));
    const auto loss = info_nce(pooled).loss;
    return loss + mean(softplus_like(pooled));
  }
  constexpr void visit(auto&& f) {
    f("weight", weight), f("bias", bias), f("gain", gain), f("shift", shift), f("table", table), f("token", token);
  }

 private:
  static constexpr auto softplus_like(const Value auto& x) { return 0.5 * x * x; }
};
using ChainInput = Shape<dyn, 5, 8>;

template <class D> struct Ran {
  D device{1};
  Model<Chain, D, float> model{device, Random(1)};
  Tape<D> tape{device};
  Arena<D> memory{device};
  Sampler sampler{Random(0)};
  std::vector<float> out;

  explicit Ran(int batch, std::size_t gradient_bytes = 0) {
    tape.gradients().reserve(gradient_bytes);
    const auto x = noise<ChainInput, float>(memory, batch, 1);
    const auto places = sampler.template indices<3>(batch);
    for (int b = 0; b < batch; ++b)
      for (int j = 0; j < 3; ++j) places.row(b)[j] = 2 * j;
    const auto loss = (*model)(tape.input(x), places);
    tape.backward(loss);
    out.assign(model.gradients(), model.gradients() + model.trained());
    out.push_back(*loss.data());
  }
};

struct Planned {
  std::int64_t forward, backward;
  int kernels;
  std::size_t values, gradients;
};
constexpr Planned plan(int batch) {
  Plan device;
  Tape<Plan> tape(device);
  Arena<Plan> memory(device);
  const Chain chain{};
  const auto x = make_tensor<ChainInput, float>(memory, ChainInput(batch));
  tape.backward(chain(tape.input(x), Indices<3>{nullptr, Shape<dyn, 3>(batch)}));
  return {device.forward_flops, device.backward_flops, device.kernels, tape.values().peak(), tape.gradients().peak()};
}
constexpr Planned planned_at_compile_time = plan(6);

// Kernels with faults.
enum class Fault { behind_forward, behind_backward, half_written, no_number_backward };
struct Faulty {
  static constexpr const char* name = "faulty";
  std::int64_t n;
  Fault fault;
  constexpr std::int64_t forward_flops() const { return n; }
  constexpr std::int64_t backward_flops(Wanted) const { return n; }
};
template <Value X> auto faulty(const X& x, Fault fault) {
  auto y = fresh<shape_of<X>>(x);
  const Faulty op{x.shape.size(), fault};
  run(op, y, x);
  if constexpr (Tracked<X>) y.tape->on_backward(y.slot, [op, y, x] { run_backward(op, y, sink(x), y.grad()); });
  return y;
}
template <class F> std::string overrun(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing found";
}

}  // namespace

template <> struct vitrail::Kernel<Faulty, Cpu> {
  template <class T> static void forward(Cpu&, const Faulty& o, T* y, const T* x) {
    const std::int64_t n = o.fault == Fault::half_written ? o.n / 2 : o.fault == Fault::behind_forward ? o.n + 1 : o.n;
    for (std::int64_t i = 0; i < n; ++i) y[i] = i < o.n ? x[i] : T(0);
  }
  template <class T> static void backward(Cpu&, const Faulty& o, Sink<T> dx, const T* dy) {
    for (std::int64_t i = 0; i < o.n + (o.fault == Fault::behind_backward ? 1 : 0); ++i) dx.to[i] = i < o.n ? dy[i] : T(0);
    if (o.fault == Fault::no_number_backward) dx.to[2] = std::numeric_limits<T>::quiet_NaN();
  }
};

TEST_SUITE_BEGIN("backends");

TEST_CASE("a timed device counts each op by its tag's formula, forward and backward") {
  Timed<Cpu> device(1);
  Model<Bag<Shape<4, 5>, Shape<4>>, Timed<Cpu>, float> model(device, Random(1));
  Tape<Timed<Cpu>> tape(device);
  Arena<Timed<Cpu>> memory(device);
  const auto x = noise<Shape<dyn, 3, 5>, float>(memory, 2, 1);
  const auto& [weight, bias] = model->all;
  const auto y = linear(tape.input(x), weight, bias);
  const auto z = gelu(gelu(y));
  tape.backward(sum(z));
  const op::Linear tag{6, 5, 4};
  const auto line = [&](const char* name, bool backward) {
    for (const KernelTime& t : device.times)
      if (t.name == std::string(name) && t.backward == backward) return t;
    return KernelTime{};
  };
  CHECK(line("linear", false).calls == 1);
  CHECK(line("linear", false).flops == tag.forward_flops());
  CHECK(tag.forward_flops() == 2 * 6 * 5 * 4);
  CHECK(line("linear", true).flops == tag.backward_flops({false, true, true}));  // the input wants no gradient
  CHECK(tag.backward_flops({false, true, true}) == 2 * 6 * 5 * 4 + 6 * 4);
  CHECK(line("gelu", false).calls == 2);
  CHECK(line("gelu", true).flops == 2 * 12 * 24);
  CHECK(line("sum", true).calls == 1);
  CHECK(line("linear", false).bytes == 4 * (6 * 4 + 6 * 5 + 4 * 5 + 4));  // y, x, weight, bias
  CHECK(line("linear", true).bytes == 4 * (6 * 4 + 2 * 4 * 5 + 2 * 4 + 6 * 5 + 4 * 5));  // dy, what is added to dweight and dbias, x, weight
  CHECK(line("gelu", false).bytes == 2 * 4 * (24 + 24));
  kernel_forward(device, op::SumSquares{100}, std::vector<double>(1).data(), static_cast<const float*>(std::vector<float>(100).data()));
  CHECK(line("sum_squares", false).bytes == 400);
  const std::string table = device.table();
  CHECK(table.find("GFLOP/s | GB/s |\n") != std::string::npos);
  CHECK(std::count(table.begin(), table.end(), '\n') == 2 + static_cast<std::ptrdiff_t>(device.times.size()));
  CHECK(line("linear", false).seconds >= 0);
  std::int64_t forward = 0, backward = 0;
  int calls = 0;
  for (const KernelTime& t : device.times) (t.backward ? backward : forward) += t.flops, calls += t.calls;
  CHECK(forward == device.forward_flops);
  CHECK(backward == device.backward_flops);
  CHECK(calls == device.kernels);
}
TEST_CASE("a plan counts what a step then does, in operations, kernels and bytes, in the compiler as well") {
  for (const int batch : {2, 6, 20}) {
    const Planned planned = plan(batch);
    Ran<Timed<Cpu>> ran(batch, planned.gradients);
    CHECK(planned.forward == ran.device.forward_flops);
    CHECK(planned.backward == ran.device.backward_flops);
    CHECK(planned.kernels == ran.device.kernels);
    CHECK(planned.values == ran.tape.values().peak());
    CHECK(planned.gradients == ran.tape.gradients().peak());
  }
  CHECK(planned_at_compile_time.forward == plan(6).forward);
  CHECK(planned_at_compile_time.backward == plan(6).backward);
  CHECK(planned_at_compile_time.values == plan(6).values);
}
TEST_CASE("timing and checking change no bit") {
  const Ran<Cpu> plain(6);
  CHECK(Ran<Timed<Cpu>>(6).out == plain.out);
  CHECK(Ran<Checked<Cpu>>(6).out == plain.out);
  CHECK(Ran<Timed<Checked<Cpu>>>(6).out == plain.out);
}
TEST_CASE("a checked device finds a kernel that writes behind its result, and names the op") {
  Bench<float, Checked<Cpu>> bench;
  const auto x = bench.random<dyn, 3>(5);
  CHECK(overrun([&] { faulty(x, Fault::behind_forward); }) == "faulty: a kernel wrote behind the end of a value");
  CHECK(overrun([&] { faulty(bench.random<dyn, 16>(4), Fault::behind_forward); }).find("faulty") == 0);  // 256 bytes: no padding
}
TEST_CASE("a checked device finds a kernel that writes behind a gradient") {
  Bench<float, Checked<Cpu>> bench;
  const auto x = bench.tape.differentiable_input(bench.random<dyn, 3>(5));
  const auto loss = sum(faulty(x, Fault::behind_backward));
  CHECK(overrun([&] { bench.tape.backward(loss); }).find("faulty") == 0);
}
TEST_CASE("a checked device finds what a kernel leaves unwritten, in a reused block too") {
  Bench<float, Checked<Cpu>> bench;
  const auto x = bench.random<dyn, 4>(5);
  for (int step = 0; step < 3; ++step) {
    bench.tape.reset();
    const std::string said = overrun([&] { faulty(bench.tape.input(x), Fault::half_written); });
    CHECK(said.find("faulty: of what comes out, 10 of 20 are no numbers (NaN), the first at place 10") == 0);
  }
}
TEST_CASE("a checked device finds a NaN, whether it came in, was made of a weight, or is a gradient's, and names the op") {
  Bench<float, Checked<Cpu>> bench;
  const auto x = bench.random<dyn, 4>(5);
  const float infinity = std::numeric_limits<float>::infinity();
  x.at[7] = infinity;
  CHECK(overrun([&] { gelu(x); }) == "nothing found");  // infinity is a number: what becomes of it shows
  CHECK(overrun([&] { softmax(x); }).find("softmax: of what comes out, 4 of 20 are no numbers (NaN), the first at place 4") == 0);
  x.at[7] = std::numeric_limits<float>::quiet_NaN();
  CHECK(overrun([&] { gelu(x); }) == "gelu: of what goes in, 1 of 20 are no numbers (NaN), the first at place 7");
  Model<Bag<Shape<4, 5>, Shape<4>>, Checked<Cpu>, float> model(bench.device, Random(1));
  const auto& weight = std::get<0>(model->all);
  const auto& bias = std::get<1>(model->all);
  const auto z = bench.random<dyn, 3, 5>(2);
  model.values()[3] = std::numeric_limits<float>::quiet_NaN();
  CHECK(overrun([&] { linear(bench.tape.input(z), weight, bias); }) == "linear: of what goes in, 1 of 20 are no numbers (NaN), the first at place 3");
  model.values()[3] = 0;
  const auto loss = sum(faulty(linear(bench.tape.input(z), weight, bias), Fault::no_number_backward));
  CHECK(overrun([&] { bench.tape.backward(loss); }).find("faulty, backward: of a gradient, 1 of 24 are no numbers (NaN), the first at place 2") == 0);
}
TEST_CASE("a checked device refuses an index that is out of range, and says which") {
  Bench<float, Checked<Cpu>> bench;
  const auto x = bench.random<dyn, 4, 2>(3);
  const auto index = bench.indices<2>(3, 4);
  CHECK(overrun([&] { gather(x, index); }) == "nothing found");
  index.at[3] = 4;
  const std::string said = "gather: index 4 at place 3 is not in 0 .. 3";
  CHECK(overrun([&] { gather(x, index); }) == said);
  CHECK(overrun([&] { scatter<4>(gather<0>(bench.random<dyn, 5, 2>(3), index), index); }).find("scatter: index 4") == 0);
  index.at[3] = -1;
  CHECK(overrun([&] { gather(x, index); }).find("index -1 at place 3") != std::string::npos);
  index.at[3] = 3;
  CHECK(overrun([&] { gather<1>(x, index); }).find("index 3 at place 3 is not in 0 .. 2") != std::string::npos);
  const Tensor<Shape<dyn, 2>, Checked<Cpu>, int> target{index.at, &bench.memory, index.shape};
  CHECK(overrun([&] { cross_entropy(bench.random<dyn, 2, 3>(3), target); }).find("cross_entropy: index 3") == 0);
}
TEST_CASE("integers that are gathered are values, not places: they may be larger than the sequence is long") {
  Bench<float, Checked<Cpu>> bench;
  const auto index = bench.indices<2>(3, 4), drawn = bench.indices<2>(6, 4);
  const Tensor<Shape<dyn, 4>, Checked<Cpu>, int> words{drawn.at, &bench.memory, Shape<dyn, 4>(3)};
  for (int i = 0; i < 12; ++i) words.at[i] = 500 + i;
  CHECK(overrun([&] { gather(words, index); }) == "nothing found");
  CHECK(gather(words, index).at[5] == 508 + index.at[5]);
  index.at[5] = 4;
  CHECK(overrun([&] { gather(words, index); }).find("gather_ids: index 4 at place 5") == 0);
}

TEST_SUITE_END();
