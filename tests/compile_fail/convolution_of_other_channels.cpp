// A convolution of 4 channels is given images of 3.
// expect: the images must have as many channels as the weight of the convolution takes
// expect: ChannelsAgree<3, 4>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/conv2d.hpp"

using namespace vitrail;
using Images = Var<Shape<dyn, 3, 32, 32>, Cpu, float>;

#ifdef BAD
auto stem(const Images& x, const Parameter<Shape<8, 4, 3, 3>>& weight, const Parameter<Shape<8>>& bias) { return conv2d(x, weight, bias); }
#else
auto stem(const Images& x, const Parameter<Shape<8, 3, 3, 3>>& weight, const Parameter<Shape<8>>& bias) { return conv2d(x, weight, bias); }
#endif
