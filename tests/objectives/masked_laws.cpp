// What must hold of BEiT, MAE and SplitMask's two halves whatever their weights.
#include <doctest/doctest.h>

#include "support/models.hpp"
#include "vitrail/objectives/beit.hpp"
#include "vitrail/objectives/cost.hpp"
#include "vitrail/objectives/mae.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;

namespace {

constexpr ViTConfig config(Positions positions) {
  return {.image = 16, .patch = 4, .dim = 12, .depth = 2, .heads = 3, .mlp_ratio = 2, .positions = positions};
}
constexpr ViTConfig learned = config(Positions::learned), relative = config(Positions::relative), fixed = config(Positions::sincos);
constexpr int B = 4, K = 64;
template <ViTConfig C> using BeitOf = Beit<ViT<C>, BeitMask<4>, RandomProjection<C, K>>;
using PlainBeit = BeitOf<learned>;
using RelativeBeit = BeitOf<relative>;
using Autoencoder = Mae<ViT<fixed>, RandomMask<16, 75>, DecoderConfig{.dim = 8, .depth = 1, .heads = 2}>;
using Split = BlockSplit<4, 50>;
using Whole = SplitMask<ViT<learned>, Split, RandomProjection<learned, K>>;
using Inpaint = SplitInpaint<ViT<learned>, Split, RandomProjection<learned, K>>;
using Match = SplitMatch<ViT<learned>, Split>;

// All pixels of the listed patches become something else.
template <class Images, int Count> void repaint(const Images& images, const Indices<Count>& patches) {
  for (int b = 0; b < B; ++b)
    for (int i = 0; i < Count; ++i)
      for (int pixel = 0; pixel < 3 * 4 * 4; ++pixel) {
        const int patch = patches.row(b)[i], c = pixel / 16, y = patch / 4 * 4 + pixel / 4 % 4, x = patch % 4 * 4 + pixel % 4;
        images.at[((b * 3 + c) * 16 + y) * 16 + x] += pixel - 20;
      }
}
template <class X> std::vector<double> values_of(const X& x) { return {x.data(), x.data() + x.shape.size()}; }

// What the paper's table 8 leaves out costs nothing.
constexpr Cost whole = cost<Whole>(B), inpaint = cost<Inpaint>(B), match = cost<Match>(B);
constexpr std::int64_t head = 12 * K + K, rows = 2 * B * 8;
static_assert(inpaint.parameters == whole.parameters && match.parameters == whole.parameters - head);
static_assert(whole.forward_flops - inpaint.forward_flops ==
              op::MeanTokens{2 * B, 17, 1, 12}.forward_flops() + op::InfoNce{B, 12, 0.2, true, false}.forward_flops() + 2);  // weigh, add
static_assert(whole.forward_flops - match.forward_flops ==
              op::NearestCode{B * 16, 48, K, false}.forward_flops() + op::LinearCrossEntropy{rows, 12, K, true}.forward_flops() + 2);
static_assert(inpaint.value_bytes < whole.value_bytes && match.value_bytes < whole.value_bytes && match.kernels < whole.kernels);

// The counts of the papers' models. MAE's decoder: 26,008,320 for ViT-B.
constexpr ViTConfig mae_base{.dim = 768, .heads = 12, .positions = Positions::sincos};
static_assert(count_parameters<Mae<ViT<mae_base>>>() == count_parameters<ViT<mae_base>>() + 26'008'320);
static_assert(Mae<ViT<mae_base>>::V == 49);

}  // namespace

TEST_SUITE_BEGIN("objectives");

TEST_CASE_TEMPLATE("an untrained BEiT knows nothing: its loss is ln of the vocabulary", Objective, PlainBeit, RelativeBeit) {
  Trial<Objective, double> trial;
  CHECK(number(trial.run(B)) == doctest::Approx(std::log(K)).epsilon(0.01));
}

