// Products of matrices, a block's MLP, attention and the rendering of views alone, at the sizes of real models, as torch_kernels.py beside
// this file has the first three; prints a line of JSON for each: of values in bfloat16, or with --precision full in float (no MLP then).
// "vitrail fused": products make GELU and sums of biases. Usage: kernels gemm|attention|views [--batch 1024] [--precision full|bf16]
// [--rounds 5] [--seconds 0.1]
#include "events.hpp"

#include <vitrail/train/input_queue.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

using namespace vitrail;

namespace {

struct Settings {
  std::string stage;
  int batch = 1024, rounds = 5;
  double seconds = 0.1;
  Precision precision = Precision::bf16;
  bool epilogues = false;
};

// Numbers on the card, filled once: what a kernel multiplies does not change how long it takes, but zeros save it power.
template <class T>
class Numbers {
 public:
  Numbers(Cuda& device, std::int64_t count, std::uint64_t seed) : device_(device), at_(nullptr) {
    std::vector<T> noise(static_cast<std::size_t>(std::min<std::int64_t>(count, 1 << 20)));
    Random random(seed);
    for (T& x : noise) x = static_cast<T>(static_cast<float>(random.uniform(-1, 1)));
    at_ = static_cast<T*>(device.allocate(static_cast<std::size_t>(count) * sizeof(T)));
    for (std::int64_t done = 0; done < count; done += static_cast<std::int64_t>(noise.size()))
      device.upload(at_ + done, noise.data(), std::min(noise.size(), static_cast<std::size_t>(count - done)) * sizeof(T));
  }
  Numbers(const Numbers&) = delete;
  Numbers& operator=(const Numbers&) = delete;
  ~Numbers() { device_.release(at_); }
  T* at() const { return at_; }

