// Keys that would receive a gradient.
// expect: info_nce: keys receive no gradient: call detach\(\) first
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/info_nce.hpp"

using namespace vitrail;
using Rows = Var<Shape<dyn, 256>, Cpu, float>;

auto loss(const Rows& queries, const Rows& keys) {
#ifdef BAD
  return info_nce(queries, keys, 0.2).loss;
#else
  return info_nce(queries, detach(keys), 0.2).loss;
#endif
}
