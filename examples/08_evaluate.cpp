// What are features worth? Freeze the encoder; let each test image take the class of its nearest training images, or read the
// class with one linear layer. Beside it always: an encoder with random weights, and the bare pixels.
#include <cmath>
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/eval/knn.hpp>
#include <vitrail/eval/linear_probe.hpp>
#include <vitrail/eval/pixels.hpp>
#include <vitrail/objectives/supervised.hpp>
#include <vitrail/train/fit.hpp>

using namespace vitrail;

// A source of images of one's own: stripes in one of four directions, of any colour, width and place. Image i depends on the
// seed and i alone, and may be asked for by several threads at once.
class Stripes final : public ImageSet {
 public:
  Stripes(int count, std::uint64_t seed) : count_(count), seed_(seed) {}
  int size() const override { return count_; }
  int label(int index) const override { return index % 4; }
  const std::vector<std::string>& classes() const override { return names_; }
  std::string name(int index) const override { return "stripes #" + std::to_string(index); }
  Image image(int index, int) const override {
    Random random = Random{seed_}.stream(static_cast<std::uint64_t>(index));
    const double angle = 0.7853981634 * label(index), wave = random.uniform(0.5, 2), phase = random.uniform(0, 6.28);
    double colour[3];
    for (double& c : colour) c = random.uniform(-80, 80);
    Image picture(32, 32, 3);
    for (int y = 0; y < 32; ++y)
      for (int x = 0; x < 32; ++x) {
        const double height = std::sin(phase + wave * (x * std::cos(angle) + y * std::sin(angle)));
        for (int c = 0; c < 3; ++c)
          picture.at(x, y)[c] = static_cast<std::uint8_t>(128 + colour[c] * height + random.uniform(-40, 40));
      }
    return picture;
  }

 private:
  int count_;
  std::uint64_t seed_;
  std::vector<std::string> names_{"horizontal", "falling", "vertical", "rising"};
};

constexpr ViTConfig vit{.image = 32, .patch = 4, .dim = 96, .depth = 2, .heads = 3};

// Accuracies on images that nothing has seen.
double judge(const char* name, const Features& train, const Features& test) {
  const double knn = knn_accuracy(train, test, {.k = 5});
  const LinearProbeResult linear = linear_probe(train, test, {.weight_decays = {0.1}});
  std::cout << name << "  k-NN " << 100 * knn << " %   linear probe " << 100 * linear.accuracy << " %\n";
  return knn;
}

int main() {
  Cpu device;
  const Stripes train{2000, 1}, labelled{100, 2}, test{400, 3};
  LoaderConfig views{.batch = 32, .size = vit.image};
  views.augment.flip = 0;                                 // a mirror image of rising stripes has the other class
  const LoaderConfig still = evaluation_views(views, 1);  // every image once, in order, whole
  Model<Supervised<ViT<vit>, 4>, Cpu> model{device, Random{17}};
  const auto judge_model = [&](const char* name) {        // by the mean of an image's patches
    return judge(name, extract_features(model, labelled, still), extract_features(model, test, still));
  };

  judge("bare pixels    ", pixel_features(labelled), pixel_features(test));
  const double random = judge_model("random encoder ");
  AdamW optimizer{model};
  BatchLoader loader{train, views};
  fit(model, optimizer, CosineSchedule{.peak = 2e-3, .warmup = 10, .steps = 80}, loader, FitConfig{.steps = 80});
  const double trained = judge_model("trained encoder");
  return trained > 0.85 && trained > random + 0.1 ? 0 : 1;
}