TEST_CASE_TEMPLATE("BEiT's encoder sees of masked patches where they are, and nothing else, to the last bit", Objective, PlainBeit,
                   RelativeBeit) {
  Trial<Objective, double> trial;
  spread_weights(trial.model, 0.2, 3);
  const auto images = noise<typename Objective::images_shape, double>(trial.inputs, B, 9);
  const auto part = trial.model->draw(trial.sampler, B);
  const double loss = number(trial.run_on(images, part, 0));
  const std::vector<double> before = values_of(trial.model->features(images, part));
  repaint(images, part.masked);
  CHECK(values_of(trial.model->features(images, part)) == before);
  CHECK(number(trial.run_on(images, part, 0)) != loss);  // other words
  std::swap_ranges(part.masked.row(0), part.masked.row(1), part.masked.row(1));
  std::swap_ranges(part.visible.row(0), part.visible.row(1), part.visible.row(1));
  CHECK(values_of(trial.model->features(images, part)) != before);
}

TEST_CASE("MAE's guesses do not depend on masked pixels, to the last bit; its loss does, but not on their brightness and contrast") {
  Trial<Autoencoder, double> trial;
  spread_weights(trial.model, 0.2, 3);
  const auto images = noise<Autoencoder::images_shape, double>(trial.inputs, B, 9);
  const auto part = trial.model->draw(trial.sampler, B);
  const std::vector<double> guesses = values_of(trial.model->predict(images, part));
  const double loss = number(trial.run_on(images, part, 0));
  const auto brighter = values_of(3.0 * images + 2.0), kept = values_of(images);
  trial.model->target.eps = 0;
  const double exact = number(trial.run_on(images, part, 0));
  repaint(images, part.masked);
  CHECK(values_of(trial.model->predict(images, part)) == guesses);
  CHECK(number(trial.run_on(images, part, 0)) != doctest::Approx(loss));
  CHECK(exact == doctest::Approx(loss).epsilon(1e-4));
  for (std::size_t i = 0; i < kept.size(); ++i) images.at[i] = kept[i];
  for (int b = 0; b < B; ++b)
    for (const int patch : std::vector<int>(part.masked.row(b), part.masked.row(b + 1)))
      for (int c = 0; c < 3; ++c)
        for (int y = patch / 4 * 4; y < patch / 4 * 4 + 4; ++y)
          for (int x = patch % 4 * 4; x < patch % 4 * 4 + 4; ++x) {
            const int at = ((b * 3 + c) * 16 + y) * 16 + x;
            images.at[at] = brighter[static_cast<std::size_t>(at)];
          }
  CHECK(number(trial.run_on(images, part, 0)) == doctest::Approx(exact).epsilon(1e-12));
}

TEST_CASE("an MAE that guesses zero is off by a sample's variance: (P - 1) / P") {
  Trial<Autoencoder, double> trial;
  each_named(trial.model, [](const std::string& name, auto values, auto) {
    if (name.starts_with("head")) std::fill(values.begin(), values.end(), 0.0);
  });
  CHECK(number(trial.run(B)) == doctest::Approx(47.0 / 48).epsilon(1e-4));
}

TEST_CASE("SplitMask is the sum of its halves: losses, draws, and every gradient") {
  Trial<Whole, double> all;
  Trial<Inpaint, double> one;
  Trial<Match, double> other;
  spread_weights(all.model, 0.2, 3);
  std::map<std::string, std::vector<double>> weights, sums;
  each_named(all.model, [&](const std::string& name, auto values, auto) { weights[name].assign(values.begin(), values.end()); });
  const auto copy = [&](const std::string& name, auto values, auto) {
    std::copy_n(weights.at(name).begin(), values.size(), values.begin());
  };
  each_named(one.model, copy), each_named(other.model, copy);
  const auto result = all.run(B);
  CHECK(number(one.run(B)) == number(result.inpaint));
  const auto matched = other.run(B);
  CHECK(number(matched.loss) == number(result.match));
  CHECK(number(matched.accuracy) == number(result.accuracy));
  const auto add = [&](const std::string& name, auto, auto gradients) {
    std::vector<double>& sum = sums[name];
    sum.resize(gradients.size());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += gradients[i];
  };
  each_named(one.model, add), each_named(other.model, add);
  each_named(all.model, [&](const std::string& name, auto, auto gradients) {
    CAPTURE(name);
    for (std::size_t i = 0; i < gradients.size(); ++i) CHECK(gradients[i] == doctest::Approx(sums.at(name)[i]).epsilon(1e-9));
  });
}

TEST_SUITE_END();
