// Numbers where a loss wants the classes, or a probability for each of them; the loss is one of two terms.
// expect: cross_entropy: targets are class numbers
// expect: Shape<(vitrail::)?dyn, 10>
// expect: Shape<(vitrail::)?dyn, 1>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/arithmetic.hpp"
#include "vitrail/ops/cross_entropy.hpp"

using namespace vitrail;
using Logits = Var<Shape<dyn, 10>, Cpu, float>;

#ifdef BAD
auto loss(const Logits& logits, const Tensor<Shape<dyn, 1>, Cpu, float>& classes) { return 0.5 * cross_entropy(logits, classes); }
#else
auto loss(const Logits& logits, const Tensor<Shape<dyn, 1>, Cpu, int>& classes) { return 0.5 * cross_entropy(logits, classes); }
#endif
