// Lesson 2: gradients by running a program backwards, and what they are good for. See 02_the_tape.md.
#include <cmath>
#include <iomanip>
#include <iostream>
#include <numbers>
#include <string>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/base64.hpp>
#include <vitrail/io/file.hpp>
#include <vitrail/io/png.hpp>
#include <vitrail/nn/linear.hpp>
#include <vitrail/nn/model.hpp>
#include <vitrail/ops/arithmetic.hpp>
#include <vitrail/ops/reduce.hpp>

using namespace vitrail;

constexpr int points = 240, side = 96;  // half of the points on each arm; pixels of a panel
using Points = Tensor<Shape<dyn, 2>, Cpu, double>;

// [net]
// Three linear maps with bends between them: a point of the plane -> one number, whose sign is the answer. (B, 2) -> (B, 1)
struct Net {
  Linear<2, 24> first{{.scale = 100}, {.init = Init::normal, .scale = 50}};  // the library's weights start at 0.02
  Linear<24, 24> second{{.scale = 10}};
  Linear<24, 1> third{{.scale = 10}};

  auto operator()(const Value auto& x) const {
    const auto bend = [](const auto& y) { return map([](auto v) { return math::tanh(v); }, y); };
    return third(bend(second(bend(first(x)))));
  }
  void visit(auto&& f) { f("first", first), f("second", second), f("third", third); }
};

// log(1 + exp(-a z)), the price in nats of the answer z where a = 1 or -1 is right; its mean over all points.
auto loss_of(const Value auto& z, const Value auto& right) {
  return mean(map([](auto v, auto a) { return math::log(1.0 + math::exp(-(a * v))); }, z, right));
}
// [/net]

// The answer for each pixel of the square from -1 to 1, blue to orange, and the points.
std::string panel(int left, const std::string& title, const Net& net, Points x) {
  const auto grid = make_tensor<Shape<dyn, 2>, double>(*x.arena, Shape<dyn, 2>(side * side));
  for (int i = 0; i < side * side; ++i) grid.data()[2 * i] = 2.0 * (i % side) / side - 1, grid.data()[2 * i + 1] = 2.0 * (i / side) / side - 1;
  const auto z = net(grid);
  Image image(side, side, 3);
  for (int i = 0; i < side * side; ++i) {
    const double share = 1 / (1 + std::exp(-z.data()[i])), from[3] = {86, 180, 233}, to[3] = {230, 159, 0};
    for (int c = 0; c < 3; ++c) image.at(i % side, i / side)[c] = static_cast<std::uint8_t>(from[c] + share * (to[c] - from[c]));
  }
  std::string svg = "<g transform='translate(" + std::to_string(left) + ")'><text y='16'>" + title +
                    "</text><image y='24' width='192' height='192' href='data:image/png;base64," + base64(encode_png(image)) + "'/>";
  for (int arm = 0; arm < 2; ++arm) {
    svg += "<path stroke-width='4' stroke-linecap='round' stroke='" + std::string(arm == 0 ? "#7a3b00" : "#003f6b") + "' d='";
    for (int i = arm; i < points; i += 2)
      svg += "M" + std::to_string(std::lround(96 + 96 * x.data()[2 * i])) + " " + std::to_string(std::lround(120 + 96 * x.data()[2 * i + 1])) + "h0";
    svg += "'/>";
  }
  return svg + "</g>";
}

int main() {
  Cpu device{{.threads = 1}};
  Arena<Cpu> memory{device};
  const auto x = make_tensor<Shape<dyn, 2>, double>(memory, Shape<dyn, 2>(points));
  const auto right = make_tensor<Shape<dyn, 1>, double>(memory, Shape<dyn, 1>(points));
  for (int i = 0; i < points; ++i) {  // two arms of a spiral
    const double turn = 1.5 * (i / 2) / (points / 2), angle = 2 * std::numbers::pi * turn + (i % 2) * std::numbers::pi, r = 0.1 + 0.55 * turn;
    x.data()[2 * i] = r * std::cos(angle), x.data()[2 * i + 1] = r * std::sin(angle), right.data()[i] = i % 2 == 0 ? 1 : -1;
  }
  Model<Net, Cpu, double> model{device, Random{2}};
  Tape<Cpu> tape{device};
  std::string panels;
  int shown = 0;
  // [train]
  for (int step = 0; step <= 2000; ++step) {
    tape.reset();                                               // an empty tape
    const auto loss = loss_of((*model)(tape.input(x)), right);  // forward: every op is recorded
    model.zero_gradients();
    tape.backward(loss);                                        // backward: every record is run, the last first
    if (step == 0 || step == 100 || step == 400 || step == 2000) {
      std::cout << "step " << step << ": loss " << std::fixed << std::setprecision(2) << *loss.data() << " nats\n";
      panels += panel(200 * shown++, "step " + std::to_string(step), *model, x);
    }
    for (std::int64_t i = 0; i < model.trained(); ++i) model.values()[i] -= 0.5 * model.gradients()[i];
  }
  // [/train]
  write_atomically("02_the_tape.svg", "<svg xmlns='http://www.w3.org/2000/svg' viewBox='-4 0 800 220' font-family='sans-serif' font-size='14'>"
      "<rect x='-4' width='800' height='220' fill='#fff'/>" + panels + "</svg>\n");
}
