// The products of another library, in the place of our own.
#pragma once
#include "operand.hpp"

namespace vitrail {

// What backends/cpu/onednn.hpp and backends/cpu/cblas.hpp offer: give one to a device, Cpu({.products = &onednn()}).
struct Products {
  const char* name;
  // c (m, n) += a (m, k) b (k, n), whose rows are `stride` numbers apart, on the threads of that library.
  void (*add_product)(std::int64_t m, std::int64_t n, std::int64_t k, cpu::Operand<float> a, cpu::Operand<float> b, float* c,
                      std::int64_t stride);
};

}  // namespace vitrail
