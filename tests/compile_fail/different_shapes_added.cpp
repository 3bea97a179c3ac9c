// a + b of different shapes.
// expect: a \+ b: both must have the same shape
// expect: Shape<(vitrail::)?dyn, 65, 192>
// expect: Shape<(vitrail::)?dyn, 64, 192>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/arithmetic.hpp"

using namespace vitrail;
template <int N> using Tokens = Var<Shape<dyn, N, 192>, Cpu, float>;

#ifdef BAD
auto sum(const Tokens<65>& a, const Tokens<64>& b) { return a + b; }
#else
auto sum(const Tokens<64>& a, const Tokens<64>& b) { return a + b; }
#endif
