// The weights of an objective are averaged that has a teacher of its own, whose momentum would be the average's.
// expect: Averaged: this objective uses the momentum of fit for its own teacher
#include "vitrail/objectives/averaged.hpp"
#include "vitrail/nn/linear.hpp"

using namespace vitrail;

struct Student {
  Linear<4, 4> layer{};
  constexpr void visit(auto&& f) { f("layer", layer); }
};
struct Taught : Student {
  Ema<Student> teacher{};
  void after_step(StepScalar momentum) { teacher.follow(*this, momentum); }
  constexpr void visit(auto&& f) { Student::visit(f), f("teacher", teacher); }
};

#ifdef BAD
Averaged<Taught> averaged;
#else
Averaged<Student> averaged;
#endif
