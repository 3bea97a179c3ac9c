// BEiT (both encoders), MAE and SplitMask's two halves against PyTorch: loss, every gradient and ten steps of AdamW from the same
// weights, on the same draw (tests/fixtures: beit, beit_relative, mae, split_inpaint, split_match).
#include "support/reference.hpp"
#include "support/words.hpp"
#include "vitrail/objectives/beit.hpp"
#include "vitrail/objectives/mae.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/train/adamw.hpp"

using namespace vitrail;

namespace {

constexpr ViTConfig plain{.image = 16, .patch = 4, .dim = 12, .depth = 2, .heads = 3, .mlp_ratio = 2};
constexpr ViTConfig relative{.image = 16, .patch = 4, .dim = 12, .depth = 2, .heads = 3, .mlp_ratio = 2, .positions = Positions::relative,
                             .layer_scale_ppm = 100'000};
constexpr ViTConfig fixed{.image = 16, .patch = 4, .dim = 12, .depth = 2, .heads = 3, .mlp_ratio = 2, .positions = Positions::sincos};
constexpr DecoderConfig narrow{.dim = 8, .depth = 1, .heads = 2, .positions = Positions::sincos};
constexpr int B = 3, N = 16;
using Words = GivenWords<16, N>;

// What a fixture is a fixture of. `part` makes a draw of its index lists, by name.
struct PlainBeit : Beit<ViT<plain>, BeitMask<4>, Words> {
  static constexpr const char* fixture = "beit";
  static auto part(auto lists) { return MaskDraw<BeitMask<4>>{lists.template rest<10>("masked"), lists.template of<6>("masked")}; }
};
struct RelativeBeit : Beit<ViT<relative>, BeitMask<4>, Words> {
  static constexpr const char* fixture = "beit_relative";
  static auto part(auto lists) { return PlainBeit::part(lists); }
};
struct Autoencoder : Mae<ViT<fixed>, RandomMask<N, 75>, narrow> {
  static constexpr const char* fixture = "mae";
  static auto part(auto lists) { return MaskDraw<RandomMask<N, 75>>{lists.template of<4>("visible"), lists.template of<12>("masked")}; }
};
template <class Objective> auto both_halves(auto lists) {
  return typename Objective::Draw{lists.template of<8>("a", "b"), lists.template of<8>("b", "a")};
}
struct Inpaint : SplitInpaint<ViT<plain>, RandomSplit<N, 50>, Words, SplitMaskConfig{.decoder_depth = 1}> {
  static constexpr const char* fixture = "split_inpaint";
  static auto part(auto lists) { return both_halves<Inpaint>(lists); }
};
struct Match : SplitMatch<ViT<plain>, RandomSplit<N, 50>, SplitMaskConfig{.decoder_depth = 1}> {
  static constexpr const char* fixture = "split_match";
  static auto part(auto lists) { return both_halves<Match>(lists); }
};

// A fixture's index lists, in memory that lasts.
struct Lists {
  const Fixture& fixture;
  std::vector<std::vector<int>>& memory;

  template <int Count> Indices<Count> keep(std::vector<int> all) const {
    REQUIRE(all.size() == static_cast<std::size_t>(B) * Count);
    return {memory.emplace_back(std::move(all)).data(), Shape<dyn, Count>(B)};
  }
  template <int Count> auto of(const char* name) const { return keep<Count>(fixture.load<int>(name).values); }
  // Row b: `first` of image b, then `second`.
  template <int Count> auto of(const char* first, const char* second) const {
    const std::vector<int> x = fixture.load<int>(first).values, y = fixture.load<int>(second).values;
    std::vector<int> rows;
    for (int b = 0; b < B; ++b) {
      rows.insert(rows.end(), x.begin() + b * Count, x.begin() + (b + 1) * Count);
      rows.insert(rows.end(), y.begin() + b * Count, y.begin() + (b + 1) * Count);
    }
    return keep<2 * Count>(rows);
  }
  // The Count patches of every image that are not listed.
  template <int Count> auto rest(const char* name) const {
    const std::vector<int> listed = fixture.load<int>(name).values;
    std::vector<int> rows(static_cast<std::size_t>(B) * Count);
    for (int b = 0; b < B; ++b) complement<N, N - Count>(listed.data() + b * (N - Count), rows.data() + b * Count);
    return keep<Count>(rows);
  }
};

template <class Objective, class T> struct Case {
  Fixture fixture{Objective::fixture};
  std::vector<std::vector<int>> memory{};
  Trial<Objective, T> trial{};
  std::vector<int> words{};
  decltype(Objective::part(std::declval<Lists>())) part = Objective::part(Lists{fixture, memory});
  Tensor<typename Objective::images_shape, Cpu, T> images =
      load_tensor<typename Objective::images_shape, T>(trial.inputs, fixture, "images");
  static constexpr bool in_double = std::is_same_v<T, double>;

  Case() {
    load_parameters(trial.model, fixture);
    if constexpr (requires { trial.model->tokenizer; }) {
      words = fixture.template load<int>("ids").values;
      trial.model->tokenizer.words = words.data();
    }
  }
  double run() { return number(loss_of(trial.run_on(images, part, 0))); }
};

using PlainBeitCase = Case<PlainBeit, double>;
using RelativeBeitCase = Case<RelativeBeit, double>;
using RelativeBeitInFloat = Case<RelativeBeit, float>;
using MaeCase = Case<Autoencoder, double>;
using InpaintCase = Case<Inpaint, double>;
using MatchCase = Case<Match, double>;

}  // namespace

TEST_SUITE_BEGIN("objectives");

TEST_CASE_TEMPLATE("masked modelling gives PyTorch's losses, gradients, and losses of ten steps", C, PlainBeitCase, RelativeBeitCase,
                   RelativeBeitInFloat, MaeCase, InpaintCase, MatchCase) {
  C c;
  CHECK(c.run() == doctest::Approx(c.fixture.scalar("loss")).epsilon(C::in_double ? 1e-12 : 1e-5));
  check_gradients(c.trial.model, c.fixture, C::in_double ? 1e-11 : 1e-4);
  const double tolerance = C::in_double ? 1e-9 : 1e-4;
  AdamW optimizer{c.trial.model, {.weight_decay = 0.05, .clip_norm = 3}};
  const std::vector<double> losses = c.fixture.load("train.losses").values, norms = c.fixture.load("train.grad_norms").values;
  for (std::size_t step = 0; step < 10; ++step) {
    CAPTURE(step);
    CHECK(c.run() == doctest::Approx(losses[step]).epsilon(tolerance));
    CHECK(optimizer.step(1e-3) == doctest::Approx(norms[step]).epsilon(tolerance));
  }
  each_named(c.trial.model, [&](const std::string& name, auto values, auto gradients) {
    if (gradients.empty()) return;
    CAPTURE(name);
    double sum = 0;
    for (const auto v : values) sum += std::abs(static_cast<double>(v));
    CHECK(sum == doctest::Approx(c.fixture.scalar("train.abs_sum." + name)).epsilon(tolerance));
  });
}

TEST_SUITE_END();
