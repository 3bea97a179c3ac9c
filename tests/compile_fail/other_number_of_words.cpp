// The words of all 144 patches, where the loss is of the 108 hidden ones.
// expect: linear_cross_entropy: one target per row
// expect: Shape<(vitrail::)?dyn, 144>
// expect: Shape<(vitrail::)?dyn, 108>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/nn/linear.hpp"
#include "vitrail/ops/linear_cross_entropy.hpp"

using namespace vitrail;
using Hidden = Var<Shape<dyn, 108, 192>, Cpu, float>;
template <int N> using Words = Tensor<Shape<dyn, N>, Cpu, int>;

#ifdef BAD
auto loss(const Hidden& x, const Linear<192, 8192>& head, const Words<144>& words) {
#else
auto loss(const Hidden& x, const Linear<192, 8192>& head, const Words<108>& words) {
#endif
  return linear_cross_entropy(x, head.weight, head.bias, words);
}
