// As many targets as tokens are wanted, and there are fewer.
// expect: cross_entropy: one target per row of logits
// expect: Shape<(vitrail::)?dyn, 64>
// expect: Shape<(vitrail::)?dyn, 32>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/cross_entropy.hpp"

using namespace vitrail;
using Logits = Var<Shape<dyn, 64, 1024>, Cpu, float>;
template <int M> using Words = Tensor<Shape<dyn, M>, Cpu, int>;

#ifdef BAD
void loss(const Logits& logits, const Words<32>& words) { cross_entropy(logits, words); }
#else
void loss(const Logits& logits, const Words<64>& words) { cross_entropy(logits, words); }
#endif
