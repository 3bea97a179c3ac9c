// Features: the same whatever the batch, no more memory than planned, and what each pooling means.
#include "vitrail/eval/features.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "sets.hpp"
#include "support/refusal.hpp"
#include "vitrail/backends/cpu.hpp"
#include "vitrail/eval/attention_maps.hpp"
#include "vitrail/eval/classify.hpp"
#include "vitrail/eval/layers.hpp"
#include "vitrail/eval/pixels.hpp"
#include "vitrail/eval/token_entropy.hpp"
#include "vitrail/masking/split.hpp"
#include "vitrail/objectives/cost.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/objectives/supervised.hpp"
#include "vitrail/tokenizers/random_projection.hpp"

using namespace vitrail;
using eval_test::Noise;

namespace {

constexpr ViTConfig tiny{
    .image = 16, .patch = 4, .dim = 32, .depth = 3, .heads = 2};  // a grid of 4 x 4 and a class token
constexpr ViTConfig plain{.image = 16, .patch = 4, .dim = 32, .depth = 3, .heads = 2, .class_token = false};
constexpr ViTConfig deep{.image = 16, .patch = 4, .dim = 32, .depth = 12, .heads = 2};
using Encoder = ViT<tiny>;

LoaderConfig views(int batch) { return evaluation_views({.batch = batch, .size = 16, .mix = {.mixup = 1}, .repeats = 3}); }

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, static_cast<double>(std::abs(a[i] - b[i])));
  return largest;
}

// Every token of every image, (count, lead + N, D), by one batch.
std::vector<float> all_tokens(Cpu& cpu, const Encoder& encoder, const ImageSet& set) {
  std::vector<float> tokens;
  evaluate_batches<Encoder::images_shape, float>(cpu, set, views(set.size()), 0, [&](const Batch&, const auto& images) {
    tokens = detail::on_host(encoder(images));
  });
  return tokens;
}


}  // namespace

TEST_CASE("features depend on the batch by rounding alone, and are the same in every run") {
  Cpu cpu;
  Model<Encoder, Cpu> model{cpu, Random{1}};
  const Noise set(20);
  const Features whole = extract_features(model, set, views(64));
  CHECK(whole.count == 20);
  CHECK(whole.dim == 32);
  for (const int batch : {1, 7, 19}) {
    const Features parts = extract_features(model, set, views(batch));
    CHECK(distance(parts.values, whole.values) < 1e-5);  // products of other sizes sum in another order
    CHECK(extract_features(model, set, views(batch)).values == parts.values);
    CHECK(parts.labels == whole.labels);
    CHECK(parts.indices == whole.indices);
  }
}

TEST_CASE("poolings are what they say: class token, mean, both, and the mean of each cell of a grid") {
  Cpu cpu;
  Model<Encoder, Cpu> model{cpu, Random{2}};
  const Noise set(5);
  const std::vector<float> tokens = all_tokens(cpu, *model, set);
  const auto token = [&](int image, int t, int d) {
    return static_cast<double>(tokens[static_cast<std::size_t>((image * 17 + t) * 32 + d)]);
  };
  const Features mean = extract_features(model, set, views(2));
  const Features cls = extract_features(model, set, views(2), {Readout::class_token});
  const Features both = extract_features(model, set, views(2), {Readout::class_token_and_mean});
  const Features cells = extract_features(model, set, views(2), {Readout::grid, 2});
  REQUIRE(both.dim == 64);
  REQUIRE(cells.dim == 128);
  for (int i = 0; i < 5; ++i)
    for (int d = 0; d < 32; ++d) {
      double sum = 0, corner = 0;
      for (int t = 1; t < 17; ++t) sum += token(i, t, d) / 16;
      for (const int patch : {8, 9, 12, 13}) corner += token(i, 1 + patch, d) / 4;  // bottom left of 4 x 4
      CHECK(mean.row(i)[d] == doctest::Approx(sum).epsilon(1e-5));
      CHECK(cls.row(i)[d] == doctest::Approx(token(i, 0, d)).epsilon(1e-5));
      CHECK(both.row(i)[d] == cls.row(i)[d]);
      CHECK(both.row(i)[32 + d] == mean.row(i)[d]);
      CHECK(cells.row(i)[2 * 32 + d] == doctest::Approx(corner).epsilon(1e-5));
    }
}

