// Queries of 64 numbers against keys of 32.
// expect: matmul_transposed: a and b have as many columns as each other
// expect: Shape<(vitrail::)?dyn, 65, 64>
// expect: Shape<(vitrail::)?dyn, 65, 32>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/matmul.hpp"

using namespace vitrail;
template <int D> using Tokens = Var<Shape<dyn, 65, D>, Cpu, float>;

#ifdef BAD
auto scores(const Tokens<64>& queries, const Tokens<32>& keys) { return matmul_transposed(queries, keys); }
#else
auto scores(const Tokens<64>& queries, const Tokens<64>& keys) { return matmul_transposed(queries, keys); }
#endif
