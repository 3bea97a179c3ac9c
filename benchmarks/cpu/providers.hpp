// Who multiplies matrices: our tiles on each set of instructions that the machine has, Eigen, and other libraries.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <vitrail/backends/cpu.hpp>
#if defined(VITRAIL_WITH_ONEDNN) || defined(VITRAIL_WITH_CBLAS)
#include <omp.h>
#define VITRAIL_WITH_OTHERS
#endif
#ifdef VITRAIL_WITH_ONEDNN
#include <vitrail/backends/cpu/onednn.hpp>
#endif
#ifdef VITRAIL_WITH_CBLAS
#include <vitrail/backends/cpu/cblas.hpp>
#endif

namespace products {

using vitrail::Cpu, vitrail::CpuConfig, vitrail::Isa, vitrail::Products;
inline constexpr int most_threads = 2;

struct Provider {
  std::string name;
  const Products* others = nullptr;    // null: a device of ours multiplies
  std::unique_ptr<Cpu> devices[most_threads] = {};

  // Ours with this many threads. An other library's are told to OpenMP.
  Cpu& device(int threads) const { return *devices[threads - 1]; }
  void set_threads([[maybe_unused]] int threads) const {
#ifdef VITRAIL_WITH_OTHERS
    if (others != nullptr) omp_set_num_threads(threads);
#endif
  }
};

inline Provider ours(const std::string& name, CpuConfig config) {
  Provider own{name};
  for (config.threads = 1; config.threads <= most_threads; ++config.threads)
    own.devices[config.threads - 1] = std::make_unique<Cpu>(config);
  return own;
}

inline std::vector<Provider> all_providers() {
  std::vector<Provider> all;
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512})  // floats on avx512_bf16 are those on avx512
    if (isa <= vitrail::cpu::best_isa()) all.push_back(ours(isa == Isa::portable ? "eigen" : name(isa), CpuConfig{.isa = isa}));
  if (vitrail::cpu::best_isa() == Isa::avx512_bf16) all.push_back(ours("bf16", CpuConfig{.precision = vitrail::Precision::bf16}));
#ifdef VITRAIL_WITH_ONEDNN
  all.push_back(Provider{"onednn", &vitrail::onednn()});
#endif
#ifdef VITRAIL_WITH_CBLAS
  all.push_back(Provider{"cblas", &vitrail::cblas()});
#endif
  return all;
}

}  // namespace products
