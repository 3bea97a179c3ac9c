// Which instructions the products of matrices may use, asked of the processor once, so that no compiler flag is needed; and with
// which precision.
#pragma once
#include <cstdlib>
#include <string>

#include "../../core/config.hpp"
#include "../../core/error.hpp"
#include "../device.hpp"

namespace vitrail {

// In rising order; each includes those before it.
enum class Isa : char {
  portable,     // Eigen, compiled for whatever the compiler's flags say
  avx2,         // AVX2 and FMA, 2013 and later
  avx512,       // AVX-512 F, BW, DQ, VL
  avx512_bf16,  // the same, and products of bfloat16 (Zen 4, Cooper Lake, Sapphire Rapids, and later)
};
inline const char* name(Isa isa) {
  constexpr const char* names[] = {"portable", "avx2", "avx512", "avx512_bf16"};
  return names[static_cast<int>(isa)];
}

namespace cpu::inline VITRAIL_ABI {

inline Isa isa_of_processor() {
#if VITRAIL_X86
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512 && __builtin_cpu_supports("avx512bf16")) return Isa::avx512_bf16;
  return avx512 ? Isa::avx512 : avx2 ? Isa::avx2 : Isa::portable;
#else
  return Isa::portable;
#endif
}

// The processor's, or less where the environment's VITRAIL_MAX_ISA says so: for tests and for comparing.
inline Isa best_isa() {
  static const Isa best = [] {
    const Isa own = isa_of_processor();
    const char* text = std::getenv("VITRAIL_MAX_ISA");
    if (text == nullptr || *text == '\0') return own;
    for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512, Isa::avx512_bf16})
      if (std::string(text) == name(isa)) return isa < own ? isa : own;
    throw ConfigError("VITRAIL_MAX_ISA is '" + std::string(text) + "'; it may be portable, avx2, avx512 or avx512_bf16");
  }();
  return best;
}

// Calls f, compiled for AVX2 where the compiler's flags promise less than the processor has: all loops of all kernels run here.
#if VITRAIL_WIDENS_LOOPS
template <class F>
VITRAIL_AVX2 __attribute__((flatten)) void call_with_avx2(F& f) {
  f();
}
template <class F>
void with_wide_vectors(Isa isa, F&& f) {
  if (isa >= Isa::avx2) call_with_avx2(f);
  else f();
}
#else
template <class F>
void with_wide_vectors(Isa, F&& f) {
  f();
}
#endif

// What a device is asked for, if the processor has it.
inline Isa granted(Isa wanted, Isa most = isa_of_processor()) {
  if (wanted > most) throw ConfigError(std::string("Cpu: this processor has no ") + name(wanted) + "; the most it has is " + name(most));
  return wanted;
}

}  // namespace cpu::inline VITRAIL_ABI
}  // namespace vitrail
