// Lesson 7: three ways to learn from images that nobody has labelled, on the same images. See 07_splitmask_mae_dino.md.
#include <cmath>
#include <iostream>
#include <vitrail/backends/cpu.hpp>
#include <vitrail/eval/token_entropy.hpp>
#include <vitrail/io/base64.hpp>
#include <vitrail/io/file.hpp>
#include <vitrail/io/png.hpp>
#include <vitrail/io/svg.hpp>
#include <vitrail/io/textured_shapes.hpp>
#include <vitrail/objectives/dino.hpp>
#include <vitrail/objectives/mae.hpp>
#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/tokenizers/random_patches.hpp>
#include <vitrail/train/fit.hpp>
#include <vitrail/train/patches.hpp>
using namespace vitrail;
using Numbers = std::vector<float>;
// [objectives]
constexpr ViTConfig vit{.image = 24, .patch = 4, .channels = 3, .dim = 32, .depth = 2, .heads = 2};
constexpr int N = vit.tokens(), P = vit.patch_values(), K = 64, prototypes = 32, B = 16, steps = 240;
using Encoder = ViT<vit>;
using Words = Codebook<TokenizerConfig{.channels = 3, .patch = vit.patch, .vocabulary = K}>;
using Split = SplitMask<Encoder, BlockSplit<vit.grid(), 50>, Words, SplitMaskConfig{.decoder_depth = 1}>;
using Masked = Mae<Encoder, RandomMask<N, 75>, DecoderConfig{.dim = vit.dim, .depth = 1, .heads = vit.heads}>;
using Taught = Dino<Encoder, DinoConfig{.local = 12, .locals = 2, .hidden = 96, .bottleneck = 32, .prototypes = prototypes}>;
// [/objectives]
// [train]
// A chart's series are parts of the loss, by the names that the objective reports; its levels say what less knowledge costs.
template <class M> std::string train(int left, Model<M, Cpu>& model, const ImageSet& set, const LoaderConfig& views, double rate, Chart chart) {
  BatchLoader loader{set, views};
  AdamW optimizer{model};
  const FitConfig config{.steps = steps, .momentum_from = 0.99};  // the momentum is for DINO's teacher
  fit(model, optimizer, CosineSchedule{.peak = rate, .warmup = 20, .steps = steps}, loader, config, [&](const StepReport& r) {
    for (Series& line : chart.series) {
      line.points.push_back({r.step, r.loss});
      for (const auto& [name, part] : r.terms) line.points.back().second = line.name == name ? part : line.points.back().second;
    }
  });
  // [/train]
  std::string svg = "<g transform='translate(" + std::to_string(left) + ")'><text x='16' y='20' font-weight='bold'>" + chart.title + "</text>";
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    double end = 0;
    for (std::size_t step = steps - 50; step < steps; ++step) end += chart.series[i].points[step].second / 50;
    if (i < chart.levels.size())
      std::cout << chart.title << ", " << chart.series[i].name << " below " << chart.levels[i].name << ", " << std::round(10 * chart.levels[i].y) / 10
                << ": " << (end < chart.levels[i].y ? "yes" : "no") << "\n  " << end << " over the last 50 steps\n";
    svg += "<text x='" + std::to_string(120 + 80 * i) + "' y='20' class='t" + std::to_string(i) + "'>" + chart.series[i].name + "</text>";
  }
  return svg + "<svg y='170' width='340' height='320'>" + line_chart_svg(chart, 340) + "</svg></g>";
}
std::string panel(int i, const std::string& title, const Numbers& planes, int side = vit.image) {  // (3, side, side), -1 black, 1 white
  Image image(side, side, 3);
  for (int j = 0, area = side * side; j < 3 * area; ++j)
    image.at(j % area, 0)[j / area] = static_cast<std::uint8_t>(127.5f * (1 + std::clamp(planes[static_cast<std::size_t>(j)], -1.0f, 1.0f)));
  const std::string size = std::to_string(4 * side);
  return "<g transform='translate(" + std::to_string(i / 3 * 345 + i % 3 * 106 + 16) + " 46)'><text>" + title + "</text><image y='8' width='" + size + "' height='" + size +
         "' style='image-rendering:pixelated' href='data:image/png;base64," + base64(encode_png(image)) + "'/></g>";
}
int main() {
  Cpu device{{.threads = 1}};
  const TexturedShapes set({.count = 4000, .size = 48, .seed = 1});
  LoaderConfig views{.batch = B, .size = vit.image, .augment = {.range = {.scale_min = 0.5}, .statistics = {{0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}}}}, crops = views;
  crops.views = {{.augment = views.augment, .count = 2}, {.size = 12, .augment = views.augment, .count = 2}};
  crops.views[1].augment.range = {.scale_min = 0.1, .scale_max = 0.5};
  Model<Split, Cpu> split{device, Random{5}};
  Model<Masked, Cpu> mae{device, Random{5}};
  Model<Taught, Cpu> dino{device, Random{5}};
  const Numbers codes = random_patches(sample_patches(set, Words::config, views, 4000, Random{3}), P, K, Random{4});
  split->tokenizer.assign(codes);
  dino->teacher_temperature = dino->first_teacher_temperature = 0.03;
  const LoaderConfig one{.batch = 1, .size = vit.image, .augment = {}, .views = crops.views, .shuffle = false};
  Numbers all = BatchLoader{set, one, 3}.next().images;  // two large views of an image, then two small ones
  Arena<Cpu> memory{device};
  // [questions]
  const Tensor<Encoder::images_shape, Cpu, float> x{all.data(), &memory, Encoder::images_shape(1)};  // (1, 3, 24, 24)
  Sampler sampler{Random{7}};
  const auto halves = split->draw(sampler, 1);
  const auto words = split->tokenizer(x);                                               // (1, N) integers
  const auto hidden = mae->draw(sampler, 1);
  const auto wanted = mae->target(patchify<vit.patch>(x, hidden.masked));       // (1, M, P): less their mean, over their deviation
  // [/questions]
  Numbers image(all.begin(), all.begin() + N * P), a = image, b = image, said = image, quarter = image, asked(image.size(), 0.7f);
  for (int i = 0; i < N * P; ++i) {
    const auto at = [p = i % P](int n) { return static_cast<std::size_t>(((p / 16 * 6 + n / 6) * 4 + p / 4 % 4) * 24 + n % 6 * 4 + p % 4); };
    said[at(i / P)] = codes[static_cast<std::size_t>(words.data()[i / P] * P + i % P)];
    (i < N * P / 2 ? a : b)[at(halves.masked.at[i / P])] = 0.7f;
    if (i < Masked::M * P) quarter[at(hidden.masked.at[i / P])] = 0.7f, asked[at(hidden.masked.at[i / P])] = wanted.data()[i] / 3;
  }
  std::string svg = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1035 500' font-family='sans-serif' font-size='14' fill='#444'><style>"
      ".grid{stroke:#ddd}.base{stroke:#777}.level{stroke:#777;stroke-dasharray:4 3}polyline{fill:none;stroke-width:2}.faint{opacity:.3;stroke-width:1}.s0{stroke:#0072b2}.s1{stroke:#d55e00}.t0{fill:#0072b2}.t1{fill:#d55e00}</style><rect width='1035' height='500' fill='#fff'/>";
  svg += panel(0, "reads", a) + panel(1, "and reads", b) + panel(2, "is asked words", said) + panel(3, "an image", image) + panel(4, "reads", quarter) + panel(5, "is asked", asked) +
      panel(6, "teacher sees", image) + panel(7, "student sees", Numbers(all.begin() + N * P, all.end())) + panel(8, "and", Numbers(all.begin() + 2 * N * P, all.end()), 12);
  svg += train(0, split, set, views, 3e-3, {"SplitMask", "steps", "nats", {{"inpaint", {}, 10}, {"match", {}, 10}}, {
      {"entropy of the words", token_usage(split, set, evaluation_views(views)).entropy}, {"ln 16", std::log(B)}, {"ln 64", std::log(K)}}});
  svg += train(345, mae, set, views, 3e-3, {"MAE", "steps", "squared error", {{"loss", {}, 10}}, {{"who knows nothing", (P - 1.0) / P}, {"", 0}}});
  svg += train(690, dino, set, crops, 5e-4, {"DINO", "steps", "nats", {{"loss", {}, 10}, {"teacher_entropy", {}, 10}}, {{"ln 32", std::log(prototypes)}}});
  write_atomically("07_splitmask_mae_dino.svg", svg + "</svg>\n");
}
