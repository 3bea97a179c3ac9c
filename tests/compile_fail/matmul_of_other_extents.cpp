// The columns of a are not the rows of b.
// expect: matmul: a has as many columns as b has rows
// expect: Shape<(vitrail::)?dyn, 65, 192>
// expect: Shape<(vitrail::)?dyn, 65, 64>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/matmul.hpp"

using namespace vitrail;
template <int N, int K> using Matrices = Var<Shape<dyn, N, K>, Cpu, float>;

#ifdef BAD
auto product(const Matrices<65, 192>& a, const Matrices<65, 64>& b) { return matmul(a, b); }
#else
auto product(const Matrices<65, 192>& a, const Matrices<192, 64>& b) { return matmul(a, b); }
#endif
