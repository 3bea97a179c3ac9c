// The transformer block: gradients by finite differences in all its forms, and what drop path and layer scale do.
#include "support/differences.hpp"
#include "vitrail/nn/transformer.hpp"
#include "vitrail/ops/squared_error.hpp"

using namespace vitrail;

namespace {

using Tokens = Shape<dyn, 5, 8>;
constexpr BlockConfig plain{8, 2, 16}, scaled{8, 2, 16, true, false}, dropped{8, 2, 16, false, true}, both{8, 2, 16, true, true};

template <auto C>
struct Config {
  static constexpr BlockConfig value = C;
};

// A block with something to come close to.
template <BlockConfig C>
struct BlockTrial {
  Cpu device{1};
  Model<Block<C>, Cpu, double> model{device, Random{1}};
  Arena<Cpu> inputs{device};
  Tape<Cpu> tape{device};
  Tensor<Tokens, Cpu, double> x, target;

  explicit BlockTrial(int batch = 6) : x(noise<Tokens, double>(inputs, batch, 2)), target(noise<Tokens, double>(inputs, batch, 3)) {
    spread_weights(model, 0.4, 4);
    model->drop_path = 0.5;
  }
  std::vector<double> output(std::uint64_t key) {
    tape.reset(key);
    const auto y = (*model)(tape.input(x));
    return std::vector<double>(y.data(), y.data() + y.shape.size());
  }
};

}  // namespace

TEST_SUITE_BEGIN("nn");

TEST_CASE_TEMPLATE("a block's gradients are those of finite differences, by weights and by input", C, Config<plain>, Config<scaled>,
                   Config<dropped>, Config<both>) {
  BlockTrial<C::value> trial;
  const auto loss = [&](auto&, const auto& x) { return squared_error((*trial.model)(x), trial.target); };
  check_small(gradcheck(trial.model, loss, {.floor = 1e-3, .key = 9}, trial.x));
  check_all_reached(trial.model);
}

TEST_CASE("drop path is drawn from the step's key, and never in evaluation") {
  BlockTrial<dropped> trial(32);
  CHECK(trial.output(1) == trial.output(1));
  CHECK(trial.output(1) != trial.output(2));
  const auto evaluated = (*trial.model)(trial.x);
  trial.model->drop_path = 0;
  const std::vector<double> kept = trial.output(1);
  CHECK(std::equal(kept.begin(), kept.end(), evaluated.data()));
}

TEST_CASE("drop path leaves whole images alone about as often as it says, and doubles what it keeps") {
  BlockTrial<dropped> trial(32);
  int untouched = 0, images = 0;
  for (std::uint64_t key = 0; key < 40; ++key) {
    const std::vector<double> y = trial.output(key);
    for (int b = 0; b < 32; ++b, ++images) untouched += std::equal(y.begin() + b * 40, y.begin() + (b + 1) * 40, trial.x.at + b * 40);
  }
  CHECK(static_cast<double>(untouched) / images == doctest::Approx(0.25).epsilon(0.15));  // both branches dropped
  trial.model->drop_path = 0;
  trial.model->mlp.fc2.weight.value = trial.model->mlp.fc2.weight.gradient;  // zeros: only the attention branch is left
  trial.model->mlp.fc2.bias.value = trial.model->mlp.fc2.bias.gradient;
  const std::vector<double> whole = trial.output(0);
  trial.model->drop_path = 0.5;
  const std::vector<double> y = trial.output(0);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double x = trial.x.at[i], branch = whole[i] - x;
    CHECK(std::min(std::abs(y[i] - x), std::abs(y[i] - x - 2 * branch)) < 1e-12);
  }
}

TEST_CASE("with a layer scale of zero a block does nothing") {
  BlockTrial<scaled> trial;
  for (auto* gamma : {&trial.model->ls1.gamma, &trial.model->ls2.gamma}) std::fill_n(static_cast<double*>(gamma->value), 8, 0.0);
  const std::vector<double> y = trial.output(1);
  CHECK(std::equal(y.begin(), y.end(), trial.x.at));
}

TEST_CASE("a block treats tokens as a set: permuted tokens give permuted results") {
  BlockTrial<plain> trial(1);
  const std::vector<double> before = trial.output(1);
  std::rotate(trial.x.at, trial.x.at + 8, trial.x.at + 40);  // token 0 goes to the end
  std::vector<double> after = trial.output(1);
  std::rotate(after.begin(), after.begin() + 32, after.end());
  for (std::size_t i = 0; i < 40; ++i) CHECK(after[i] == doctest::Approx(before[i]).epsilon(1e-12));
}

TEST_SUITE_END();
