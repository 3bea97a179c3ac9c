// The encoder of DALL-E's autoencoder against an independent PyTorch program on random weights; its memory; and other patch sizes.
#include "vitrail/tokenizers/dalle.hpp"

#include "support/reference.hpp"
#include "vitrail/backends/plan.hpp"
#include "vitrail/train/augment/resample.hpp"

using namespace vitrail;

namespace {

constexpr DalleConfig small{.image = 32, .patch = 8, .width = 4, .vocabulary = 48};  // of tests/fixtures/dalle

template <class T, DalleConfig C = small>
struct Words {
  using Images = Shape<dyn, 3, C.image, C.image>;
  Cpu device;
  Model<Dalle<C>, Cpu, T> model{device, Random{3}};
  Arena<Cpu> arena{device};
  Fixture fixture{"dalle"};

  explicit Words(const CpuConfig& config = {.threads = 1}) : device(config) { load_parameters(model, fixture); }
  std::vector<std::int64_t> of(const Tensor<Images, Cpu, T>& images) const {
    const auto words = (*model)(images);
    return {words.at, words.at + words.shape.size()};
  }
};

template <class T>
void check_reference(const CpuConfig& config) {
  Words<T> words(config);
  const auto images = load_tensor<typename Words<T>::Images, T>(words.arena, words.fixture, "images");
  const auto logits = words.model->logits(images);
  static_assert(std::is_same_v<shape_of<decltype(logits)>, Shape<dyn, 48, 4, 4>>);
  CHECK(relative_error(logits.data(), words.fixture.load("logits").values) < (std::is_same_v<T, double> ? 1e-12 : 1e-5));
  CHECK(words.of(images) == words.fixture.template load<std::int64_t>("words").values);  // five images: one more than go at once
}

}  // namespace

TEST_SUITE_BEGIN("tokenizers");

TEST_CASE("DALL-E's encoder gives PyTorch's scores, and exactly its words, on every set of instructions") {
  check_reference<double>({.threads = 2});
  for (int isa = 0; isa <= static_cast<int>(cpu::best_isa()); ++isa) check_reference<float>({.threads = 1, .isa = static_cast<Isa>(isa)});
}
TEST_CASE("DALL-E's encoder is never trained, and has the release's sizes") {
  using Release = DalleTokenizer<ViTConfig{}>;
  static_assert(Release::vocabulary == 8192 && Release::config.side() == 112 && Release::config.tokens() == 196);
  CHECK(count_parameters<Release>() == 0);
  Release release;
  std::int64_t numbers = 0, tensors = 0;
  each_parameter(release, [&](const Path&, auto& p) { numbers += std::remove_reference_t<decltype(p)>::shape_type::inner, ++tensors; });
  CHECK(tensors == 2 * (1 + 8 * 4 + 3 + 1));
  CHECK(numbers == 53'786'240);
  Plan plan;
  Arena<Plan> arena{plan};
  release(Tensor<Shape<dyn, 3, 224, 224>, Plan, float>{nullptr, &arena, Shape<dyn, 3, 224, 224>(1)});
  CHECK(static_cast<double>(plan.forward_flops) == doctest::Approx(2 * 26.06e9).epsilon(0.01));  // convolutions are nearly all
}
TEST_CASE("words are all that DALL-E's encoder leaves in memory, which does not grow with the batch") {
  Words<float> words;
  using Images = Words<float>::Images;
  std::size_t peaks[2];
  for (const int batch : {4, 64}) {
    Arena<Cpu> arena{words.device};
    const auto images = noise<Images, float>(arena, batch, 1);
    const std::size_t before = arena.used(), kept = Arena<Cpu>::padded(static_cast<std::size_t>(batch) * 16 * sizeof(int));
    words.of(images);
    CHECK(arena.used() == before + kept);
    peaks[batch == 64] = arena.peak() - before - kept;
  }
  CHECK(peaks[0] == peaks[1]);
}
TEST_CASE("images are resized to eight pixels per patch, by the filter that augmentation has too") {
  constexpr DalleConfig coarse{.image = 64, .patch = 16, .width = 4, .vocabulary = 48};
  Words<float, coarse> halving;
  Words<float> plain;
  const auto images = noise<Shape<dyn, 3, 64, 64>, float>(halving.arena, 2, 1);
  const auto resized = resize<32, 32>(images, {Interpolation::lanczos});
  CHECK(halving.of(images) == plain.of(resized));
  ResampleScratch scratch;
  std::vector<float> expected(32 * 32);
  const ResampleAxis axis = ResampleAxis::stretch(0, 64, 32);
  resample<1>(PicturePart{images.at, 64}, axis, axis, ResampleFilter{Interpolation::lanczos}, expected.data(), scratch);
  CHECK(relative_error(resized.at, {expected.begin(), expected.end()}) < 1e-5);
}

TEST_SUITE_END();
