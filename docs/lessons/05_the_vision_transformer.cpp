// Lesson 5: an image becomes a sequence of patches, and learns where they are. See 05_the_vision_transformer.md.
#include <cmath>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/eval/classify.hpp>
#include <vitrail/io/base64.hpp>
#include <vitrail/io/file.hpp>
#include <vitrail/io/png.hpp>
#include <vitrail/objectives/supervised.hpp>
#include <vitrail/train/fit.hpp>

using namespace vitrail;

// [model]
constexpr ViTConfig vit{.image = 32, .patch = 4, .channels = 3, .dim = 48, .depth = 2, .heads = 4};
using Encoder = ViT<vit>;
using Classifier = Supervised<Encoder, 16, MeanPool>;
constexpr int N = Encoder::tokens, D = Encoder::dim, grid = vit.grid();
static_assert(N == 64 && vit.patch_values() == 48);
// [/model]
// [discs]
// A bright disc on dark noise. The class says where: in which of 4 x 4 cells its middle lies, row by row.
struct Discs final : ImageSet {
  Discs(int images, std::uint64_t key) : count(images), seed(key) {}
  int size() const override { return count; }
  int label(int index) const override { return index % 16; }
  Image image(int index, int) const override {
    Random random = Random{seed}.stream(static_cast<std::uint64_t>(index));
    const double x = 8 * (index % 4 + random.uniform()), y = 8 * (index / 4 % 4 + random.uniform()), radius = random.uniform(3, 6);
    Image picture(vit.image, vit.image, 3);
    for (int j = 0; j < vit.image; ++j)
      for (int i = 0; i < vit.image; ++i)
        for (int c = 0; c < 3; ++c)
          picture.at(i, j)[c] = static_cast<std::uint8_t>(random.uniform(0, 128) + (std::hypot(i - x, j - y) < radius ? 127 : 0));
    return picture;
  }
  const std::vector<std::string>& classes() const override { return names; }
  std::string name(int index) const override { return "disc #" + std::to_string(index); }
  int count;
  std::uint64_t seed;
  std::vector<std::string> names = std::vector<std::string>(16, "cell");
};
// [/discs]

// [similarity]
// For each place a small map: the cosine of its position vector with that of every other place, their common mean removed.
Image similarity_maps(const Encoder& encoder) {
  std::vector<double> e(weights<float>(encoder.pos_embed) + D, weights<float>(encoder.pos_embed) + (1 + N) * D);
  const auto at = [&](int n, int d) -> double& { return e[static_cast<std::size_t>(n * D + d)]; };
  for (int d = 0; d < D; ++d) {
    double mean = 0;
    for (int n = 0; n < N; ++n) mean += at(n, d) / N;
    for (int n = 0; n < N; ++n) at(n, d) -= mean;
  }
  const auto dot = [&](int i, int j) { return std::inner_product(&at(i, 0), &at(i, 0) + D, &at(j, 0), 0.0); };
  Image picture(grid * (grid + 1) - 1, grid * (grid + 1) - 1, 3, 255);
  for (int i = 0; i < N; ++i)
    for (int j = 0; j < N; ++j) {
      const double cosine = dot(i, j) / std::sqrt(dot(i, i) * dot(j, j));  // blue -1, white 0, red 1
      std::uint8_t* pixel = picture.at(i % grid * (grid + 1) + j % grid, i / grid * (grid + 1) + j / grid);
      const auto pale = static_cast<std::uint8_t>(255 * (1 - std::abs(cosine)));
      pixel[0] = cosine > 0 ? 255 : pale, pixel[1] = pale, pixel[2] = cosine > 0 ? pale : 255;
    }
  return picture;
}
// [/similarity]
std::string show(int x, const std::string& title, const Image& image) {
  return "<text x='" + std::to_string(x) + "' y='16'>" + title + "</text><image x='" + std::to_string(x) +
         "' y='26' width='355' height='355' style='image-rendering:pixelated' href='data:image/png;base64," + base64(encode_png(image)) + "'/>";
}

int main() {
  Cpu device{{.threads = 1}};
  Model<Classifier, Cpu> model{device, Random{5}};
  Encoder& encoder = model->encoder;
  each_parameter(encoder, [](const Path& path, auto& p) {
    if (path.text().find("blocks") == std::string::npos) std::cout << path.text() << " " << text(typename std::remove_reference_t<decltype(p)>::shape_type()) << "\n";
  });
  // [train]
  const Discs train{4000, 1}, test{400, 2};
  LoaderConfig views{.batch = 32, .size = vit.image, .augment = augment_none()};  // a flip or a crop would change the answer
  views.augment.crop_ratio = 1;
  BatchLoader loader{train, views};
  AdamW optimizer{model};
  const Image before = similarity_maps(encoder);
  const FitConfig config{.steps = 600};
  fit(model, optimizer, CosineSchedule{.peak = 1.5e-3, .warmup = 20, .steps = config.steps}, loader, config, every(100, [](const StepReport& r) {
    std::cout << "step " << r.step << "  loss " << r.loss << " nats\n";
  }));
  std::cout << "right on unseen images: " << 100 * classify_accuracy(model, test, evaluation_views(views, 1)) << " %; by chance 6.25 %\n";
  // [/train]
  write_atomically("05_the_vision_transformer.svg", "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 750 384' font-family='sans-serif' font-size='14'>"
      "<rect width='750' height='384' fill='#fff'/>" + show(2, "position vectors before training", before) +
      show(393, "after " + std::to_string(config.steps) + " steps", similarity_maps(encoder)) + "</svg>\n");
}
