// Windows of 2 pixels with 2 pixels of padding: some would hold nothing else.
// expect: at most half of a window may be padding
// expect: PaddingFitsKernel<2, 2>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/conv2d.hpp"

using namespace vitrail;

#ifdef BAD
auto halved(const Var<Shape<dyn, 3, 8, 8>, Cpu, float>& x) { return max_pool2d<2, 2, 2>(x); }
#else
auto halved(const Var<Shape<dyn, 3, 8, 8>, Cpu, float>& x) { return max_pool2d<2, 2, 1>(x); }
#endif
