// A layer is given values of another width.
// expect: Linear<In, Out>: the last axis of its input must be In
// expect: Shape<(vitrail::)?dyn, 64, 128>
// expect: 192
#include "vitrail/backends/cpu.hpp"
#include "vitrail/nn/linear.hpp"

using namespace vitrail;

#ifdef BAD
auto head(const Linear<192, 10>& layer, const Var<Shape<dyn, 64, 128>, Cpu, float>& x) { return layer(x); }
#else
auto head(const Linear<192, 10>& layer, const Var<Shape<dyn, 64, 192>, Cpu, float>& x) { return layer(x); }
#endif
