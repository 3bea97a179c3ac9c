// Lesson 2's exercise: is the tape right? Differences of the loss say so, if their step is neither too long nor too short.
#include <algorithm>
#include <cmath>
#include <iostream>

#include <vitrail/autograd/gradcheck.hpp>
#include <vitrail/backends/cpu.hpp>
#include <vitrail/ops/map.hpp>
#include <vitrail/ops/reduce.hpp>

using namespace vitrail;

// [f]
// Something with a slope that is not obvious: the sum of tanh(x) exp(-x^2 / 2).
auto f(const Value auto& x) {
  return sum(map([](auto v) { return math::tanh(v) * math::exp(v * v * -0.5); }, x));
}
// [/f]

int main() {
  Cpu device{{.threads = 1}};
  Arena<Cpu> memory{device};
  Tape<Cpu> tape{device};
  const auto x = make_tensor<Shape<3>, double>(memory);
  for (int i = 0; i < 3; ++i) x.data()[i] = 0.3 + 0.4 * i;

  // [difference]
  const auto v = tape.differentiable_input(x);
  tape.backward(f(v));
  const auto error = [&](double h) {  // the worst of the three, of (f(x + h) - f(x - h)) / 2 h against the tape
    double worst = 0;
    for (int i = 0; i < 3; ++i) {
      const double at = x.data()[i];
      x.data()[i] = at + h;
      const double above = *f(x).data();
      x.data()[i] = at - h;
      const double below = *f(x).data();
      x.data()[i] = at;
      worst = std::max(worst, std::abs((above - below) / (2 * h) - v.grad()[i]));
    }
    return worst;
  };
  // [/difference]
  const double law = error(1e-1) / error(1e-2), best = error(1e-5), rounding = error(1e-12);
  std::cout << "a tenth of the step, the error divided by " << std::round(law) << "\n"
            << "step 1e-5: error below 1e-9: " << (best < 1e-9 ? "yes" : "no") << "\n"
            << "step 1e-12: error above 1e-7: " << (rounding > 1e-7 ? "yes" : "no") << "\n";
  const GradientError library = gradcheck([](auto&, auto y) { return f(y); }, {}, x);
  std::cout << "gradcheck agrees: " << (library.worst < 1e-7 ? "yes" : "no") << "\n";
  return best < 1e-9 && library.worst < 1e-7 ? 0 : 1;
}