TEST_CASE("a grid of one cell is the mean, one of as many cells as patches is the patches, and cells may overlap") {
  const std::vector<double> tokens = {1, 2, 3, 4, 5, 6, 7, 8, 9};  // 3 x 3 patches of one number
  const auto pooled = [&](int cells) {
    std::vector<float> out;
    TokenPool({Readout::grid, cells}, 0, 3, 1)(tokens.data(), out);
    return out;
  };
  CHECK(pooled(1) == std::vector<float>{5});
  CHECK(pooled(3) == std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(pooled(2) == std::vector<float>{3, 4, 6, 7});  // rows and columns 0-1 and 1-2
}

TEST_CASE("poolings and loaders that do not fit the encoder are refused in words") {
  Cpu cpu;
  Model<ViT<plain>, Cpu> model{cpu, Random{1}};
  const Noise set(4);
  CHECK_THROWS_AS(extract_features(model, set, views(2), {Readout::class_token}), ConfigError);
  CHECK(has(refusal<Error>([&] { extract_features(model, set, views(2), {Readout::grid, 5}); }), "1 .. 4"));
  LoaderConfig shuffled = views(2), large = views(2);
  shuffled.shuffle = true;
  large.size = 32;
  CHECK(has(refusal<Error>([&] { extract_features(model, set, shuffled); }), "shuffle"));
  CHECK(has(refusal<Error>([&] { extract_features(model, set, large); }), "16 pixels"));
}

TEST_CASE("an image that cannot be read is left out of the features, and no other stands in for it") {
  Cpu cpu;
  Model<Encoder, Cpu> model{cpu, Random{1}};
  const Features whole = extract_features(model, Noise(9), views(4));
  for (const Features& some :
       {extract_features(model, Noise(9, 16, 3, {0, 4, 8}), views(4)), pixel_features(Noise(9, 16, 3, {0, 4, 8}))}) {
    CHECK(some.count == 6);
    CHECK(some.indices == std::vector<int>{1, 2, 3, 5, 6, 7});
    CHECK(some.labels == std::vector<int>{1, 2, 0, 2, 0, 1});
  }
  const Features some = extract_features(model, Noise(9, 16, 3, {0, 4, 8}), views(4));
  CHECK(std::equal(some.row(0), some.row(3), whole.row(1)));
  CHECK_THROWS_AS(pixel_features(Noise(2, 16, 3, {0, 1})), FileError);
}

TEST_CASE("evaluation uses exactly the memory that is planned, in one piece, and far less than training") {
  Cpu cpu;
  Model<Encoder, Cpu> model{cpu, Random{1}};
  const Noise set(32);
  const std::size_t planned = evaluation_cost<Encoder>(16).value_bytes;
  std::size_t peak = 0, reserved = 0;
  evaluate_batches<Encoder::images_shape, float>(cpu, set, views(16), planned, [&](const Batch&, const auto& images) {
    const auto features = (*model)(images);
    static_assert(Untracked<std::remove_const_t<decltype(features)>>, "evaluation has no tape");
    peak = images.arena->peak(), reserved = images.arena->reserved();
  });
  CHECK(peak == planned);
  CHECK(reserved == planned);
  using Deep = ViT<deep>;
  CHECK(4 * evaluation_cost<Deep>(16).value_bytes < cost<Supervised<Deep, 3>>(16).value_bytes);
  CHECK(detail::planned_bytes<Encoder::images_shape, float>(16, [](const auto& x) { Encoder{}(x); }) == planned);
}

TEST_CASE("features of double and float models agree to float's precision") {
  Cpu cpu;
  Model<Encoder, Cpu, float> single{cpu, Random{4}};
  Model<Encoder, Cpu, double> twice{cpu, Random{4}};
  const Noise set(6);
  CHECK(distance(extract_features(single, set, views(4)).values, extract_features(twice, set, views(4)).values) < 1e-4);
}

TEST_CASE("features of every layer come in one pass: the last is the encoder's, the others are what blocks give") {
  Cpu cpu;
  Model<Encoder, Cpu> model{cpu, Random{3}};
  const Noise set(9, 16, 3, {4});
  const std::vector<Features> layers = extract_layers(cpu, *model, set, views(4), {Readout::class_token_and_mean});
  REQUIRE(layers.size() == 4);
  const Features whole = extract_features(model, set, views(4), {Readout::class_token_and_mean});
  CHECK(layers[3].values == whole.values);
  for (const Features& layer : layers) {
    CHECK(layer.labels == whole.labels);
    CHECK(layer.indices == whole.indices);
    CHECK(layer.dim == 64);
  }
  std::vector<float> second;
  evaluate_batches<Encoder::images_shape, float>(cpu, Noise(4), views(4), 0, [&](const Batch&, const auto& images) {
    const auto& blocks = model->transformer.blocks;
    const std::vector<float> tokens = detail::on_host(blocks[1](blocks[0](model->with_class_token(model->embed(images)))));
    const TokenPool pool({Readout::class_token_and_mean}, 1, 4, 32);
    for (int b = 0; b < 4; ++b) pool(tokens.data() + b * 17 * 32, second);
  });
  CHECK(std::equal(second.begin(), second.end(), layers[1].values.begin()));
  CHECK(layer_pooling<ViT<plain>>().readout == Readout::mean);
}

TEST_CASE("a probe of each layer is the probe of that layer's features") {
  Cpu cpu;
  Model<ViT<plain>, Cpu> model{cpu, Random{3}};
  const Noise train(30), test(12);
  const LinearProbeConfig quick{.weight_decays = {1}};
  const std::vector<LinearProbeResult> probes = probe_layers(cpu, *model, train, test, views(8), quick);
  REQUIRE(probes.size() == 4);
  const LinearProbeResult last = linear_probe(cpu, extract_features(model, train, views(8)), extract_features(model, test, views(8)), quick);
  CHECK(probes[3].predictions == last.predictions);
}

TEST_CASE("a model that has an encoder gives its encoder's features") {
  Cpu cpu;
  Model<Supervised<Encoder, 3>, Cpu> model{cpu, Random{5}};
  const Noise set(6);
  CHECK(extract_features(model, set, views(4)).values == extract_features(cpu, model->encoder, set, views(4)).values);
}

TEST_CASE("a classifier's scores are its head on the pooled features, and mirror images average with them") {
  Cpu cpu;
  Model<Supervised<Encoder, 3>, Cpu> model{cpu, Random{6}};
  const Noise set(7, 16, 3, {2});
  LoaderConfig mirrored = views(4);
  mirrored.augment.flip = 1;
  const Features straight = extract_logits(model, set, views(4)), mirror = extract_logits(model, set, mirrored);
  const Features both = extract_logits(model, set, views(4), {.flip = true});
  REQUIRE(both.count == 6);
  REQUIRE(both.dim == 3);
  CHECK(distance(straight.values, mirror.values) > 1e-4);
  for (std::size_t i = 0; i < both.values.size(); ++i)
    CHECK(both.values[i] == doctest::Approx((straight.values[i] + mirror.values[i]) / 2).epsilon(1e-5));
  const Classification said = classify(model, set, views(3));
  CHECK(said.indices == straight.indices);
  int right = 0;
  for (int i = 0; i < 6; ++i) {
    const float* const row = straight.row(i);
    const int best = static_cast<int>(std::max_element(row, row + 3) - row);
    CHECK(said.predictions[static_cast<std::size_t>(i)] == best);
    right += best == straight.labels[static_cast<std::size_t>(i)];
  }
  CHECK(said.accuracy == doctest::Approx(right / 6.0));
  model->classes_used = 2;  // the third is as good as not there
  const Features two = extract_logits(model, set, views(4));
  REQUIRE(two.dim == 2);
  for (int i = 0; i < 6; ++i) CHECK(std::equal(two.row(i), two.row(i) + 2, straight.row(i)));
  CHECK(has(refusal<Error>([&] { classify(model, Noise(4, 16, 3, {}, false), views(4)); }), "labels"));
}

TEST_CASE("pixels: a tiny copy holds the means of the picture's parts, grey spreads, and light does not count") {
  struct Halves final : ImageSet {
    int channels, add;
    Halves(int c, int a) : channels(c), add(a) {}
    int size() const override { return 1; }
    Image image(int, int) const override {
      Image out(64, 64, channels);
      for (int y = 0; y < 64; ++y)
        for (int x = 0; x < 64; ++x)
          for (int c = 0; c < channels; ++c) out.at(x, y)[c] = static_cast<std::uint8_t>((x < 32 ? 50 : 150) + add);
      return out;
    }
    int label(int) const override { return 0; }
    const std::vector<std::string>& classes() const override { return names; }
    std::string name(int) const override { return "halves"; }
    std::vector<std::string> names{"only"};
  };
  const Features colour = pixel_features(Halves(3, 0), {.side = 4}), grey = pixel_features(Halves(1, 0), {.side = 4});
  CHECK(colour.dim == 48);
  CHECK(colour.values == grey.values);
  for (int i = 0; i < 48; ++i) {  // beside the edge, the resizing filter reaches across it a little
    const bool inner = i % 4 == 1 || i % 4 == 2;
    CHECK(std::abs(colour.row(0)[i] - ((i % 4 < 2 ? 50 : 150) - 127.5) / 127.5) < (inner ? 0.05 : 1e-5));
  }
  const PixelConfig own{.side = 4, .zero = PixelZero::own_mean};
  CHECK(distance(pixel_features(Halves(3, 0), own).values, pixel_features(Halves(3, 60), own).values) < 1e-5);
  CHECK_THROWS_AS(pixel_features(Halves(3, 0), {.side = 0}), ConfigError);
}

TEST_CASE("the words' entropy is ln V when all are used evenly, and that of their frequencies else") {
  TokenUsage even{.counts = {5, 5, 5, 5}}, uneven{.counts = {3, 0, 1, 0}};
  detail::summarise(even);
  detail::summarise(uneven);
  CHECK(even.entropy == doctest::Approx(std::log(4.0)));
  CHECK(even.perplexity() == doctest::Approx(4));
  CHECK(uneven.entropy == doctest::Approx(-0.75 * std::log(0.75) - 0.25 * std::log(0.25)));
  CHECK(uneven.used == 2);
  CHECK(uneven.patches == 4);
}

TEST_CASE("a tokenizer's usage counts every patch of a set once") {
  using Pretext = SplitMask<ViT<plain>, RandomSplit<16, 50>, RandomProjection<plain, 64>>;
  Cpu cpu;
  Model<Pretext, Cpu> model{cpu, Random{1}};
  const TokenUsage usage = token_usage(model, Noise(11), views(4));
  CHECK(usage.patches == 11 * 16);
  CHECK(usage.counts.size() == 64);
  CHECK(usage.used >= 2);
  CHECK(usage.entropy > 0);
  CHECK(usage.entropy <= std::log(usage.used) + 1e-12);
  CHECK(token_usage(model, Noise(11), views(11)).counts == usage.counts);
}

TEST_CASE("attention among patches follows them wherever they stand, and leaves the class token its share") {
  Cpu cpu;
  Model<Encoder, Cpu> model{cpu, Random{3}};
  Sampler sampler{Random{0}};
  const auto order = sampler.indices<16>(2);
  for (int b = 0; b < 2; ++b)
    for (int n = 0; n < 16; ++n) order.row(b)[n] = (5 * n + b) % 16;
  std::vector<float> maps, moved;
  evaluate_batches<Encoder::images_shape, float>(cpu, Noise(2), views(2), 0, [&](const Batch&, const auto& images) {
    maps = attention_maps(*model, images);                                       // (B, H, N)
    moved = attention_among(*model, gather(model->embed(images), order));        // (B, H, N)
  });
  REQUIRE(maps.size() == 2 * 2 * 16);
  for (int row = 0; row < 4; ++row) {
    const float* const map = maps.data() + 16 * row;
    const float sum = std::accumulate(map, map + 16, 0.0f);
    CHECK(sum > 0.5f);
    CHECK(sum < 1.0f);
    CHECK(*std::max_element(map, map + 16) > 1.001f * *std::min_element(map, map + 16));
    for (int n = 0; n < 16; ++n) CHECK(moved[static_cast<std::size_t>(16 * row + n)] == doctest::Approx(map[order.row(row / 2)[n]]).epsilon(1e-6));
  }
}

TEST_SUITE("threads") {
  TEST_CASE("features are the same with one, two and three threads and loader workers") {
    const Noise set(13);
    std::vector<float> values;
    for (const int threads : {1, 2, 3}) {
      Cpu cpu(threads);
      Model<Encoder, Cpu> model{cpu, Random{7}};
      LoaderConfig config = views(5);
      config.workers = threads;
      const Features features = extract_features(model, set, config, {Readout::grid, 2});
      if (threads == 1) values = features.values;
      CHECK(features.values == values);
    }
  }
}
