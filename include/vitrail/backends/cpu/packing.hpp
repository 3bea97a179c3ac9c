// Where one thread packs the operands of its matrix products: allocated once per thread, so that products allocate nothing.
#pragma once
#include "../../tensor/arena.hpp"

namespace vitrail::cpu {

inline constexpr std::size_t packing_bytes = std::size_t{2} << 20;  // more than Eigen asks for; untouched pages cost nothing

// 64-byte aligned. The threads of a pool ask when they start, any other thread at its first product.
inline void* packing_space() {
  struct Space : HostMemory {
    void* at = allocate(packing_bytes);
    ~Space() { release(at); }
  };
  thread_local Space space;
  return space.at;
}

}  // namespace vitrail::cpu
