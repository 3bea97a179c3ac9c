// Lesson 1's exercise: a quarter turn is made of products, and the order of products decides what they cost.
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/ops/matmul.hpp>

using namespace vitrail;

constexpr int S = 5;
using Square = Tensor<Shape<dyn, S, S>, Cpu, float>;

// [turn]
// x^T has rows and columns exchanged; what stands in column j of y mirror stands in column S - 1 - j of y.
Square quarter_turn(Square unit, Square mirror, Square x) {
  const auto transposed = matmul_transposed(unit, x);  // 1 x^T
  return matmul(transposed, mirror);                   // clockwise
}
// [/turn]

// [cost]
// Multiplications in a product of (N, K) and (K, M), from the shapes alone.
template <class A, class B> constexpr std::int64_t multiplications() {
  static_assert(A::template extent<-1>() == B::template extent<-2>());
  return std::int64_t{A::template extent<-2>()} * A::template extent<-1>() * B::template extent<-1>();
}
using Wide = Shape<8, 64>;    // few rows: c
using Image = Shape<64, 64>;  // x
using Tall = Shape<64, 8>;    // c^T
using Code = Shape<8, 8>;
constexpr auto narrow = multiplications<Wide, Image>() + multiplications<Shape<8, 64>, Tall>();                        // (c x) c^T
constexpr auto back = multiplications<Tall, Code>() + multiplications<Tall, Wide>();                                   // (c^T code) c
constexpr auto wasteful = multiplications<Tall, Wide>() + 2 * multiplications<Image, Image>();                         // p = c^T c; (p x) p
static_assert(narrow + back < wasteful);
// [/cost]

int main() {
  Cpu device{{.threads = 1}};
  Arena<Cpu> memory{device};
  const auto square = [&](auto f) {
    const auto m = make_tensor<Shape<dyn, S, S>, float>(memory, Shape<dyn, S, S>(1));
    for (int i = 0; i < S * S; ++i) m.data()[i] = static_cast<float>(f(i / S, i % S));
    return m;
  };
  const Square unit = square([](int i, int j) { return i == j; }), mirror = square([](int i, int j) { return i + j == S - 1; });
  const Square letter = square([](int i, int j) { return "#####"
                                                         "#...."
                                                         "###.."
                                                         "#...."
                                                         "#...."[i * S + j] == '#'; });
  Square turned[5] = {letter};
  for (int t = 0; t < 4; ++t) turned[t + 1] = quarter_turn(unit, mirror, turned[t]);
  for (int i = 0; i < S; ++i) {
    for (int t = 0; t < 5; ++t) {
      for (int j = 0; j < S; ++j) std::cout << (turned[t].data()[i * S + j] > 0.5f ? '#' : '.');
      std::cout << (t < 4 ? "  " : "\n");
    }
  }
  std::cout << "there and back " << narrow + back << " multiplications, by one matrix p " << wasteful << "\n";
  bool same = true, other = false;
  for (int i = 0; i < S * S; ++i) {
    same = same && turned[4].data()[i] == letter.data()[i];
    other = other || turned[1].data()[i] != letter.data()[i];
  }
  return same && other ? 0 : 1;
}
