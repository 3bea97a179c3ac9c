// An elementwise op of one's own is a formula: map() finds its derivatives with dual numbers. gradcheck() then compares the
// gradient with finite differences, as it does for every op, layer and objective of the library.
#include <cmath>
#include <iostream>

#include <vitrail/autograd/gradcheck.hpp>
#include <vitrail/backends/cpu.hpp>
#include <vitrail/ops/map.hpp>
#include <vitrail/ops/reduce.hpp>

using namespace vitrail;

// x sigmoid(x), "SiLU". The formula takes numbers in forward and duals in backward: say auto, and use math:: functions.
template <Value X> constexpr auto silu(const X& x) {
  return map([](auto v) { return v * math::sigmoid(v); }, x);
}

// Two inputs, and a number that is chosen at run time: a small functor instead of a lambda.
struct SmoothDistance {  // sqrt((a - b)^2 + softness^2)
  double softness;
  template <class T> T operator()(const T& a, const T& b) const {
    const T d = a - b;
    return math::sqrt(d * d + T(softness * softness));
  }
};
template <Value A, Value B> constexpr auto smooth_distance(const A& a, const B& b, double softness) {
  return map(SmoothDistance{softness}, a, b);
}

int main() {
  Cpu device;
  Arena<Cpu> memory{device};
  using Grid = Shape<dyn, 5>;
  const auto a = make_tensor<Grid, double>(memory, Grid(4)), b = make_tensor<Grid, double>(memory, Grid(4));
  Random random{3};
  for (int i = 0; i < 20; ++i) a.data()[i] = random.normal(), b.data()[i] = random.normal();

  // A scalar of the op's result is what can be differentiated. Weigh the entries differently, so that no error hides.
  const auto weighed = [](auto y) { return sum(map([](auto v) { return v * v; }, y)); };
  const GradientError one = gradcheck([&](auto&, auto x) { return weighed(silu(x)); }, {}, a);
  const GradientError two = gradcheck([&](auto&, auto x, auto z) { return weighed(smooth_distance(x, z, 0.5)); }, {}, a, b);
  std::cout << "silu:             worst relative error " << one.worst << " at " << one.where << "\n"
            << "smooth_distance:  worst relative error " << two.worst << " at " << two.where << "\n";

  // The derivative that the dual numbers gave, at one place, against the one from the textbook: s + x s (1 - s).
  using One = Dual<double, 1>;
  const double x = 0.7, s = 1 / (1 + std::exp(-x)), textbook = s + x * s * (1 - s);
  const One variable = One::variable(x, 0);
  const One y = variable * math::sigmoid(variable);
  std::cout << "silu'(0.7) = " << y.slope[0] << ", by the textbook " << textbook << "\n";

  // Forgetting a factor in a hand-written backward is what gradcheck is for; a formula cannot have that mistake.
  return one.worst < 1e-6 && two.worst < 1e-6 && std::abs(y.slope[0] - textbook) < 1e-12 ? 0 : 1;
}
