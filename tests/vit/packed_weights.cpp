// Weights that stay packed change nothing but time: the same features but for rounding (products have the same bits; clang rounds GELU
// otherwise where rows are cut otherwise), also after the weights have changed.
#include <algorithm>
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "vitrail/backends/cpu.hpp"
#include "vitrail/nn/model.hpp"
#include "vitrail/vit/vit.hpp"

using namespace vitrail;

namespace {

using Encoder = ViT<ViTConfig{.image = 16, .patch = 4, .dim = 24, .depth = 2, .heads = 3}>;
using Images = Encoder::images_shape;

std::vector<float> features(Cpu& device, const Model<Encoder, Cpu>& model, int batch) {
  Arena<Cpu> arena{device};
  const auto images = make_tensor<Images, float>(arena, Images(batch));
  Random random{5};
  for (std::int64_t i = 0; i < images.shape.size(); ++i) images.at[i] = static_cast<float>(random.normal());
  const auto y = (*model)(images);
  return {y.data(), y.data() + y.shape.size()};
}

double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b.at(i)));
  return worst;
}

}  // namespace

TEST_SUITE_BEGIN("vit");

TEST_CASE("packed weights give the same features, for few rows and for many") {
  for (const Precision precision : {Precision::full, Precision::bf16})
    for (const int batch : {1, 20}) {  // 17 and 340 rows: below and above the size that is a case of its own
      CAPTURE(batch);
      Cpu device({.threads = 2, .precision = precision});
      Model<Encoder, Cpu> model{device, Random{1}};
      const std::vector<float> plain = features(device, model, batch);
      const PackedWeights packed(model);
      CHECK(difference(features(device, model, batch), plain) < 1e-5);  // packs
      CHECK(difference(features(device, model, batch), plain) < 1e-5);  // uses what is packed
    }
}

TEST_CASE("packed weights follow an optimiser's step, an average and an upload") {
  Cpu device(2);
  Model<Encoder, Cpu> model{device, Random{1}}, other{device, Random{2}};
  const std::size_t n = static_cast<std::size_t>(model.size());
  std::vector<float> ones(n, 1.0f), mean(n), square(n);
  const auto check = [&](const char* what, auto change) {
    CAPTURE(what);
    std::vector<float> packed_before, packed_after;
    {
      const PackedWeights packed(model);
      packed_before = features(device, model, 1);
      change();
      packed_after = features(device, model, 1);
    }
    CHECK(difference(packed_after, packed_before) > 1e-3);
    CHECK(difference(packed_after, features(device, model, 1)) < 1e-5);
  };
  check("optimiser", [&] {
    kernel_forward(device, op::AdamW{0.9, 0.99, 1e-8, 1, {{model.trained(), 1e-2, 0, 0.1, 0.01, 1}}}, model.values(), mean.data(), square.data(),
                   static_cast<const float*>(ones.data()));
  });
  check("average", [&] { kernel_forward(device, op::Blend{model.size(), 0.5}, model.values(), static_cast<const float*>(other.values())); });
  check("upload", [&] { device.upload(model.values(), other.values(), n * sizeof(float)); });
}

TEST_CASE("a device keeps the packed weights of one model at a time") {
  Cpu device(1);
  Model<Encoder, Cpu> model{device, Random{1}};
  {
    const PackedWeights packed(model);
    CHECK_THROWS_WITH_AS(PackedWeights{model}, doctest::Contains("one model at a time"), ConfigError);
  }
  CHECK_NOTHROW(PackedWeights{model});
}

TEST_SUITE_END();
