// Tokens of two widths are joined.
// expect: concat joins tokens: a and b have the same dim
// expect: Shape<(vitrail::)?dyn, 1, 192>
// expect: Shape<(vitrail::)?dyn, 64, 384>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/tokens.hpp"

using namespace vitrail;
template <int N, int D> using Tokens = Var<Shape<dyn, N, D>, Cpu, float>;

#ifdef BAD
auto joined(const Tokens<1, 192>& a, const Tokens<64, 384>& b) { return concat(a, b); }
#else
auto joined(const Tokens<1, 192>& a, const Tokens<64, 192>& b) { return concat(a, b); }
#endif
