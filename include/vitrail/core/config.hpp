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

// What a compiler's flags make different in the CPU's code: how wide its vectors are, and whether nvcc's front end reads it (which has
// no tiles). It is part of the name of every CPU device and of all that it calls, so that two files never share a kernel that is
// another one in the other file, and so that a model handed from one to the other does not link.
#if defined(__AVX512F__)
#define VITRAIL_SIMD simd64
#elif defined(__AVX__)
#define VITRAIL_SIMD simd32
#else
#define VITRAIL_SIMD simd16
#endif
#if defined(__CUDACC__)
#define VITRAIL_JOIN(a, b) a##b
#define VITRAIL_JOINED(a, b) VITRAIL_JOIN(a, b)
#define VITRAIL_ABI VITRAIL_JOINED(VITRAIL_SIMD, _nvcc)
#else
#define VITRAIL_ABI VITRAIL_SIMD
#endif

// Makes linkers refuse a program (or a shared library) whose files were built for different SYMBOLs, a string, and name it: each
// file refers to its own symbol, and defines it in a section of which a program keeps only one. The definition stands in an inline
// function and the reference in a note, so that link-time optimisation and --gc-sections keep both. Only where object files are ELF.
#if defined(__ELF__) && defined(__GNUC__) && !defined(__CUDA_ARCH__)
#define VITRAIL_REFUSE_OTHER_BUILDS(SYMBOL)                                                                                        \
  [[gnu::used]] inline void define_build() {                                                                                       \
    __asm__(".ifndef " SYMBOL "\n.pushsection .rodata.vitrail_build, \"aG\", %%progbits, vitrail_build, comdat\n.globl " SYMBOL    \
            "\n.hidden " SYMBOL "\n" SYMBOL ":\n.byte 0\n.popsection\n.endif" ::);                                                \
  }                                                                                                                                \
  [[gnu::used]] static void refer_to_build() {                                                                                     \
    __asm__(".pushsection .note.vitrail, \"a\", %%note\n.balign 4\n.long 8, 4, 1\n.asciz \"vitrail\"\n.long " SYMBOL               \
            " - .\n.popsection" ::);                                                                                               \
  }
#else
#define VITRAIL_REFUSE_OTHER_BUILDS(SYMBOL)
#endif
#define VITRAIL_QUOTE(...) #__VA_ARGS__
#define VITRAIL_QUOTED(...) VITRAIL_QUOTE(__VA_ARGS__)

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

// Functions that know no type of the user's are compiled in every file that includes them, or, for who links vitrail::compiled, once in
// his project: VITRAIL_COMPILED is for all its files, VITRAIL_COMPILING_... for those of cmake/compiled, which hold the bodies. A header
// that declares such functions includes bodies, and what only they need (Eigen, JSON, image libraries), where these are 1.
#if defined(VITRAIL_COMPILED)
#define VITRAIL_FUNCTION
#else
#define VITRAIL_FUNCTION inline
#endif
#if !defined(VITRAIL_COMPILED) || defined(VITRAIL_COMPILING_KERNELS)
#define VITRAIL_KERNELS 1
#else
#define VITRAIL_KERNELS 0
#endif
#if !defined(VITRAIL_COMPILED) || defined(VITRAIL_COMPILING_CORE)
#define VITRAIL_BODIES 1
#else
#define VITRAIL_BODIES 0
#endif
#if !defined(VITRAIL_COMPILED) || defined(VITRAIL_COMPILING_IO)
#define VITRAIL_IO_BODIES 1
#else
#define VITRAIL_IO_BODIES 0
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
