// What must hold of SplitMask whatever its weights: the acceptance checks of the paper's method.
#include <doctest/doctest.h>

#include "support/models.hpp"
#include "support/words.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;

namespace {

constexpr ViTConfig small{.image = 32, .patch = 4, .dim = 24, .depth = 2, .heads = 3, .mlp_ratio = 2};
using Half = SplitMask<ViT<small>, BlockSplit<8, 50>, RandomProjection<small, 64>>;
using Quarter = SplitMask<ViT<small>, RandomSplit<64, 75>, RandomProjection<small, 64>>;

// An encoder that remembers where its last result lies.
template <ViTConfig C>
struct Watched : ViT<C> {
  static inline std::vector<double> seen{};
  constexpr auto encode(const Value auto& chosen) const {
    const auto y = ViT<C>::encode(chosen);
    seen.assign(y.data(), y.data() + y.shape.size());
    return y;
  }
};

// How often each patch of image b is predicted, over both branches; -1 if a branch predicts what it sees.
template <class Pretext>
std::vector<int> predicted(const typename Pretext::Draw& part, int b) {
  std::vector<int> count(static_cast<std::size_t>(Pretext::N));
  for (int branch = 0; branch < 2; ++branch) {
    std::vector<bool> seen(count.size());
    for (int i = 0; i < Pretext::V; ++i) seen[static_cast<std::size_t>(part.visible.row(b)[branch * Pretext::V + i])] = true;
    for (int i = 0; i < Pretext::M; ++i) {
      const auto token = static_cast<std::size_t>(part.masked.row(b)[branch * Pretext::M + i]);
      if (seen[token]) return {-1};
      ++count[token];
    }
  }
  return count;
}

template <class X>
std::vector<double> rows_of(const X& x, int first, int every) {
  const std::int64_t size = x.shape.size() / x.shape.leading();
  std::vector<double> out;
  for (int row = first; row < x.shape.leading(); row += every) out.insert(out.end(), x.data() + row * size, x.data() + (row + 1) * size);
  return out;
}

}  // namespace

TEST_SUITE_BEGIN("objectives");

TEST_CASE("the losses of an untrained SplitMask: ln of the vocabulary, and about ln of the batch") {
  constexpr ViTConfig config{.image = 64, .patch = 8, .dim = 96, .depth = 4, .heads = 3};
  Trial<SplitMask<ViT<config>, BlockSplit<8, 50>, RandomProjection<config, 8192>>> trial;
  const auto result = trial.run(8);
  CHECK(std::abs(number(result.inpaint) - std::log(8192)) < 0.1);
  CHECK(std::abs(number(result.match) - std::log(8)) < 0.3);
  CHECK(number(result.loss) == doctest::Approx(number(result.inpaint) + number(result.match)));
}

TEST_CASE("two halves cover an image of 196 patches, and each patch is predicted once") {
  using Pretext = SplitMask<ViT<vit_tiny_patch16_224>, BlockSplit<14, 50>, GivenWords<8, 196>>;
  static_assert(Pretext::V == 98 && Pretext::M == 98);
  Sampler sampler{Random{3}};
  const Pretext pretext;
  const auto part = pretext.draw(sampler, 50);
  for (int b = 0; b < 50; ++b) CHECK(predicted<Pretext>(part, b) == std::vector<int>(196, 1));
  CHECK(std::vector<int>(part.visible.row(0), part.visible.row(1)) != std::vector<int>(part.visible.row(1), part.visible.row(2)));
}

TEST_CASE("two quarters leave half of the patches to both branches") {
  static_assert(Quarter::V == 16 && Quarter::M == 48);
  Sampler sampler{Random{3}};
  const Quarter pretext;
  const auto part = pretext.draw(sampler, 20);
  for (int b = 0; b < 20; ++b) {
    const std::vector<int> count = predicted<Quarter>(part, b);
    CHECK(std::count(count.begin(), count.end(), 1) == 32);
    CHECK(std::count(count.begin(), count.end(), 2) == 32);
  }
}

TEST_CASE("a draw depends on the stream and the image's place in the batch alone") {
  Sampler sampler{Random{3}}, other{Random{3}};
  const Half pretext;
  const auto large = pretext.draw(sampler, 8), one = pretext.draw(other, 3);
  CHECK(std::equal(one.visible.at, one.visible.at + one.visible.shape.size(), large.visible.at));
  sampler.begin(Random{4});
  const auto next = pretext.draw(sampler, 8);
  CHECK(!std::equal(one.visible.at, one.visible.at + one.visible.shape.size(), next.visible.at));
}

