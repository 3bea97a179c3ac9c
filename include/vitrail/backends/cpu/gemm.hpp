// Products of matrices on the host, by Eigen, cut into fixed tiles for the threads. The only file that knows Eigen.
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

#include "loops.hpp"
#include "packing.hpp"

namespace vitrail::cpu {

// A matrix in memory: rows of `stride` numbers, read as it is or transposed.
template <class T> struct Operand {
  const T* at;
  std::int64_t stride;
  bool transposed = false;
};

// The panels that Eigen would choose, in memory that stays. Its expressions (C += A * B) allocate for every large product, and
// copy single rows; hence its kernel is called directly.
template <class T> struct Panels : Eigen::internal::level3_blocking<T, T> {
  Panels(Eigen::Index m, Eigen::Index n, Eigen::Index k) {
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

// C (m, n) = or += by a (m, k) b (k, n), on the calling thread.
template <class T>
void gemm_tile(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c, std::int64_t stride, bool add,
               T by = T(1)) {
  if (!add)
    for (std::int64_t row = 0; row < m; ++row) std::fill_n(c + row * stride, n, T(0));
  if (m == 0 || n == 0 || k == 0) return;
  Panels<T> panels(m, n, k);
  const auto multiply = [&](auto order_a, auto order_b) {
    Eigen::internal::general_matrix_matrix_product<Eigen::Index, T, order_a, false, T, order_b, false, Eigen::RowMajor, 1>::run(
        m, n, k, a.at, a.stride, b.at, b.stride, c, 1, stride, by, panels);
  };
  constexpr std::integral_constant<int, Eigen::RowMajor> as_it_is;
  constexpr std::integral_constant<int, Eigen::ColMajor> transposed;
  if (!a.transposed && !b.transposed) multiply(as_it_is, as_it_is);
  else if (!a.transposed) multiply(as_it_is, transposed);
  else if (!b.transposed) multiply(transposed, as_it_is);
  else multiply(transposed, transposed);
}

// The same on all threads: tiles of rows, or of columns where there are few rows. `prepare(row, rows, column, columns)`
// fills a tile of C before the product is added to it, while it is in cache.
template <class T, class Device, class Prepare>
void gemm_prepared(Device& device, std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c, Prepare prepare) {
  const bool by_rows = m >= 128 || m >= n;
  const std::int64_t whole = by_rows ? m : n;
  const std::int64_t tile = std::max<std::int64_t>(by_rows ? 48 : 64, (whole / 16 + 47) / 48 * 48);
  over_ranges(device, whole, tile, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t row = by_rows ? begin : 0, column = by_rows ? 0 : begin;
    const std::int64_t rows = by_rows ? end - begin : m, columns = by_rows ? n : end - begin;
    prepare(row, rows, column, columns);
    Operand<T> part_a = a, part_b = b;
    part_a.at += a.transposed ? row : row * a.stride;
    part_b.at += b.transposed ? column * b.stride : column;
    gemm_tile(rows, columns, k, part_a, part_b, c + row * n + column, n, true);
  });
}
template <class T, class Device>
void gemm(Device& device, std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, const Sink<T>& c) {
  if (c.skipped()) return;
  gemm_prepared(device, m, n, k, a, b, c.to, [&](std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns) {
    if (c.mode == Write::assign)
      for (std::int64_t r = row; r < row + rows; ++r) std::fill_n(c.to + r * n + column, columns, T(0));
  });
}

// C (m, n) = or += a^T b over many rows, a (rows, m), b (rows, n): a weight's gradient. Fixed chunks of rows have their own
// partial products, which are added in order.
template <class T, class Device>
void gemm_over_rows(Device& device, std::int64_t m, std::int64_t n, std::int64_t rows, const T* a, const T* b, const Sink<T>& c) {
  if (c.skipped()) return;
  const std::int64_t chunks = std::clamp<std::int64_t>(rows / 512, 1, 8);
  if (chunks == 1) return gemm(device, m, n, rows, Operand<T>{a, m, true}, Operand<T>{b, n}, c);
  const std::int64_t chunk = (rows + chunks - 1) / chunks, size = m * n;
  T* partial = device.template scratch<T>(chunks * size);
  device.parallel(static_cast<int>(chunks), [&](int i, int) {
    const std::int64_t begin = i * chunk, end = std::min(rows, begin + chunk);
    gemm_tile(m, n, end - begin, Operand<T>{a + begin * m, m, true}, Operand<T>{b + begin * n, n}, partial + i * size, n, false);
  });
  over_elements(device, size, [&](std::int64_t begin, std::int64_t end) {
    if (c.mode == Write::assign) std::fill(c.to + begin, c.to + end, T(0));
    for (std::int64_t i = 0; i < chunks; ++i)
      for (std::int64_t e = begin; e < end; ++e) c.to[e] += partial[i * size + e];
  });
}

}  // namespace vitrail::cpu
