// Who multiplies matrices: our tiles on each set of instructions that the machine has, Eigen, and other libraries.
#pragma once
#include <cstring>
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

// While one lives, threads that are started may run on every processor. OpenMP, where it binds threads, binds the caller to one
// processor when the program is loaded, and whatever the caller starts inherits that.
class Unbound {
 public:
#if defined(VITRAIL_WITH_OTHERS) && defined(__linux__)
  Unbound() {
    if (!vitrail::cpu::bind_is_asked_for() || sched_getaffinity(0, sizeof before_, &before_) != 0) return;
    cpu_set_t all;
    std::memset(&all, 0xff, sizeof all);
    changed_ = sched_setaffinity(0, sizeof all, &all) == 0;
  }
  ~Unbound() {
    if (changed_) sched_setaffinity(0, sizeof before_, &before_);
  }

 private:
  cpu_set_t before_;
  bool changed_ = false;
#else
  Unbound() {}  // not trivial, so that nobody warns of a variable without use
#endif
};

inline Provider ours(const std::string& name, CpuConfig config) {
  Provider own{name};
  for (config.threads = 1; config.threads <= most_threads; ++config.threads)
    own.devices[config.threads - 1] = std::make_unique<Cpu>(config);
  return own;
}

inline std::vector<Provider> all_providers() {
  const Unbound while_threads_start;
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
