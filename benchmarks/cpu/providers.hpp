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

// Call this first: OpenMP, where it binds threads, binds the caller to one processor at its first parallel region, and threads
// that are started later inherit that.
inline std::vector<Provider> all_providers() {
  std::vector<Provider> all;
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {  // avx512_bf16 has the same products of floats as avx512
    if (isa > vitrail::cpu::best_isa()) continue;
    Provider& own = all.emplace_back(Provider{isa == Isa::portable ? "eigen" : name(isa)});
    for (int threads = 1; threads <= most_threads; ++threads)
      own.devices[threads - 1] = std::make_unique<Cpu>(CpuConfig{.threads = threads, .isa = isa});
  }
#ifdef VITRAIL_WITH_ONEDNN
  all.push_back(Provider{"onednn", &vitrail::onednn()});
#endif
#ifdef VITRAIL_WITH_CBLAS
  all.push_back(Provider{"cblas", &vitrail::cblas()});
#endif
  return all;
}

}  // namespace products