 private:
  Cuda& device_;
  T* at_;
};

template <class T>
const T* read(const Numbers<T>& x) {
  return x.at();
}

template <class F>
void measure(const Settings& s, Events& events, const std::string& what, double flops, F f) {
  const std::vector<double> times = events.rounds(s.rounds, s.seconds, f);
  const double median = times[times.size() / 2];
  std::printf("{\"who\": \"vitrail%s\", \"stage\": \"%s\", \"what\": \"%s\", \"precision\": \"%s\", \"us\": %.2f, \"fastest\": %.2f, "
              "\"slowest\": %.2f, \"tflops\": %.1f}\n",
              s.epilogues ? " fused" : "", s.stage.c_str(), what.c_str(), s.precision == Precision::bf16 ? "bf16" : "full", 1e6 * median,
              1e6 * times.front(), 1e6 * times.back(), 1e-12 * flops / median);
}

// A linear map with its bias; the gradient of its input; those of its weights and bias.
template <class T>
void linear(const Settings& s, Cuda& device, Events& events, std::int64_t rows, int in, int out) {
  const Numbers<T> x(device, rows * in, 1), w(device, std::int64_t{in} * out, 2), b(device, out, 3), y(device, rows * out, 4);
  const Numbers<T> dx(device, rows * in, 5);
  const Numbers<float> dw(device, std::int64_t{in} * out, 6), db(device, out, 7);
  const op::Linear op{rows, in, out};
  const double flops = 2.0 * static_cast<double>(rows) * in * out;
  const T* const none = nullptr;
  const std::string size = std::to_string(rows) + "x" + std::to_string(in) + "x" + std::to_string(out);
  measure(s, events, "forward " + size, flops, [&] { kernel_forward(device, op, y.at(), read(x), read(w), read(b), none); });
  measure(s, events, "input " + size, flops, [&] {
    kernel_backward(device, op, Sink<T>{dx.at(), Write::assign}, Sink<float>{}, Sink<float>{}, read(y), read(x), read(w));
  });
  measure(s, events, "weights " + size, flops, [&] {
    kernel_backward(device, op, Sink<T>{}, Sink<float>{dw.at(), Write::add}, Sink<float>{db.at(), Write::add}, read(y), read(x), read(w));
  });
}
// norm_mlp with its residual. Sinks of parameters add, as in a step.
void mlp(const Settings& s, Cuda& device, Events& events, std::int64_t rows, int dim) {
  using T = bfloat16;
  const int hidden = 4 * dim;
  const std::int64_t values = rows * dim, inner = rows * hidden, weights = std::int64_t{dim} * hidden;
  const Numbers<T> x(device, values, 1), y(device, values, 2), dy(device, values, 3), dx(device, values, 4);
  const Numbers<T> before(device, inner, 5), after(device, inner, 6), gain(device, dim, 7), shift(device, dim, 8);
  const Numbers<T> w1(device, weights, 9), b1(device, hidden, 10), w2(device, weights, 11), b2(device, dim, 12);
  const Numbers<float> mean(device, rows, 13), rstd(device, rows, 14), d1(device, weights, 15), d2(device, weights, 16);
  const Numbers<float> of_dim[3] = {{device, dim, 17}, {device, dim, 18}, {device, dim, 19}}, of_hidden(device, hidden, 20);
  const op::NormMlp op{rows, dim, hidden, 1e-6};
  const auto add = [](const Numbers<float>& to) { return Sink<float>{to.at(), Write::add}; };
  const auto forward = [&] {
    kernel_forward(device, op, y.at(), mean.at(), rstd.at(), before.at(), after.at(), read(x), read(gain), read(shift), read(w1), read(b1),
                   read(w2), read(b2), read(x));
  };
  const double flops = 4.0 * static_cast<double>(rows) * dim * hidden;
  const std::string size = std::to_string(rows) + "x" + std::to_string(dim) + "x" + std::to_string(hidden);
  measure(s, events, "mlp forward " + size, flops, forward);
  measure(s, events, "mlp both ways " + size, 3 * flops, [&] {
    forward();
    kernel_backward(device, op, Sink<T>{dx.at(), Write::assign}, add(of_dim[0]), add(of_dim[1]), add(d1), add(of_hidden), add(d2),
                    add(of_dim[2]), read(dy), read(x), read(mean), read(rstd), read(before), read(after), read(gain), read(shift), read(w1),
                    read(w2));
  });
}
template <class T>
void attention(const Settings& s, Cuda& device, Events& events, int tokens, int heads) {
  const op::Attention op{s.batch, tokens, heads, 64};
  const std::int64_t values = std::int64_t{s.batch} * tokens * heads * 64;
  const Numbers<T> qkv(device, 3 * values, 1), y(device, values, 2), dy(device, values, 4), dqkv(device, 3 * values, 5);
  const Numbers<float> lse(device, std::int64_t{s.batch} * heads * tokens, 3);
  const double flops = 4.0 * static_cast<double>(values) * tokens;
  const std::string size = std::to_string(tokens) + " tokens, " + std::to_string(heads) + " heads";
  measure(s, events, "forward " + size, flops, [&] { kernel_forward(device, op, y.at(), lse.at(), read(qkv)); });
  measure(s, events, "both ways " + size, 3.5 * flops, [&] {
    kernel_forward(device, op, y.at(), lse.at(), read(qkv));
    kernel_backward(device, op, Sink<T>{dqkv.at(), Write::assign}, read(dy), read(y), read(qkv), read(lse));
  });
}

// Views of 224 pixels from pictures of 300 x 260, with the transforms of small data sets. "tflops" says nothing here.
template <class T>
void views(const Settings& s, Cuda& device, Events& events) {
  constexpr int size = 224, channels = 3, pictures = 64;
  std::vector<ViewPlan> plans;
  std::vector<std::uint8_t> bytes;
  Image image(300, 260, channels);
  for (int i = 0; i < s.batch; ++i) {
    Random random{static_cast<std::uint64_t>(i)};
    ViewPlan plan = plan_view(image, augment_small_data(), random, size, channels);
    plan.at = static_cast<std::int64_t>(image.pixels.size()) * (i % pictures);
    plans.push_back(plan);
  }
  bytes.resize(image.pixels.size() * pictures);
  Random noise{1};
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(noise.below(256));
  Arena<Cuda> memory(device);
  ViewPlan* const plans_there = memory.take<ViewPlan>(s.batch);
  std::uint8_t* const bytes_there = memory.take<std::uint8_t>(static_cast<std::int64_t>(bytes.size()));
  T* const to = memory.take<T>(std::int64_t{s.batch} * channels * size * size);
  device.upload(plans_there, plans.data(), plans.size() * sizeof(ViewPlan));
  device.upload(bytes_there, bytes.data(), bytes.size());
  const op::RenderViews op{s.batch, channels, size, detail::most_taps(plans.data(), plans.size())};
  measure(s, events, std::to_string(s.batch) + " of 224 pixels", 0, [&] {
    kernel_forward(device, op, to, static_cast<const ViewPlan*>(plans_there), static_cast<const std::uint8_t*>(bytes_there));
  });
}

template <class T>
void stage(const Settings& s, Cuda& device, Events& events) {
  if (s.stage == "views") return views<T>(s, device, events);
  if (s.stage == "attention") {
    for (const int heads : {6, 12})
      for (const int tokens : {65, 98, 196, 197}) attention<T>(s, device, events, tokens, heads);
    return;
  }
  for (const int dim : {384, 768}) {  // ViT-S/16 and ViT-B/16, whose halves have 98 tokens each
    const std::int64_t rows = std::int64_t{s.batch} * 196;
    linear<T>(s, device, events, rows, dim, 3 * dim);
    linear<T>(s, device, events, rows, dim, dim);
    linear<T>(s, device, events, rows, dim, 4 * dim);
    linear<T>(s, device, events, rows, 4 * dim, dim);
    if constexpr (std::is_same_v<T, bfloat16>) mlp(s, device, events, rows, dim);
  }
}

int refuse(const char* why) {
  std::fprintf(stderr, "%s\nusage: kernels gemm|attention|views [--batch N] [--precision full|bf16] [--rounds N] [--seconds S]\n", why);
  return 2;
}

}  // namespace

int main(int count, char** words) try {
  if (count < 2) return refuse("a stage is needed");
  Settings s{.stage = words[1]};
  for (int i = 2; i < count; ++i) {
    const std::string word = words[i];
    if (i + 1 == count) return refuse("an option without its value");
    else if (word == "--batch") s.batch = std::max(1, std::atoi(words[++i]));
    else if (word == "--precision") s.precision = std::string(words[++i]) == "full" ? Precision::full : Precision::bf16;
    else if (word == "--rounds") s.rounds = std::max(1, std::atoi(words[++i]));
    else if (word == "--seconds") s.seconds = std::atof(words[++i]);
    else return refuse("an unknown option");
  }
  if (s.stage != "gemm" && s.stage != "attention" && s.stage != "views") return refuse("an unknown stage");
  for (const bool epilogues : {false, true}) {
    if (epilogues && s.stage != "gemm") break;  // the others have no products of matrices
    s.epilogues = epilogues;
    Cuda device(CudaConfig{.precision = s.precision, .epilogues = epilogues});
    Events events(device);
    if (s.precision == Precision::full) stage<float>(s, device, events);
    else stage<bfloat16>(s, device, events);
  }
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
