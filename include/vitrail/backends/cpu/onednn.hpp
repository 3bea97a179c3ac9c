// Linear maps by oneDNN: Cpu({.products = &onednn()}), in a program linked with -ldnnl. No other header includes this one.
#pragma once
#if !__has_include(<oneapi/dnnl/dnnl.h>)
#error "vitrail/backends/cpu/onednn.hpp needs oneDNN, whose header oneapi/dnnl/dnnl.h is not there; Debian's package is libdnnl-dev"
#else
#include <oneapi/dnnl/dnnl.h>

#include <string>

#include "../../core/error.hpp"
#include "products.hpp"

namespace vitrail {
namespace cpu::inline VITRAIL_ABI {

inline void onednn_add_product(std::int64_t m, std::int64_t n, std::int64_t k, Operand<float> a, Operand<float> b, float* c,
                               std::int64_t stride) {
  const auto order = [](const Operand<float>& x) { return x.transposed ? 'T' : 'N'; };
  const dnnl_status_t status = dnnl_sgemm(order(a), order(b), m, n, k, 1.0f, a.at, a.stride, b.at, b.stride, 1.0f, c, stride);
  if (status != dnnl_success)
    throw Error("oneDNN refused a product of " + std::to_string(m) + " x " + std::to_string(k) + " by " + std::to_string(k) + " x " +
                std::to_string(n) + " with status " + std::to_string(static_cast<int>(status)));
}

}  // namespace cpu::inline VITRAIL_ABI

// On as many threads as OpenMP gives, whatever the device has: OMP_NUM_THREADS says how many.
inline const Products& onednn() {
  static const Products products{"oneDNN", cpu::onednn_add_product};
  return products;
}

}  // namespace vitrail
#endif
