// Targets that would get a gradient: a forgotten detach().
// expect: cross_entropy: targets are .* detach\(\) them
// expect: Var<
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/cross_entropy.hpp"

using namespace vitrail;
using Logits = Var<Shape<dyn, 10>, Cpu, float>;

#ifdef BAD
void loss(const Logits& logits, const Logits& targets) { cross_entropy(logits, targets); }
#else
void loss(const Logits& logits, const Logits& targets) { cross_entropy(logits, detach(targets)); }
#endif
