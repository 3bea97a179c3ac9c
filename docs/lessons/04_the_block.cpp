// Lesson 4: what happens to tokens in 24 layers that were not trained, with shortcuts and without. See 04_the_block.md.
#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <string>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/file.hpp>
#include <vitrail/io/svg.hpp>
#include <vitrail/nn/model.hpp>
#include <vitrail/nn/transformer.hpp>
#include <vitrail/ops/arithmetic.hpp>

using namespace vitrail;

constexpr int N = 16, D = 64, depth = 24;
using Tokens = Tensor<Shape<dyn, N, D>, Cpu, double>;

// [block]
constexpr BlockConfig config{.dim = D, .heads = 4, .hidden = 4 * D};
using TheBlock = Block<config>;
static_assert(count_parameters<TheBlock>() == 12 * D * D + 13 * D);

Tokens by_hand(const TheBlock& b, Tokens x) {
  const Tokens asked = x + b.attn(b.norm1(x));      // tokens exchange what they know
  return asked + b.mlp(b.norm2(asked));             // each thinks for itself
}
// [/block]

// [without]
Tokens attention_alone(const TheBlock& b, Tokens x) { return b.attn(b.norm1(x)); }
Tokens no_shortcuts(const TheBlock& b, Tokens x) { return b.mlp(b.norm2(b.attn(b.norm1(x)))); }
Tokens no_norms(const TheBlock& b, Tokens x) {
  const Tokens asked = x + b.attn(x);
  return asked + b.mlp(asked);
}
// [/without]
// [measures]
struct Measures {
  double different, size;  // the part of the tokens' length that is not their common mean; the size of the average number
};
Measures measure(Tokens x) {
  double own = 0, all = 0;
  for (int d = 0; d < D; ++d) {
    double mean = 0;
    for (int n = 0; n < N; ++n) mean += x.data()[n * D + d] / N;
    for (int n = 0; n < N; ++n) own += std::pow(x.data()[n * D + d] - mean, 2), all += std::pow(x.data()[n * D + d], 2);
  }
  return {std::sqrt(own / all), std::sqrt(all / (N * D))};
}
// [/measures]

int main() {
  Cpu device{{.threads = 1}};
  Arena<Cpu> memory{device};
  Model<Transformer<config, depth>, Cpu, double> model{device, Random{1}};
  // Weights start at 0.02, so that a model can be deeper than this. Here they are as large as keeps a number's size: 1 / sqrt(inputs).
  each_parameter(*model, [](const Path&, auto& p) {
    using S = typename std::remove_reference_t<decltype(p)>::shape_type;
    if constexpr (S::rank == 2)
      for (int i = 0; i < S::inner; ++i) weights<double>(p)[i] *= 50 / std::sqrt(double{last_extent<S>});
  });
  const auto start = make_tensor<Shape<dyn, N, D>, double>(memory, Shape<dyn, N, D>(1));
  Random random{2};
  for (int i = 0; i < N * D; ++i) start.data()[i] = random.normal();
  Chart charts[] = {{.title = "difference", .x_label = "layers", .y_label = "how different tokens are", .series = {}, .log_y = true},
                    {.title = "size", .x_label = "layers", .y_label = "size of the average number", .series = {}, .log_y = true}};
  // [run]
  const auto run_through = [&](const char* name, auto layer) {
    Tokens x = start;
    Series lines[] = {{.name = name, .points = {{0, measure(x).different}}}, {.name = name, .points = {{0, measure(x).size}}}};
    for (int i = 0; i < depth; ++i) {
      x = layer(model->blocks[static_cast<std::size_t>(i)], x);
      const Measures now = measure(x);
      lines[0].points.push_back({i + 1, now.different}), lines[1].points.push_back({i + 1, now.size});
    }
    for (int c = 0; c < 2; ++c) charts[c].series.push_back(lines[c]);
    std::cout << std::setprecision(2) << name << ": size " << measure(x).size << ", different ";
    (measure(x).different > 1e-9 ? std::cout << measure(x).different : std::cout << "no more") << "\n";
    return x;
  };
  // [/run]
  run_through("attention alone", attention_alone), run_through("no shortcuts", no_shortcuts), run_through("no norms", no_norms);
  Tokens x = run_through("the block", by_hand), y = start;
  for (const TheBlock& block : model->blocks) y = block(y);
  double apart = 0;
  for (int i = 0; i < N * D; ++i) apart = std::max(apart, std::abs(x.data()[i] - y.data()[i]));
  std::cout << "by hand as by the library: " << (apart < 1e-9 ? "yes" : "no") << "\n";

  std::string svg = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 800 350' font-family='sans-serif' font-size='12' fill='#444'><style>"
      ".grid{stroke:#ddd}.base{stroke:#777}polyline{fill:none;stroke-width:2}circle{fill:#fff;stroke-width:1.5}"
      ".s0{stroke:#0072b2}.s1{stroke:#d55e00}.s2{stroke:#009e73}.s3{stroke:#cc79a7}.t0{fill:#0072b2}.t1{fill:#d55e00}.t2{fill:#009e73}.t3{fill:#cc79a7}</style><rect width='800' height='350' fill='#fff'/>";
  for (int i = 0; i < 4; ++i)
    svg += "<text y='20' font-weight='bold' x='" + std::to_string(70 + 180 * i) + "' class='t" + std::to_string(i) + "'>" + charts[0].series[static_cast<std::size_t>(i)].name + "</text>";
  for (int c = 0; c < 2; ++c)
    svg += "<svg y='30' width='400' height='320' x='" + std::to_string(400 * c) + "'>" + line_chart_svg(charts[c], 400) + "</svg>";
  write_atomically("04_the_block.svg", svg + "</svg>\n");
}
