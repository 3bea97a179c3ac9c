// Cpu: the host as a device. Memory from the host's heap, arithmetic by Eigen and plain loops, threads of its own.
#pragma once
#include <algorithm>
#include <cstring>
#include <memory>
#include <thread>

#include "../core/error.hpp"
#include "../tensor/arena.hpp"
#include "cpu/thread_pool.hpp"
#include "device.hpp"

namespace vitrail {
inline namespace VITRAIL_ABI {  // see core/config.hpp

class Cpu : public HostMemory {
 public:
  // As many threads as the machine grants, or a given number. Results do not depend on it, to the last bit.
  explicit Cpu(int threads = 0) : pool_(std::make_unique<cpu::ThreadPool>(chosen(threads))) {}
  ~Cpu() {
    if (scratch_ != nullptr) HostMemory::release(scratch_);
  }
  Cpu(const Cpu&) = delete;
  Cpu& operator=(const Cpu&) = delete;

  int threads() const { return pool_->threads(); }
  void upload(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  void download(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  template <class T> void fill(T* at, std::int64_t n, T value) { std::fill(at, at + n, value); }
  void synchronise() {}

  // f(task, worker) for every task; see ThreadPool::run.
  template <class F> void parallel(int tasks, F&& f) { pool_->run(tasks, f); }

  // Working memory of a kernel, valid until the next call; it grows to the largest request and stays.
  template <class T> T* scratch(std::int64_t count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    if (bytes > scratch_bytes_) {
      if (scratch_ != nullptr) HostMemory::release(scratch_);
      scratch_ = nullptr, scratch_bytes_ = 0;
      scratch_ = allocate(bytes);
      scratch_bytes_ = bytes;
    }
    return static_cast<T*>(scratch_);
  }

 private:
  static int chosen(int threads) {
    if (threads < 0) throw ConfigError("Cpu: the number of threads must be 0 (all) or more, found " + std::to_string(threads));
    if (threads > 0) return threads;
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }

  std::unique_ptr<cpu::ThreadPool> pool_;
  void* scratch_ = nullptr;
  std::size_t scratch_bytes_ = 0;
};

static_assert(Device<Cpu>);

}  // namespace VITRAIL_ABI
}  // namespace vitrail

#include "cpu/attention.hpp"
#include "cpu/elementwise.hpp"
#include "cpu/flat.hpp"
#include "cpu/linear.hpp"
#include "cpu/losses.hpp"
#include "cpu/rows.hpp"
#include "cpu/tokens.hpp"
