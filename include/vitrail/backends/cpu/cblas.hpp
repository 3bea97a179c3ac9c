// Linear maps by any CBLAS: Cpu({.products = &cblas()}), in a program linked with it, as by -lopenblas. No other header
// includes this one.
#pragma once
#if !__has_include(<cblas.h>)
#error "vitrail/backends/cpu/cblas.hpp needs a CBLAS, whose header cblas.h is not there; one of Debian's packages is libopenblas-openmp-dev"
#else
#include <cblas.h>

#include <limits>
#include <string>

#include "../../core/error.hpp"
#include "products.hpp"

namespace vitrail {
namespace cpu::inline VITRAIL_ABI {

// Many a CBLAS counts with 32 bits.
inline int blas_size(std::int64_t size) {
  if (size > std::numeric_limits<int>::max())
    throw Error("CBLAS takes sizes below 2^31, found " + std::to_string(size) + "; use the device's own products");
  return static_cast<int>(size);
}
inline void cblas_add_product(std::int64_t m, std::int64_t n, std::int64_t k, Operand<float> a, Operand<float> b, float* c,
                              std::int64_t stride) {
  const auto order = [](const Operand<float>& x) { return x.transposed ? CblasTrans : CblasNoTrans; };
  cblas_sgemm(CblasRowMajor, order(a), order(b), blas_size(m), blas_size(n), blas_size(k), 1.0f, a.at, blas_size(a.stride), b.at,
              blas_size(b.stride), 1.0f, c, blas_size(stride));
}

}  // namespace cpu::inline VITRAIL_ABI

// On the library's threads, whatever the device has. OpenBLAS: take the build with OpenMP (OMP_NUM_THREADS says how many
// threads); the build with pthreads, Debian's default, ignores that, and beside OpenMP in one program it is several times slower.
inline const Products& cblas() {
  static const Products products{"CBLAS", cpu::cblas_add_product};
  return products;
}

}  // namespace vitrail
#endif
