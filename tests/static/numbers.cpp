// Our operators leave other people's arithmetic alone: this file compiles.
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/arithmetic.hpp"

using namespace vitrail;

namespace {

enum Old { one = 1, two };
static_assert(1 + one == 2 && two * 2 == 4 && 3 - one == 2 && one + two == 3 && -two == -2);

using X = Var<Shape<dyn, 4>, Cpu, float>;
template <class A, class B> concept Combine = requires(A a, B b) { a + b, a - b, a * b, b + a, b - a, b * a; };
static_assert(Combine<X, double> && Combine<X, float> && Combine<X, int>);
static_assert(!Combine<X, Old> && !Combine<X, const char*>);

}  // namespace
