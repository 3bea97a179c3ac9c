// An op's backward captures what has a destructor: an arena would never run it.
// expect: a backward closure may capture only values, parameters and numbers
#include <string>

#include "vitrail/autograd/run.hpp"
#include "vitrail/backends/cpu.hpp"

using namespace vitrail;

auto marked(const Var<Shape<dyn, 3>, Cpu, float>& x, const std::string& name) {
  auto y = fresh<Shape<dyn, 3>>(x);
#ifdef BAD
  y.tape->on_backward(y.slot, [name] { (void)name.size(); });
#else
  y.tape->on_backward(y.slot, [size = name.size()] { (void)size; });
#endif
  return y;
}
