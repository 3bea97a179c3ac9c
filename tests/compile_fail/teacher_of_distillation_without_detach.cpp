// The scores that the student shall learn from come from a tape.
// expect: a teacher receives no gradient: call detach\(\) first
#include "vitrail/backends/cpu.hpp"
#include "vitrail/objectives/dino.hpp"

using namespace vitrail;
using Scores = Var<Shape<dyn, 1024>, Cpu, float>;

auto loss(const Scores& student, const Scores& teacher, const RunningMean<Shape<1024>>& center) {
#ifdef BAD
  return distillation<DistillationViews{}>(student, teacher, center.value, {});
#else
  return distillation<DistillationViews{}>(student, detach(teacher), center.value, {});
#endif
}
