// Products of matrices by Eigen: for double, and for processors that our own tiles do not know. The only file that knows Eigen.
#pragma once
#include "../../core/config.hpp"

#if defined(__CUDACC__) && !defined(EIGEN_NO_CUDA)
#define EIGEN_NO_CUDA  // otherwise Eigen loses its vector code under nvcc without a word
#endif
#ifndef EIGEN_DONT_PARALLELIZE
#define EIGEN_DONT_PARALLELIZE  // Eigen's own threads would change bits with their number
#endif
VITRAIL_FOREIGN_HEADERS_BEGIN
#include <Eigen/Core>
VITRAIL_FOREIGN_HEADERS_END

#include "packing.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

// Eigen's own functions have the same names whatever the flags, but other packets and another memory layout.
VITRAIL_REFUSE_OTHER_BUILDS("vitrail_mixed_build_flags_this_file_has_" VITRAIL_QUOTED(VITRAIL_SIMD)
                            "_align" VITRAIL_QUOTED(EIGEN_MAX_ALIGN_BYTES))

// The panels that Eigen would choose, in memory that stays. Its expressions (C += A * B) allocate for every large product, and
// copy single rows; hence its kernel is called directly.
template <class T>
struct EigenPanels : Eigen::internal::level3_blocking<T, T> {
  EigenPanels(Eigen::Index m, Eigen::Index n, Eigen::Index k) {
    constexpr Eigen::Index line = 64 / sizeof(T), room = packing_bytes / sizeof(T) - line;
    this->m_mc = n, this->m_nc = m, this->m_kc = k;  // C is row-major: Eigen computes its transpose
    Eigen::internal::computeProductBlockingSizes<T, T>(this->m_kc, this->m_mc, this->m_nc);
    while ((this->m_mc + this->m_nc) * this->m_kc > room) {  // whole registers' worth, whatever the machine
      Eigen::Index& larger = this->m_mc > this->m_nc ? this->m_mc : this->m_nc;
      larger = (larger / 2 + 47) / 48 * 48;
    }
    this->m_blockA = static_cast<T*>(packing_space());
    this->m_blockB = this->m_blockA + (this->m_mc * this->m_kc + line - 1) / line * line;
  }
};

// C (m, n) += a (m, k) b (k, n), on the calling thread; rows of C are `stride` numbers apart.
template <class T>
void eigen_add_product(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c, std::int64_t stride) {
  if (m == 0 || n == 0 || k == 0) return;
  EigenPanels<T> panels(m, n, k);
  const auto multiply = [&](auto order_a, auto order_b) {
    Eigen::internal::general_matrix_matrix_product<Eigen::Index, T, order_a, false, T, order_b, false, Eigen::RowMajor, 1>::run(
        m, n, k, a.at, a.stride, b.at, b.stride, c, 1, stride, T(1), panels);
  };
  constexpr std::integral_constant<int, Eigen::RowMajor> as_it_is;
  constexpr std::integral_constant<int, Eigen::ColMajor> transposed;
  if (!a.transposed && !b.transposed) multiply(as_it_is, as_it_is);
  else if (!a.transposed) multiply(as_it_is, transposed);
  else if (!b.transposed) multiply(transposed, as_it_is);
  else multiply(transposed, transposed);
}

}  // namespace vitrail::cpu::inline VITRAIL_ABI
