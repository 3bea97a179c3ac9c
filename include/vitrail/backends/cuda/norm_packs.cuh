// layer_norm of values in bfloat16, by packs: a row is read once and stays in registers.
#pragma once
#include <type_traits>

#include "../../core/dual.hpp"
#include "packs.cuh"

namespace vitrail::cuda {

// The packs of a row that a lane has: lane, lane + 32, ... `per`: so many at most.
template <class T, int per>
struct RowPacks {
  static constexpr int size = Pack<T>::size;
  wide<T> x[per][size];

  template <class C>
  VITRAIL_DEVICE RowPacks(C& c, const T* row, int dim) {
    VITRAIL_UNROLL for (int p = 0; p < per; ++p) {
      Pack<T> pack{};
      if (place(c, p) < dim) pack = load_pack(row + place(c, p));
      VITRAIL_UNROLL for (int k = 0; k < size; ++k) x[p][k] = pack.x[k];
    }
  }
  template <class C>
  VITRAIL_DEVICE static int place(C& c, int p) {
    return (c.lane() + 32 * p) * size;
  }
};

// See NormRow.
template <class T, int per>
struct NormRowPacks {
  T* y;
  wide<T> *mean, *rstd;
  const T *x, *gain, *shift;
  int dim;
  wide<T> eps;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c, i64 row) const {
    using W = wide<T>;
    using Packs = RowPacks<T, per>;
    const Packs v(c, x + row * dim, dim);
    const W share = W(1) / static_cast<W>(dim);
    W sum = 0, squares = 0;
    VITRAIL_UNROLL for (int p = 0; p < per; ++p)
      VITRAIL_UNROLL for (int k = 0; k < Packs::size; ++k) sum += v.x[p][k];
    const W m = warp_sum(c, sum) * share;
    VITRAIL_UNROLL for (int p = 0; p < per; ++p)
      if (Packs::place(c, p) < dim)
        VITRAIL_UNROLL for (int k = 0; k < Packs::size; ++k) squares += (v.x[p][k] - m) * (v.x[p][k] - m);
    const W r = W(1) / math::sqrt(warp_sum(c, squares) * share + eps);
    VITRAIL_UNROLL for (int p = 0; p < per; ++p) {
      const int i = Packs::place(c, p);
      if (i >= dim) continue;
      const Pack<T> by = load_pack(gain + i), plus = load_pack(shift + i);
      Pack<T> out;
      VITRAIL_UNROLL for (int k = 0; k < Packs::size; ++k) out.x[k] = static_cast<T>((v.x[p][k] - m) * r * by.x[k] + plus.x[k]);
      store_pack(y + row * dim + i, out);
    }
    if (c.lane() == 0) mean[row] = m, rstd[row] = r;
  }
};

// Adds what the warps have found of 2 x `per` packs of columns, one after the other, and stores it: partial (2, dim) of this block.
template <class T, int per, int warps, class C>
VITRAIL_DEVICE void add_warps(C& c, wide<T>* sums, const wide<T> (&first)[per][Pack<T>::size], const wide<T> (&second)[per][Pack<T>::size],
                              wide<T>* partial, int dim) {
  VITRAIL_KEEP_ROLLED for (int w = 0; w < warps; ++w) {
    if (c.warp() == w)
      VITRAIL_UNROLL for (int p = 0; p < per; ++p) {
        const int i = RowPacks<T, per>::place(c, p);
        if (i >= dim) continue;
        VITRAIL_UNROLL for (int k = 0; k < Pack<T>::size; ++k) {
          sums[i + k] = w == 0 ? first[p][k] : sums[i + k] + first[p][k];
          sums[dim + i + k] = w == 0 ? second[p][k] : sums[dim + i + k] + second[p][k];
        }
      }
    c.sync();
  }
  for (int i = c.thread(); i < 2 * dim; i += 32 * warps) partial[i] = sums[i];
}

// See NormBackward: a warp has every eighth row of the block's, and each lane adds the gradients of its columns.
template <class T, int per>
struct NormBackwardPacks {
  static constexpr int threads = 256, warps = threads / 32, side_by_side = per <= 2 ? 2 : 1;
  Sink<T> dx;
  wide<T>* partial;
  T* again;
  const T *dy, *x;
  const wide<T> *mean, *rstd;
  const T *gain, *shift;
  i64 rows, chunk;
  int dim;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    using W = wide<T>;
    using Packs = RowPacks<T, per>;
    constexpr int size = Packs::size;
    const i64 begin = c.block() * chunk, end = begin + chunk < rows ? begin + chunk : rows;
    const W share = W(1) / static_cast<W>(dim);
    W dgain[per][size] = {}, dshift[per][size] = {};
    for (i64 row = begin + c.warp(); row < end; row += warps) {
      Packs g(c, dy + row * dim, dim), u(c, x + row * dim, dim);
      const W m = mean[row], r = rstd[row];
      W a = 0, b = 0;
      VITRAIL_UNROLL for (int p = 0; p < per; ++p) {
        const int i = Packs::place(c, p);
        if (i >= dim) continue;
        const Pack<T> by = load_pack(gain + i);
        Pack<T> plus{}, out{};
        if (again != nullptr) plus = load_pack(shift + i);
        VITRAIL_UNROLL for (int k = 0; k < size; ++k) {
          u.x[p][k] = (u.x[p][k] - m) * r;
          dgain[p][k] += g.x[p][k] * u.x[p][k], dshift[p][k] += g.x[p][k];
          out.x[k] = static_cast<T>(u.x[p][k] * by.x[k] + plus.x[k]);
          g.x[p][k] *= by.x[k];
          a += g.x[p][k], b += g.x[p][k] * u.x[p][k];
        }
        if (again != nullptr) store_pack(again + row * dim + i, out);
      }
      if (dx.skipped()) continue;
      a = warp_sum(c, a) * share, b = warp_sum(c, b) * share;
      VITRAIL_UNROLL for (int p = 0; p < per; ++p) {
        const int i = Packs::place(c, p);
        if (i >= dim) continue;
        W out[size];
        VITRAIL_UNROLL for (int k = 0; k < size; ++k) out[k] = (g.x[p][k] - a - u.x[p][k] * b) * r;
        put_pack(dx, row * dim + i, out);
      }
    }
    if (partial != nullptr)
      add_warps<T, per, warps>(c, reinterpret_cast<W*>(c.shared()), dgain, dshift, partial + c.block() * 2 * dim, dim);
  }
};

// f(packs per lane) for rows of bfloat16 that a warp can have in registers and whose places allow packs, and true; else false.
template <class T, class F>
bool with_row_packs([[maybe_unused]] int dim, [[maybe_unused]] bool allowed, [[maybe_unused]] F f) {
  if constexpr (std::is_same_v<T, bfloat16>) {
    constexpr int of_warp = 32 * Pack<T>::size;
    if (!allowed || dim % Pack<T>::size != 0 || dim > 4 * of_warp) return false;
    if (dim <= of_warp) f(std::integral_constant<int, 1>{});
    else if (dim <= 2 * of_warp) f(std::integral_constant<int, 2>{});
    else if (dim <= 3 * of_warp) f(std::integral_constant<int, 3>{});
    else f(std::integral_constant<int, 4>{});
    return true;
  } else {
    return false;
  }
}

}  // namespace vitrail::cuda
