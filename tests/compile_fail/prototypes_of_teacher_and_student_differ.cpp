// The heads of teacher and student have different numbers of prototypes.
// expect: teacher and student must have the same number of prototypes
#include "vitrail/backends/cpu.hpp"
#include "vitrail/objectives/dino.hpp"

using namespace vitrail;

#ifdef BAD
constexpr int of_student = 512;
#else
constexpr int of_student = 1024;
#endif
using Student = Var<Shape<dyn, of_student>, Cpu, float>;
using Teacher = Tensor<Shape<dyn, 1024>, Cpu, float>;

auto loss(const Student& student, const Teacher& teacher, const RunningMean<Shape<1024>>& center) {
  return distillation<DistillationViews{}>(student, teacher, center.value, {});
}
