// The matrix products of the models, GFLOP/s, whoever computes them (providers.hpp), and the most that the multipliers can do:
//   gemm/MODEL/LAYER/PASS/PROVIDER/THREADS        whole products; "GFLOP a step" is their weight, see tables.py
//   attention/TOKENS/PASS/PROVIDER/1              the products of one head after another
//   peak/THREADS  peak_bf16/THREADS               tiles whose operands stay in the first cache
// Operands come from one place of a large memory after another, as in a model: nobody finds them in cache.
#include <benchmark/benchmark.h>

#include "models.hpp"
#include "peak.hpp"
#include "providers.hpp"

using namespace vitrail;
using namespace products;
using Size = std::int64_t;

namespace {

enum class Pass : char { forward, input, weight };
constexpr const char* pass_names[] = {"forward", "dx", "dw"};

struct Layer {
  std::string name;
  Size rows;
  int in, out, times;  // so often in a step
  bool input_gradient = true;
  double gflop() const { return 2e-9 * static_cast<double>(rows) * in * out; }
};

// The linear maps of a SplitMask step: both halves of the patches are encoded, all patches decoded.
std::vector<Layer> layers_of(const ViTConfig& c, int batch, int vocabulary) {
  const Size encoded = Size{batch} * c.tokens(), decoded = 2 * encoded;
  const int d = c.dim, hidden = d * c.mlp_ratio, decoder_depth = 2;
  std::vector<Layer> all{{"embed", encoded, c.patch_values(), d, 1, false}, {"head", encoded, d, vocabulary, 1}};
  const auto blocks = [&](const std::string& part, Size rows, int depth) {
    all.push_back({part + "_qkv", rows, d, 3 * d, depth}), all.push_back({part + "_proj", rows, d, d, depth});
    all.push_back({part + "_fc1", rows, d, hidden, depth}), all.push_back({part + "_fc2", rows, hidden, d, depth});
  };
  blocks("encoder", encoded, c.depth), blocks("decoder", decoded, decoder_depth);
  return all;
}

// Numbers in a memory larger than the last cache, one stretch after another. What is read is never written.
class Ring : HostMemory {
 public:
  Ring() : at_(static_cast<float*>(allocate(size * sizeof(float)))) {
    Random random(1);
    for (Size i = 0; i < size; ++i) at_[i] = i < 4096 ? static_cast<float>(random.normal()) : at_[i % 4095];
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() { release(at_); }
  float* next(Size count) {
    if (begin_ + count > size) begin_ = 0;
    float* const found = at_ + begin_;
    begin_ += (count + 15) / 16 * 16;
    return found;
  }

 private:
  static constexpr Size size = Size{40} << 20;  // 160 MB
  float* at_;
  Size begin_ = 0;
};
Ring& operands() { static Ring ring; return ring; }
Ring& results() { static Ring ring; return ring; }

void rate(benchmark::State& state, double gflop) {
  state.counters["GFLOP/s"] = benchmark::Counter(static_cast<double>(state.iterations()) * gflop, benchmark::Counter::kIsRate);
}

// Ours as the layer's kernel; others add to what is there, the cheapest that they can do.
void multiply_layer(const Provider& who, Cpu* device, const Layer& l, Pass pass) {
  const op::Linear o{l.rows, l.in, l.out};
  const Size xs = o.rows * o.in, ys = o.rows * o.out, ws = Size{o.in} * o.out;
  const float* const first = operands().next(pass == Pass::forward ? xs : ys);
  const float* const second = operands().next(pass == Pass::weight ? xs : ws);
  float* const to = results().next(pass == Pass::forward ? ys : pass == Pass::input ? xs : ws);
  using Linear = Kernel<op::Linear, Cpu>;
  const Sink<float> sink{to, Write::assign}, none;
  switch (pass) {
    case Pass::forward:  // y = x W^T
      if (device != nullptr) return Linear::forward<float>(*device, o, to, first, second, nullptr, nullptr);
      return who.others->add_product(o.rows, o.out, o.in, {first, o.in}, {second, o.in, true}, to, o.out);
    case Pass::input:  // dx = dy W
      if (device != nullptr) return Linear::backward<float>(*device, o, sink, none, none, first, nullptr, second);
      return who.others->add_product(o.rows, o.in, o.out, {first, o.out}, {second, o.in}, to, o.in);
    case Pass::weight:  // dW = dy^T x
      if (device != nullptr) return Linear::backward<float>(*device, o, none, sink, none, first, second, nullptr);
      return who.others->add_product(o.out, o.in, o.rows, {first, o.out, true}, {second, o.in}, to, o.in);
  }
}

void measure_layer(benchmark::State& state, const Provider& who, const Layer& layer, Pass pass, int threads) {
  who.set_threads(threads);
  Cpu* const device = who.others == nullptr ? &who.device(threads) : nullptr;
  Layer few = layer;
  few.rows = 64;
  multiply_layer(who, device, few, pass);  // whatever is made once: memory, code
  for (auto _ : state) multiply_layer(who, device, layer, pass);
  rate(state, layer.gflop());
  state.counters["GFLOP a step"] = layer.gflop() * layer.times;
}

// The products of attention with heads of 64 numbers: scores q k^T, values p v, and dv = p^T dy.
struct Head {
  const char* pass;
  Size m, n, k;
  bool a_transposed, b_transposed;
};
void measure_heads(benchmark::State& state, const Provider& who, const Head& h, int heads) {
  who.set_threads(1);
  const auto multiply = [&] {
    for (int i = 0; i < heads; ++i) {
      const cpu::Operand<float> a{operands().next(h.m * h.k), h.a_transposed ? h.m : h.k, h.a_transposed},
          b{operands().next(h.k * h.n), h.b_transposed ? h.k : h.n, h.b_transposed};
      float* const to = results().next(h.m * h.n);
      if (who.others == nullptr) cpu::product(h.m, h.n, h.k, a, b, cpu::result(to, h.n), who.device(1).isa());
      else who.others->add_product(h.m, h.n, h.k, a, b, to, h.n);
    }
  };
  multiply();
  for (auto _ : state) multiply();
  rate(state, 2e-9 * static_cast<double>(heads * h.m * h.n * h.k));
}

#if VITRAIL_X86
void peak(benchmark::State& state, Cpu& device, const cpu::TileSet& set) {
  std::int64_t flops = 0;
  for (auto _ : state) flops = multiply_in_cache(device, set);
  rate(state, 1e-9 * static_cast<double>(flops));
}
#endif

auto* add(const std::string& name, auto measure) {
  return benchmark::RegisterBenchmark(name.c_str(), measure)->UseRealTime()->Unit(benchmark::kMicrosecond);
}
void add_peaks([[maybe_unused]] const std::vector<Provider>& all) {
#if VITRAIL_X86
  for (const Provider& who : all) {
    if (who.name != "bf16" && who.name != name(std::min(cpu::best_isa(), Isa::avx512))) continue;
    const cpu::TileSet& set = who.name == "bf16" ? cpu::tiles_bf16 : cpu::tiles(cpu::best_isa());
    for (int threads = 1; threads <= most_threads; ++threads)
      add(std::string(who.name == "bf16" ? "peak_bf16/" : "peak/") + std::to_string(threads),
          [&who, &set, threads](benchmark::State& state) { peak(state, who.device(threads), set); })->MinTime(0.15);
  }
#endif
}
void add_model(const std::string& model, const std::vector<Layer>& layers, const std::vector<Provider>& all) {
  for (const Layer& layer : layers)
    for (const Pass pass : {Pass::forward, Pass::input, Pass::weight})
      for (const Provider& who : all)
        for (int threads = 1; threads <= most_threads; ++threads)
          if (pass != Pass::input || layer.input_gradient)
            add("gemm/" + model + "/" + layer.name + "/" + pass_names[static_cast<int>(pass)] + "/" + who.name + "/" +
                    std::to_string(threads),
                [&who, layer, pass, threads](benchmark::State& state) { measure_layer(state, who, layer, pass, threads); });
}
void add_attention(const std::vector<Provider>& all) {
  struct Sequence { Size tokens; int heads; };
  for (const auto [n, heads] : {Sequence{32, 384}, {64, 384}, {98, 192}, {196, 192}})
    for (const Head& h : {Head{"scores", n, n, 64, false, true}, {"values", n, 64, n, false, false}, {"dv", n, 64, n, true, false}})
      for (const Provider& who : all) {
        if (who.name == "bf16") continue;  // attention computes with floats
        add("attention/" + std::to_string(n) + "/" + h.pass + "/" + who.name + "/1",
            [&who, h, heads = heads](benchmark::State& state) { measure_heads(state, who, h, heads); });
      }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  const std::vector<Provider> all = all_providers();
  add_peaks(all);
  add_model("tiny", layers_of(tiny, 64, 1024), all);
  add_model("vits", layers_of(vits, 16, 8192), all);
  add_attention(all);
  benchmark::RunSpecifiedBenchmarks();
}
