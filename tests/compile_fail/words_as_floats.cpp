// A tokenizer's words are given as floats to the loss of a linear head.
// expect: linear_cross_entropy: targets are class numbers
// expect: Tensor<.*dyn, 108>.*float>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/nn/linear.hpp"
#include "vitrail/ops/linear_cross_entropy.hpp"

using namespace vitrail;
using Hidden = Var<Shape<dyn, 108, 192>, Cpu, float>;
template <class T> using Words = Tensor<Shape<dyn, 108>, Cpu, T>;

#ifdef BAD
auto loss(const Hidden& x, const Linear<192, 8192>& head, const Words<float>& words) {
#else
auto loss(const Hidden& x, const Linear<192, 8192>& head, const Words<int>& words) {
#endif
  return linear_cross_entropy(x, head.weight, head.bias, words);
}
