// Steps as graphs: the same bits as calls one by one, whatever changes from step to step; and what Replay does with lists of calls.
#include <doctest/doctest.h>

#include <cstring>

#include "support/host_kernels.hpp"
#include "support/models.hpp"
#include "vitrail/backends/cuda/plan_book.hpp"
#include "vitrail/masking/split.hpp"
#include "vitrail/objectives/dino.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/train/adamw.hpp"

using namespace vitrail;

namespace {

constexpr ViTConfig config{
    .image = 8, .patch = 4, .dim = 8, .depth = 1, .heads = 2, .mlp_ratio = 2, .class_token = true, .drop_path_percent = 30};
using Pretext = SplitMask<ViT<config>, RandomSplit<4, 50>, RandomProjection<config, 12>, SplitMaskConfig{.decoder_depth = 1}>;
using Distilled = Dino<ViT<config>, DinoConfig{.local = 4, .locals = 1, .hidden = 8, .bottleneck = 4, .prototypes = 16}>;

struct Trained {
  std::vector<float> numbers;  // losses, and all parameters in the end
  std::int64_t started = 0, graphs = 0, patched = 0;
};
// Steps with a rate, a mask, dropped paths and images of their own; after step `odd` one with another batch.
template <class Objective, class T>
Trained train(const HostCudaConfig& how, int steps, int odd = -1) {
  HostCuda device(how);
  Model<Objective, HostCuda, T> model(device, Random(1));
  AdamW optimizer(model);
  Tape<HostCuda> tape(device);
  Arena<HostCuda> inputs(device);
  Sampler sampler(Random(0));
  const std::vector<int> labels(8);
  Trained out;
  for (int step = 0; step < steps; ++step) {
    const int batch = step == odd ? 3 : 2;
    tape.reset(static_cast<std::uint64_t>(step));
    inputs.reset();
    sampler.begin(Random(7).stream(static_cast<std::uint64_t>(step)));
    const auto part = draw_for(*model, sampler, batch, labels.data());
    model.zero_gradients();
    std::uint64_t seed = static_cast<std::uint64_t>(100 * step);
    const auto result = loss_on_views(*model, batch, part, [&]<class S>(S shape) {
      const auto images = make_tensor<S, T>(inputs, shape);
      std::vector<T> pixels(static_cast<std::size_t>(shape.size()));
      Random random(++seed);
      for (T& p : pixels) p = static_cast<T>(static_cast<float>(random.normal()));
      device.upload(images.at, pixels.data(), pixels.size() * sizeof(T));
      return tape.input(images);
    });
    tape.backward(loss_of(result));
    float loss = 0;
    device.download(&loss, loss_of(result).data(), sizeof loss);
    out.numbers.push_back(loss);
    optimizer.step(1e-3 * (step + 1));
    if constexpr (requires { model->after_step(0.9); }) model->after_step(0.9 + 0.01 * step);
  }
  const std::size_t kept = out.numbers.size(), size = static_cast<std::size_t>(model.size());
  out.numbers.resize(kept + size);
  device.download(out.numbers.data() + kept, model.values(), size * sizeof(float));
  out.started = device.started(), out.graphs = device.graphs_started(), out.patched = device.patched();
  return out;
}

// A driver that notes what it is asked for.
struct Notes {
  using Graph = int;
  std::string text{};
  bool fails = false;
  void issue(const cuda::Calls& calls) {
    text += "i" + std::to_string(calls.size());
    if (fails) throw DeviceError("no card");
  }
  Graph record(const cuda::Calls& calls) {
    text += "r" + std::to_string(calls.size());
    return 0;
  }
  void patch(Graph&, std::size_t i, const cuda::Calls&) { text += "p" + std::to_string(i); }
  void start(Graph&) { text += "s"; }
};
struct Body {
  static constexpr int threads = 32;
  std::int64_t number;
};
#if defined(__GNUC__) && !defined(__clang__)
struct Padded {
  static constexpr int threads = 32;
  std::int32_t number;
  double share;
};
#endif
const char first = 0, second = 0;  // two kernels

void add(cuda::Replay<Notes>& replay, const char& kernel, std::int64_t number, std::int64_t blocks = 1) {
  replay.waiting().add_kernel("op", &kernel, Body{number}, blocks, 0);
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE_TEMPLATE("a step that is one graph gives the same bits as calls one by one", T, float, bfloat16) {
  const Trained alone = train<Pretext, T>({}, 30, 9), graphs = train<Pretext, T>({.graphs = true}, 30, 9);
  CHECK(graphs.numbers == alone.numbers);
  CHECK(alone.graphs == 0);
  CHECK(graphs.graphs > graphs.started * 8 / 10);  // all but what is new: the first step, and the odd one
  CHECK(graphs.graphs < graphs.started);
  CHECK(graphs.patched > 0);  // rates, keys of dropped paths
}
TEST_CASE("a step with a teacher that is one graph gives the same bits as calls one by one") {
  const Trained alone = train<Distilled, float>({}, 12), graphs = train<Distilled, float>({.graphs = true}, 12);
  CHECK(graphs.numbers == alone.numbers);
  CHECK(graphs.graphs > 0);
}
TEST_CASE("steps whose products make GELU and gradients of biases give nearly the same numbers, and the same bits as graphs") {
  const Trained apart = train<Pretext, bfloat16>({}, 6), fused = train<Pretext, bfloat16>({.epilogues = true}, 6);
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < apart.numbers.size(); ++i)
    difference += std::pow(double{fused.numbers[i]} - apart.numbers[i], 2), size += std::pow(double{apart.numbers[i]}, 2);
  CHECK(difference > 0);
  CHECK(difference < 1e-4 * size);
  CHECK(train<Pretext, bfloat16>({.graphs = true, .epilogues = true}, 6).numbers == fused.numbers);
}
#if defined(__GNUC__) && !defined(__clang__)
TEST_CASE("what lies between the members of an argument changes no graph") {
  Notes notes;
  cuda::Replay<Notes> replay(notes);
  for (const int noise : {0, 0xAB, 0xCD, 0x11}) {
    alignas(Padded) unsigned char memory[sizeof(Padded)];
    std::memset(memory, noise, sizeof memory);
    Padded& body = *reinterpret_cast<Padded*>(memory);
    body.number = 7, body.share = 0.5;
    replay.waiting().add_kernel("op", &first, body, 1, 0);
    replay.start();
  }
  CHECK(notes.text == "i1r1sss");
}
#endif
TEST_CASE("a list of calls is issued, then recorded, then started with what has changed") {
  Notes notes;
  cuda::Replay<Notes> replay(notes);
  const auto step = [&](std::int64_t a, std::int64_t b) {
    notes.text.clear();
    add(replay, first, a), add(replay, second, b);
    replay.start();
    return notes.text;
  };
  CHECK(step(1, 2) == "i2");
  CHECK(step(1, 3) == "r2s");
  CHECK(step(1, 3) == "s");
  CHECK(step(1, 4) == "p1s");
  CHECK(step(5, 6) == "p0p1s");
  CHECK(step(5, 6) == "s");
  replay.start();  // nothing waits
  CHECK(notes.text == "s");
  CHECK(replay.started() == 6);
  CHECK(replay.graphs_started() == 5);
}
TEST_CASE("a list with other kernels, other sizes or other products is another list, and the first is still known") {
  Notes notes;
  cuda::Replay<Notes> replay(notes);
  float x[4] = {};
  const auto list = [&](const char& kernel, std::int64_t blocks, float* y) {
    notes.text.clear();
    add(replay, kernel, 1, blocks);
    replay.waiting().add_product("product", {cuda::Gemm{1, 1, 1}, cuda::Scalar::float32, cuda::Scalar::float32, y, x, x, nullptr, nullptr});
    replay.start();
    return notes.text;
  };
  CHECK(list(first, 1, x) == "i2");
  CHECK(list(second, 1, x) == "i2");
  CHECK(list(first, 2, x) == "i2");
  CHECK(list(first, 1, x + 1) == "i2");
  CHECK(list(first, 1, x) == "r2s");
  CHECK(list(second, 1, x) == "r2s");
  for (int other = 3; other < 40; ++other) list(first, other, x);  // more than are kept
  CHECK(list(first, 1, x) == "i2");
}
TEST_CASE("calls that fail are not started again, and the next ones are") {
  Notes notes;
  cuda::Replay<Notes> replay(notes);
  notes.fails = true;
  add(replay, first, 1);
  CHECK_THROWS_AS(replay.start(), DeviceError);
  notes.fails = false, notes.text.clear();
  replay.start();
  CHECK(notes.text == "");
  add(replay, first, 1), add(replay, first, 2);
  replay.start();
  CHECK(notes.text == "i2");
}

TEST_CASE("a book of plans is text that gives the same book, on the same card with the same library") {
  using cuda::PlanBook;
  PlanBook book("a card, cuBLASLt 130000", "");
  const std::uint32_t aligned[4] = {16, 16, 2, 4};
  const cuda::Gemm product{98, 384, 64, true, false, 3, 5, 6, 7};
  const std::string name = PlanBook::name(product, cuda::Scalar::bfloat16, cuda::Scalar::float32, true, cuda::Fused::none, aligned);
  CHECK(name != PlanBook::name(product, cuda::Scalar::bfloat16, cuda::Scalar::bfloat16, true, cuda::Fused::none, aligned));
  CHECK(name != PlanBook::name(product, cuda::Scalar::bfloat16, cuda::Scalar::float32, true, cuda::Fused::gelu, aligned));
  CHECK(book.find(name) == nullptr);
  const cuda::Algorithm algorithm{1, 0, 0xFFFFFFFFFFFFFFFFull, 3, 4, 5, 6, 0xABCDEFull};
  book.add(name, algorithm), book.add("other", {});
  const PlanBook again("a card, cuBLASLt 130000", book.text());
  REQUIRE(again.find(name) != nullptr);
  CHECK(*again.find(name) == algorithm);
  CHECK(again.text() == book.text());
  CHECK_THROWS_WITH_AS(
      PlanBook("another card, cuBLASLt 130000", book.text()),
      "Cuda: expected plans that begin with `vitrail plans for another card, cuBLASLt 130000`, found `vitrail plans for a card, "
      "cuBLASLt 130000`; plans hold for one card and one version of cuBLAS: leave them away, or time products anew (.tune = true)",
      ConfigError);
  const std::string head = "vitrail plans for c\n";
  for (const char* wrong : {"", "name", "name: 1 2 3", "name: 1 2 3 4 5 6 7 8 9", "name: 1 2 3 4 5 6 7 x"})
    CHECK_THROWS_AS(PlanBook("c", head + wrong + "\n"), ConfigError);
  CHECK_THROWS_AS(PlanBook("c", "nonsense"), ConfigError);
}

TEST_SUITE_END();
