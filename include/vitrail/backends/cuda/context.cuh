// What a kernel's body sees of its thread, on a card. Bodies take it as a template parameter: tests run them on the host with one
// of their own. Also how a body becomes a kernel.
#pragma once
#if !defined(__CUDACC__)
#error "vitrail/backends/cuda/context.cuh: compile this file with nvcc"
#endif
#include <cstdint>

#include "bf16.cuh"

namespace vitrail::cuda {

class Context {
 public:
  __device__ int thread() const { return static_cast<int>(threadIdx.x); }
  __device__ int lane() const { return thread() % 32; }
  __device__ int warp() const { return thread() / 32; }
  __device__ std::int64_t block() const { return blockIdx.x; }
  __device__ unsigned char* shared() const {
    extern __shared__ __align__(16) unsigned char memory[];
    return memory;
  }
  __device__ void sync() { __syncthreads(); }
  __device__ void sync_warp() { __syncwarp(); }
  template <class T>
  __device__ T shuffle_xor(T x, int mask) {
    return __shfl_xor_sync(0xFFFFFFFFu, x, mask);
  }
  // d (16 x 8) += a (16 x 16) b (16 x 8) of bfloat16, spread over the warp.
  __device__ void mma(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
  // Two 8 x 8 matrices, transposed on the way: lanes 0 .. 15 point to their rows.
  __device__ void load_transposed(std::uint32_t (&b)[2], const bf16* row) {
    const std::uint32_t address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];" : "=r"(b[0]), "=r"(b[1]) : "r"(address));
  }
  __device__ static float exp(float x) { return __expf(x); }
};

// How many blocks a multiprocessor shall hold at least, which bounds registers: what waits for memory needs 1024 threads.
template <class Body>
constexpr int side_by_side() {
  if constexpr (requires { Body::side_by_side; }) return Body::side_by_side;
  else return 1024 / Body::threads;
}
template <class Body>
__global__ void __launch_bounds__(Body::threads, side_by_side<Body>()) entry(const __grid_constant__ Body body) {
  Context context;
  body(context);
}

}  // namespace vitrail::cuda
