// A kernel of 7 pixels on images of 4, which padding makes 6.
// expect: the kernel must not be larger than the image with its padding
// expect: KernelFitsImage<7, 6>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/conv2d.hpp"

using namespace vitrail;
using Images = Var<Shape<dyn, 3, 4, 4>, Cpu, float>;

#ifdef BAD
constexpr int padding = 1;
#else
constexpr int padding = 2;
#endif
auto stem(const Images& x, const Parameter<Shape<8, 3, 7, 7>>& weight, const Parameter<Shape<8>>& bias) {
  return conv2d<1, padding>(x, weight, bias);
}