TEST_CASE("what branch A makes of its patches does not depend on branch B's, to the last bit") {
  Trial<Half, double> trial;
  const auto images = noise<Half::images_shape, double>(trial.inputs, 4, 9);
  const auto part = trial.model->draw(trial.sampler, 4);
  const std::vector<double> a = rows_of(trial.model->reconstruct(images, part), 0, 2),
                            b = rows_of(trial.model->reconstruct(images, part), 1, 2);
  for (int image = 0; image < 4; ++image)
    for (int i = 0; i < Half::V; ++i) {  // all pixels of B's patches become something else
      const int patch = part.visible.row(image)[Half::V + i];
      for (int c = 0; c < 3; ++c)
        for (int y = 0; y < 4; ++y)
          for (int x = 0; x < 4; ++x) images.at[((image * 3 + c) * 32 + patch / 8 * 4 + y) * 32 + patch % 8 * 4 + x] += 1 + i;
    }
  const auto after = trial.model->reconstruct(images, part);
  CHECK(rows_of(after, 0, 2) == a);
  CHECK(rows_of(after, 1, 2) != b);
}

TEST_CASE("no mask token enters the encoder") {
  using Pretext = SplitMask<Watched<small>, RandomSplit<64, 50>, RandomProjection<small, 64>>;
  Trial<Pretext, double> trial;
  const auto images = noise<Pretext::images_shape, double>(trial.inputs, 3, 9);
  const auto part = trial.model->draw(trial.sampler, 3);
  const std::vector<double> decoded = rows_of(trial.model->reconstruct(images, part), 0, 1), encoded = Watched<small>::seen;
  REQUIRE(encoded.size() == 2 * 3 * (1 + 32) * 24);
  double* token = static_cast<double*>(trial.model->mask_token.value);
  for (int i = 0; i < 24; ++i) token[i] += 1;
  const std::vector<double> after = rows_of(trial.model->reconstruct(images, part), 0, 1);
  CHECK(Watched<small>::seen == encoded);
  CHECK(after != decoded);
}

TEST_CASE("the loss does not depend on which half is called A") {
  Trial<Half, double> trial;
  spread_weights(trial.model, 0.2, 3);
  const auto images = noise<Half::images_shape, double>(trial.inputs, 4, 9);
  const auto part = trial.model->draw(trial.sampler, 4);
  const double loss = number(trial.run_on(images, part, 0).loss);
  for (int b = 0; b < 4; ++b) {
    std::rotate(part.visible.row(b), part.visible.row(b) + Half::V, part.visible.row(b + 1));
    std::rotate(part.masked.row(b), part.masked.row(b) + Half::M, part.masked.row(b + 1));
  }
  CHECK(number(trial.run_on(images, part, 0).loss) == doctest::Approx(loss).epsilon(1e-12));
}

TEST_CASE("the codebook never changes: it has no gradient") {
  Trial<Half> trial;
  bool found = false;
  each_named(trial.model, [&](const std::string& name, auto, auto gradients) {
    if (name != "tokenizer.codebook") return;
    found = true;
    CHECK(gradients.empty());
  });
  CHECK(found);
}

TEST_CASE("match_weight weighs, and temperature sharpens, the matching loss") {
  Trial<Half, double> trial;
  spread_weights(trial.model, 0.2, 3);
  const auto first = trial.run(4);
  const double inpaint = number(first.inpaint), match = number(first.match);
  trial.model->match_weight = 0.25;
  CHECK(number(trial.run(4).loss) == doctest::Approx(inpaint + 0.25 * match));
  trial.model->temperature = 1e6;  // all candidates are equal
  CHECK(number(trial.run(4).match) == doctest::Approx(std::log(4)).epsilon(1e-4));
}

TEST_CASE("training on one batch learns it") {
  Trial<Half> trial;
  const auto images = noise<Half::images_shape, float>(trial.inputs, 4, 9);
  const auto part = trial.model->draw(trial.sampler, 4);
  const double before = number(trial.run_on(images, part, 0).loss);
  for (int step = 0; step < 60; ++step) {
    trial.run_on(images, part, 0);
    for (std::int64_t i = 0; i < trial.model.trained(); ++i) trial.model.values()[i] -= 0.2f * trial.model.gradients()[i];
  }
  CHECK(number(trial.run_on(images, part, 0).loss) < 0.8 * before);
}

TEST_SUITE_END();
