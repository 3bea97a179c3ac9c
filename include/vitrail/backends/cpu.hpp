// Cpu: the host as a device. Memory from the host's heap, products by tiles of our own, plain loops, threads of its own.
#pragma once
#include <algorithm>
#include <cstring>
#include <memory>

#include "../core/config.hpp"
#include "../core/error.hpp"
#include "../tensor/arena.hpp"
#include "cpu/isa.hpp"
#include "cpu/kept_weights.hpp"
#include "cpu/products.hpp"
#include "cpu/thread_pool.hpp"
#include "device.hpp"

namespace vitrail {
inline namespace VITRAIL_ABI {  // see core/config.hpp

struct CpuConfig {
  int threads = 0;            // 0: as many as the machine grants. Results do not depend on it, to the last bit.
  Isa isa = cpu::best_isa();  // less than the processor has: for tests. AVX2 and AVX-512 give the same products.
  Precision precision = Precision::full;
  const Products* products = nullptr;    // linear maps by another library, on its threads; null: by our own tiles
  bool bind = cpu::bind_is_asked_for();  // each thread of the pool stays on a processor of its own, as OMP_PROC_BIND asks
};

// One device serves one thread of a program at a time; threads that compute at once have a device each.
class Cpu : public HostMemory {
 public:
  static constexpr bool compiled_kernels = true;  // see call_forward()
  explicit Cpu(int threads = 0) : Cpu(CpuConfig{.threads = threads}) {}
  explicit Cpu(const CpuConfig& config);
  Cpu(const Cpu&) = delete;
  Cpu& operator=(const Cpu&) = delete;

  int threads() const { return pool_->threads(); }
  Isa isa() const { return isa_; }
  Precision precision() const { return precision_; }
  const Products* products() const { return products_; }
  void upload(void* to, const void* from, std::size_t bytes) {
    kept_weights_.changed(to);
    std::memcpy(to, from, bytes);
  }
  void download(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  template <class T>
  void fill(T* at, std::int64_t n, T value) {
    std::fill(at, at + n, value);
  }
  void synchronise() {}

  // f(task, worker) for every task; see ThreadPool::run.
  template <class F>
  void parallel(int tasks, F&& f) {
    struct Call {
      F& f;
      Isa isa;
    } call{f, isa_};
    pool_->run(
        tasks,
        [](void* context, int task, int worker) {
          const Call& own = *static_cast<Call*>(context);
          cpu::with_wide_vectors(own.isa, [&] { own.f(task, worker); });
        },
        &call);
  }

  cpu::KeptWeights& kept_weights() { return kept_weights_; }

  // Working memory of a kernel, valid until the next call; it grows to the largest request and stays.
  template <class T>
  T* scratch(std::int64_t count) {
    return scratch_.template room<T>(count);
  }
  // The same for what products need, while a kernel uses its scratch: a packed operand, rows that are computed on the way, and
  // results that lie the other way round.
  template <class T>
  T* packed(std::int64_t count) {
    return packed_.template room<T>(count);
  }
  template <class T>
  T* rows(std::int64_t count) {
    return rows_.template room<T>(count);
  }
  template <class T>
  T* turned(std::int64_t count) {
    return turned_.template room<T>(count);
  }

 private:
  class Workspace : HostMemory {
   public:
    Workspace() = default;
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    ~Workspace() { drop(); }
    template <class T>
    T* room(std::int64_t count) {
      const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
      if (bytes > bytes_) {
        drop();
        at_ = allocate(bytes);
        bytes_ = bytes;
      }
      return static_cast<T*>(at_);
    }

   private:
    void drop() {
      if (at_ != nullptr) release(at_);
      at_ = nullptr, bytes_ = 0;
    }
    void* at_ = nullptr;
    std::size_t bytes_ = 0;
  };

  Isa isa_;
  Precision precision_;
  const Products* products_;
  std::unique_ptr<cpu::ThreadPool> pool_;
  Workspace scratch_, packed_, rows_, turned_;
  cpu::KeptWeights kept_weights_;
};

// While it lives, a model's weights stay in memory a second time, as products read them: for evaluating a few images at a time, where
// packing them takes a good part of it. An optimiser's step, an average or an upload makes them anew; who writes parameters by a pointer
// of his own ends it first. Results are the same but for rounding.
//
//   const PackedWeights packed(model);          // a Model on a Cpu, in float
//   const auto features = model->encoder(images);
class PackedWeights {
 public:
  template <class AnyModel>
  explicit PackedWeights(const AnyModel& model) : device_(&model.device()) {
    static_assert(std::is_same_v<typename AnyModel::scalar, float>, "PackedWeights is for models of float: double has no packed products");
    device_->kept_weights().watch(model.values(), model.values() + model.size());
  }
  PackedWeights(const PackedWeights&) = delete;
  PackedWeights& operator=(const PackedWeights&) = delete;
  ~PackedWeights() { device_->kept_weights().stop(); }

 private:
  Cpu* device_;
};

static_assert(ComputeDevice<Cpu>);

}  // namespace VITRAIL_ABI
}  // namespace vitrail

#include "cpu/map.hpp"
#if VITRAIL_BODIES
#include "bodies/cpu.hpp"
#endif
#if VITRAIL_KERNELS
#include "cpu/kernels.hpp"
#endif
#include "cpu/compiled.hpp"  // last: it names all kernels
