// Products of small tiles by one warp, operands in shared memory and sums in registers: in bfloat16 on tensor cores, or in float.
// Both leave sums where PTX's mma.m16n8k16 does: lane 4 g + t has rows g and g + 8, columns 2 t and 2 t + 1 of a 16 x 8 tile.
#pragma once
#include "bf16.cuh"
#include "machine.hpp"

namespace vitrail::cuda {

template <class T>
struct alignas(4 * sizeof(T)) FourOf {
  T x[4];
};

// `gap` numbers at the end of every row keep lanes on different banks; rows of bfloat16 stay 16-byte aligned.
struct InBf16 {
  using Stored = bf16;
  static constexpr int gap = 8, spare = 0;
  struct Left {  // 16 x 16, row-major
    std::uint32_t word[4];
  };
  VITRAIL_DEVICE static void store(bf16* to, const FourOf<float>& four) {
    store_pair(to, bf16_pair(four.x[0], four.x[1]));
    store_pair(to + 2, bf16_pair(four.x[2], four.x[3]));
  }
  VITRAIL_DEVICE static void store(bf16* to, const FourOf<bf16>& four) { *reinterpret_cast<FourOf<bf16>*>(to) = four; }
  template <class C>
  VITRAIL_DEVICE static Left left(C& c, const bf16* at, int stride) {
    const bf16* const own = at + c.lane() / 4 * stride + c.lane() % 4 * 2;
    return {{load_pair(own), load_pair(own + 8 * stride), load_pair(own + 8), load_pair(own + 8 * stride + 8)}};
  }
  // The same, where it is stored as (16 of k, 16 rows): with a row of k in each row.
  template <class C>
  VITRAIL_DEVICE static Left left_transposed(C& c, const bf16* at, int stride) {
    std::uint32_t first[2], second[2];
    c.load_transposed(first, at + c.lane() % 16 * stride);
    c.load_transposed(second, at + c.lane() % 16 * stride + 8);
    return {{first[0], second[0], first[1], second[1]}};
  }
  // Two neighbouring tiles of sums as the left operand of the next product.
  template <class C>
  VITRAIL_DEVICE static Left left(C&, const float (&first)[4], const float (&second)[4], bf16*) {
    return {{bf16_pair(first[0], first[1]), bf16_pair(first[2], first[3]), bf16_pair(second[0], second[1]),
             bf16_pair(second[2], second[3])}};
  }
  // d += left right, where right (16 x 8) is stored as (8, 16): k runs along its rows.
  template <class C>
  VITRAIL_DEVICE static void along(C& c, float (&d)[4], const Left& left, const bf16* right, int stride) {
    const bf16* const own = right + c.lane() / 4 * stride + c.lane() % 4 * 2;
    c.mma(d, left.word, {load_pair(own), load_pair(own + 8)});
  }
  // The same, where right is stored as (16, 8): k runs across them.
  template <class C>
  VITRAIL_DEVICE static void across(C& c, float (&d)[4], const Left& left, const bf16* right, int stride) {
    std::uint32_t b[2];
    c.load_transposed(b, right + c.lane() % 16 * stride);
    c.mma(d, left.word, b);
  }
};

struct InFloat {
  using Stored = float;
  static constexpr int gap = 4, spare = 16 * 20;  // numbers per warp, through which sums become a left operand
  struct Left {
    const float* at;
    int stride;
  };
  VITRAIL_DEVICE static void store(float* to, const FourOf<float>& four) { *reinterpret_cast<FourOf<float>*>(to) = four; }
  template <class C>
  VITRAIL_DEVICE static Left left(C&, const float* at, int stride) {
    return {at, stride};
  }
  template <class C>
  VITRAIL_DEVICE static Left left(C& c, const float (&first)[4], const float (&second)[4], float* spare_room) {
    c.sync_warp();
    float* const own = spare_room + c.lane() / 4 * 20 + c.lane() % 4 * 2;
    for (int i = 0; i < 4; ++i) own[i / 2 * 8 * 20 + i % 2] = first[i], own[i / 2 * 8 * 20 + i % 2 + 8] = second[i];
    c.sync_warp();
    return {spare_room, 20};
  }
  template <class C>
  VITRAIL_DEVICE static void along(C& c, float (&d)[4], const Left& left, const float* right, int stride) {
    const float *const a = left.at + c.lane() / 4 * left.stride, *const b = right + c.lane() % 4 * 2 * stride;
    VITRAIL_KEEP_ROLLED for (int k = 0; k < 16; ++k)
      VITRAIL_UNROLL for (int i = 0; i < 4; ++i) d[i] += a[i / 2 * 8 * left.stride + k] * b[i % 2 * stride + k];
  }
  template <class C>
  VITRAIL_DEVICE static void across(C& c, float (&d)[4], const Left& left, const float* right, int stride) {
    const float *const a = left.at + c.lane() / 4 * left.stride, *const b = right + c.lane() % 4 * 2;
    VITRAIL_KEEP_ROLLED for (int k = 0; k < 16; ++k)
      VITRAIL_UNROLL for (int i = 0; i < 4; ++i) d[i] += a[i / 2 * 8 * left.stride + k] * b[k * stride + i % 2];
  }
};

// Rows begin .. begin + count - 1 of a matrix (n, width) into shared memory, by the whole block, four numbers at a time; what lies
// outside is 0. Rows begin on 16 bytes where the width is a multiple of four.
template <class A, int padded, int threads, class C, class T>
VITRAIL_DEVICE void stage(C& c, typename A::Stored* to, const T* from, i64 stride, i64 begin, int count, int n, int width) {
  const bool whole = width % 4 == 0;
  for (int i = c.thread(); i < count * (padded / 4); i += threads) {
    const int r = i / (padded / 4), d = i % (padded / 4) * 4;
    const bool inside = begin + r < n;
    FourOf<T> four{};
    if (inside && whole && d < width) four = *reinterpret_cast<const FourOf<T>*>(from + (begin + r) * stride + d);
    else if (inside && !whole)
      VITRAIL_UNROLL for (int e = 0; e < 4; ++e)
        if (d + e < width) four.x[e] = from[(begin + r) * stride + d + e];
    A::store(to + r * (padded + A::gap) + d, four);
  }
}

}  // namespace vitrail::cuda
