// Gradients: a value on a tape is a Var, and what is made of it is recorded. A Tensor is numbers alone: whatever has that
// type is outside differentiation, and nobody has to remember to switch anything off.
#include <cmath>
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/ops/arithmetic.hpp>
#include <vitrail/ops/reduce.hpp>

using namespace vitrail;

using Three = Shape<3>;

// f is recorded on the tape and differentiated by x; prints the gradient beside the one found by hand.
template <class F, class Hand> bool compare(const char* what, Tape<Cpu>& tape, Tensor<Three, Cpu, double> numbers, F f, Hand hand) {
  tape.reset();                                           // forgets the last step, keeps its memory
  const auto x = tape.differentiable_input(numbers);      // Var (3); tape.input() would want no gradient
  const Var<Shape<>, Cpu, double> y = f(x);               // Var (): one number
  tape.backward(y);
  std::cout << what << " = " << *y.data() << "   gradient";
  bool equal = true;
  for (int i = 0; i < 3; ++i) {
    const double g = x.slot->written ? x.grad()[i] : 0;   // a gradient that nothing has written is zero
    equal = equal && std::abs(g - hand(numbers.data()[i])) < 1e-12;
    std::cout << "  " << g;
  }
  std::cout << (equal ? "   as by hand\n" : "   NOT as by hand\n");
  return equal;
}

int main() {
  Cpu device;
  Arena<Cpu> memory{device};
  Tape<Cpu> tape{device};
  const auto numbers = make_tensor<Three, double>(memory);
  for (int i = 0; i < 3; ++i) numbers.data()[i] = i + 1;  // 1, 2, 3

  bool right = compare("sum(x * x)", tape, numbers, [](auto x) { return sum(x * x); }, [](double x) { return 2 * x; });

  // A value may be used often; what its uses contribute is added. Name both operands first: operands of + have no order in
  // C++, and the tape's order should be the program's.
  right &= compare("sum(x * x) + sum(3 x)", tape, numbers, [](auto x) {
    const auto squares = sum(x * x);
    const auto lines = sum(3 * x);
    return squares + lines;
  }, [](double x) { return 2 * x + 3; });

  // detach() gives the Tensor inside: no gradient flows back through it. The second factor is a constant here.
  right &= compare("sum(x * detach(x))", tape, numbers, [](auto x) {
    static_assert(Tracked<decltype(x)> && Untracked<decltype(detach(x))>);
    return sum(x * detach(x));
  }, [](double x) { return x; });

  // Evaluation needs no mode: without a Var there is nothing to record.
  const auto plain = sum(numbers * numbers);
  static_assert(std::is_same_v<decltype(plain), const Tensor<Shape<>, Cpu, double>>);
  std::cout << "of a Tensor: " << *plain.data() << ", and no tape was needed\n";
  return right && *plain.data() == 14 ? 0 : 1;
}
