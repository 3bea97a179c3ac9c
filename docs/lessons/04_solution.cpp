// Lesson 4's exercise: what of the loss is heard at the other end of 24 layers, and why a model may start as almost nothing.
#include <cmath>
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/nn/model.hpp>
#include <vitrail/nn/transformer.hpp>
#include <vitrail/ops/arithmetic.hpp>
#include <vitrail/ops/reduce.hpp>

using namespace vitrail;

constexpr int N = 16, D = 64, depth = 24;
constexpr BlockConfig config{.dim = D, .heads = 4, .hidden = 4 * D};
using Stack = Transformer<config, depth>;

int main() {
  Cpu device{{.threads = 1}};
  Arena<Cpu> memory{device};
  using Tokens = Shape<dyn, N, D>;
  const auto x = make_tensor<Tokens, double>(memory, Tokens(1)), target = make_tensor<Tokens, double>(memory, Tokens(1));
  Random random{2};
  for (int i = 0; i < N * D; ++i) x.data()[i] = random.normal(), target.data()[i] = random.normal();
  for (int d = 0; d < D; ++d) {  // a loss that asks how tokens differ: its gradient has the mean 0
    double mean = 0;
    for (int n = 0; n < N; ++n) mean += target.data()[n * D + d] / N;
    for (int n = 0; n < N; ++n) target.data()[n * D + d] -= mean;
  }
  Model<Stack, Cpu, double> model{device, Random{1}};  // weights as the library starts them: 0.02
  Tape<Cpu> tape{device};

  // [gradient]
  // The length of the gradient of sum(y * target) at the input, in parts of its length at the output.
  const auto heard = [&](auto layer) {
    tape.reset();
    const auto start = tape.differentiable_input(x);
    auto y = start;
    for (const auto& block : model->blocks) y = layer(block, y);
    tape.backward(sum(y * target));
    double at_input = 0, at_output = 0;
    for (int i = 0; i < N * D; ++i) at_input += std::pow(start.grad()[i], 2), at_output += std::pow(target.data()[i], 2);
    return std::sqrt(at_input / at_output);
  };
  const double with = heard([](const auto& block, const auto& y) { return block(y); });
  const double without = heard([](const auto& block, const auto& y) { return block.mlp(block.norm2(block.attn(block.norm1(y)))); });
  // [/gradient]
  std::cout << "with shortcuts: " << std::round(100 * with) << " %\n"
            << "without, less than a millionth: " << (without < 1e-6 ? "yes" : "no") << "\n";

  auto y = x;
  for (const auto& block : model->blocks) y = block(y);
  double moved = 0, length = 0;
  for (int i = 0; i < N * D; ++i) moved += std::pow(y.data()[i] - x.data()[i], 2), length += std::pow(x.data()[i], 2);
  std::cout << "24 fresh blocks change their input by " << std::round(100 * std::sqrt(moved / length)) << " %\n";
  return without < 1e-6 && with > 0.5 ? 0 : 1;
}
