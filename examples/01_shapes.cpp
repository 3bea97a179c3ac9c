// Shapes are types: what fits compiles, what does not is refused before there is a program. Only the leading extent, the
// batch, may be a number that is known when the program runs.
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/ops/arithmetic.hpp>
#include <vitrail/ops/matmul.hpp>

using namespace vitrail;

using Tokens = Shape<dyn, 3, 4>;  // (B, N, D): dyn is the batch, N = 3 tokens of D = 4 numbers

// Shapes are computed with. Nothing of this exists at run time.
static_assert(Tokens::rank == 3 && Tokens::inner == 12);
static_assert(std::is_same_v<append_axis<Tokens, 5>, Shape<dyn, 3, 4, 5>>);
static_assert(std::is_same_v<replace_last_axis<Tokens, 16>, Shape<dyn, 3, 16>>);
static_assert(sizeof(Shape<196, 384>) == 1 && sizeof(Tokens) == sizeof(int));  // only a batch takes room

template <class S> using Values = Tensor<S, Cpu, float>;

// Whether shapes go together can be asked, because rules are concepts.
template <class A, class B> concept CanMultiply = InnerExtentsAgree<A, B> && SameFirstAxis<A, B>;  // the rules of matmul
static_assert(CanMultiply<Tokens, Shape<dyn, 4, 2>>);
static_assert(!CanMultiply<Tokens, Shape<dyn, 5, 2>>);  // (B, 3, 4) x (B, 5, 2)
static_assert(!CanMultiply<Tokens, Shape<7, 4, 2>>);    // a fixed batch does not meet one that is not known
// Called all the same, the second case ends on g++ 12 with "matmul: a has as many columns as b has rows", and
//   note: the expression '(A::extent<-1>)() == (B::extent<-2>)() [with B = vitrail::Shape<vitrail::dyn, 5, 2>;
//   A = vitrail::Shape<vitrail::dyn, 3, 4>]' evaluated to 'false'

Values<Tokens> counting(Arena<Cpu>& arena, int batch) {
  const auto x = make_tensor<Tokens, float>(arena, Tokens(batch));
  for (std::int64_t i = 0; i < x.shape.size(); ++i) x.data()[i] = static_cast<float>(i);
  return x;
}

int main() {
  Cpu device;
  Arena<Cpu> arena{device};
  const auto two = counting(arena, 2), three = counting(arena, 3);  // one type, two batches: nothing is compiled twice

  const auto product = matmul_transposed(two, two);  // (B, N, D) x (B, N, D)^T -> (B, N, N)
  static_assert(std::is_same_v<shape_of<decltype(product)>, Shape<dyn, 3, 3>>);
  std::cout << text(two.shape) << " x " << text(two.shape) << "^T = " << text(product.shape) << "\n";

  const auto rows = view(three, Shape<dyn, 4>(9));  // the same memory, seen as 9 rows
  std::cout << text(three.shape) << " seen as " << text(rows.shape) << ", same memory: " << (rows.data() == three.data()) << "\n";

  // What the compiler cannot know is compared when the program runs: always, and in words.
  bool refused = false;
  try {
    two + three;
  } catch (const ShapeError& error) {
    std::cout << "refused: " << error.what() << "\n";
    refused = true;
  }
  const bool right = product.data()[0] == 0 + 1 + 4 + 9;  // row (0, 1, 2, 3) by itself
  return refused && right && rows.data() == three.data() ? 0 : 1;
}
