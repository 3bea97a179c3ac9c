// A value whose batch is a constant meets one whose batch is a run-time number.
// expect: squared_error: both must have the same shape; view\(\) gives a fixed batch
// expect: Shape<8, 64, 192>
// expect: Shape<(vitrail::)?dyn, 64, 192>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/squared_error.hpp"

using namespace vitrail;
using RunTime = Var<Shape<dyn, 64, 192>, Cpu, float>;
using Fixed = Tensor<Shape<8, 64, 192>, Cpu, float>;

#ifdef BAD
auto loss(const RunTime& guess, const Fixed& target) { return squared_error(guess, target); }
#else
auto loss(const RunTime& guess, const Fixed& target) {
  return squared_error(guess, view(target, Shape<dyn, 64, 192>(8)));
}
#endif
