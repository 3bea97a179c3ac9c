// Version, and the few facts about compilers that the library needs. The only file that looks at compilers.
#pragma once

#define VITRAIL_VERSION_MAJOR 0
#define VITRAIL_VERSION_MINOR 1
#define VITRAIL_VERSION_PATCH 0

#if __cplusplus < 202002L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 202002L)
#error "vitrail needs C++20: compile with -std=c++20, or link the CMake target vitrail::vitrail, which asks for it"
#endif

// Functions that device code may call as well.
#if defined(__CUDACC__)
#define VITRAIL_HD __host__ __device__
#else
#define VITRAIL_HD
#endif

// Bodies of CUDA kernels. Other compilers see plain functions: tests run the same bodies on the host.
#if defined(__CUDACC__)
#define VITRAIL_DEVICE __device__ __forceinline__
#define VITRAIL_UNROLL _Pragma("unroll")
#define VITRAIL_KEEP_ROLLED _Pragma("unroll 1")
#else
#define VITRAIL_DEVICE inline
#define VITRAIL_UNROLL
#define VITRAIL_KEEP_ROLLED
#endif

// Two translation units compiled for different vector widths must not share kernels: the width is part of the name of
// every CPU device, so that passing a model between them fails at link time instead of changing bits silently.
#if defined(__AVX512F__)
#define VITRAIL_ABI simd64
#elif defined(__AVX__)
#define VITRAIL_ABI simd32
#else
#define VITRAIL_ABI simd16
#endif

// Functions that use more of an x86 processor than the compiler's flags promise; who calls one has asked the processor
// (backends/cpu/isa.hpp). nvcc's front end does not take such code: there the host's products are Eigen's.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__CUDACC__)
#define VITRAIL_X86 1
#define VITRAIL_AVX2 __attribute__((target("avx2,fma")))
#define VITRAIL_AVX512 __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")))
#define VITRAIL_AVX512_BF16 __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
#else
#define VITRAIL_X86 0
#endif

// A promise to the optimiser that pointers of one kernel do not overlap.
#if defined(__GNUC__)
#define VITRAIL_RESTRICT __restrict__
#elif defined(_MSC_VER)
#define VITRAIL_RESTRICT __restrict
#else
#define VITRAIL_RESTRICT
#endif

// Flags that promise less than AVX2, on a processor that may have it: loops are then compiled for both (backends/cpu/isa.hpp).
#if VITRAIL_X86 && !defined(__AVX2__)
#define VITRAIL_WIDENS_LOOPS 1
#else
#define VITRAIL_WIDENS_LOOPS 0
#endif

// Memory that will be read, or written, soon.
#if defined(__GNUC__)
#define VITRAIL_PREFETCH(at) __builtin_prefetch(at, 0, 2)
#define VITRAIL_PREFETCH_TO_WRITE(at) __builtin_prefetch(at, 1)
#else
#define VITRAIL_PREFETCH(at) static_cast<void>(at)
#define VITRAIL_PREFETCH_TO_WRITE(at) static_cast<void>(at)
#endif

// Large functions that gain nothing from being copied into their callers.
#if defined(__GNUC__)
#define VITRAIL_NOINLINE __attribute__((noinline))
#else
#define VITRAIL_NOINLINE
#endif

// Around the headers of others: g++ 12 warns of its own AVX-512 intrinsics ("__Y may be used uninitialized") where they are
// inlined, that is, in our users' builds.
#if defined(__GNUC__) && !defined(__clang__)
#define VITRAIL_FOREIGN_HEADERS_BEGIN                                                                         \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wmaybe-uninitialized\"")                  \
      _Pragma("GCC diagnostic ignored \"-Wuninitialized\"")
#define VITRAIL_FOREIGN_HEADERS_END _Pragma("GCC diagnostic pop")
#else
#define VITRAIL_FOREIGN_HEADERS_BEGIN
#define VITRAIL_FOREIGN_HEADERS_END
#endif
