// A value in float and one in double are added.
// expect: a \+ b: both must hold numbers of one type
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/arithmetic.hpp"

using namespace vitrail;
#ifdef BAD
using Other = float;
#else
using Other = double;
#endif

auto both(const Tensor<Shape<dyn, 3>, Cpu, double>& a, const Tensor<Shape<dyn, 3>, Cpu, Other>& b) { return a + b; }
