// Threads that live as long as their device. Work is split by size, never by the number of threads, and each task writes
// its own place, so that results do not depend on who ran what.
#pragma once
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "../../core/config.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

// Whether OMP_PROC_BIND, the variable of OpenMP by which a user asks every library for the same, asks to bind threads.
VITRAIL_FUNCTION bool bind_is_asked_for();

class ThreadPool {
 public:
  // bind: each of the pool's own threads stays on a processor; the caller's is left alone, for it is not ours.
  explicit ThreadPool(int threads, bool bind = false);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();
  int threads() const { return 1 + static_cast<int>(workers_.size()); }

  // A function of (task, worker) with what it needs: a plain pointer, so that this file is compiled once and not for every kernel.
  using Job = void (*)(void* context, int task, int worker);

  // Calls job(context, task, worker) for every task in 0 .. tasks - 1, in any order, on all threads; worker is in 0 .. threads() - 1.
  // A call while another is under way (nested, or from another thread of the program) runs on the caller alone.
  // The job must not throw.
  void run(int tasks, Job job, void* context);

  // The worker number of a call that found the pool busy: it has no scratch of its own in the device.
  static constexpr int nested_worker = -1;

 private:
  void take_tasks(int worker);
  void work(int worker);

  std::vector<std::thread> workers_;
  std::mutex busy_;
  std::atomic<unsigned> round_{0};
  std::atomic<int> next_{0}, working_{0};
  std::atomic<bool> stop_{false};
  Job job_ = nullptr;
  void* context_ = nullptr;
  int tasks_ = 0;
};

}  // namespace vitrail::cpu::inline VITRAIL_ABI

#if VITRAIL_BODIES
#include "bodies/thread_pool.hpp"
#endif
