// Bodies of thread_pool.hpp.
#pragma once
#include <chrono>
#include <cstdlib>
#include <string>

#if defined(__linux__)
#include <sched.h>
#endif

#include "../operand.hpp"
#include "../thread_pool.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

VITRAIL_FUNCTION bool bind_is_asked_for() {
  const char* text = std::getenv("OMP_PROC_BIND");
  return text != nullptr && *text != '\0' && std::string(text) != "false" && std::string(text) != "FALSE";
}

// Keeps the calling thread on the n-th of the processors that it may use. Without effect where the system has no such call.
inline void stay_on_processor([[maybe_unused]] int n) {
#if defined(__linux__)
  cpu_set_t allowed, one;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  if (n >= CPU_COUNT(&allowed)) {  // an OpenMP library in this program has bound the thread that we come from: ask for all there are
    for (int processor = 0; processor < CPU_SETSIZE; ++processor) CPU_SET(processor, &allowed);
    sched_setaffinity(0, sizeof allowed, &allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || n >= CPU_COUNT(&allowed)) return;  // the system knows better
  }
  CPU_ZERO(&one);
  for (int processor = 0, seen = 0; processor < CPU_SETSIZE; ++processor)
    if (CPU_ISSET(processor, &allowed) && seen++ == n) CPU_SET(processor, &one);
  sched_setaffinity(0, sizeof one, &one);
#endif
}

// Tells the processor that this is a loop that waits: the other thread of its core gets more of it.
inline void relax() {
#if VITRAIL_X86
  __builtin_ia32_pause();
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

// Kernels follow each other within microseconds, and waking a thread takes tens of them: look for a while before sleeping.
template <class Waiting, class Sleep, class Seen>
void wait_while(Waiting waiting, Sleep sleep, Seen seen) {
  using Clock = std::chrono::steady_clock;
  if (!waiting()) return;
  const Clock::time_point sleep_at = Clock::now() + std::chrono::microseconds{100};
  do {
    for (int i = 0; i < 32; ++i) {
      if (!waiting()) return;
      relax();
    }
    std::this_thread::yield();  // where threads are more than processors, somebody else has work
  } while (Clock::now() < sleep_at);
  while (waiting()) {
    const auto value = seen();
    if (waiting()) sleep(value);
  }
}

VITRAIL_FUNCTION ThreadPool::ThreadPool(int threads, bool bind) {
  for (int i = 1; i < threads; ++i)
    workers_.emplace_back([this, i, bind] {
      if (bind) stay_on_processor(i);
      work(i);
    });
}

VITRAIL_FUNCTION ThreadPool::~ThreadPool() {
  stop_ = true;
  round_.fetch_add(1);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

VITRAIL_FUNCTION void ThreadPool::run(int tasks, Job job, void* context) {
  std::unique_lock<std::mutex> lock(busy_, std::try_to_lock);
  if (workers_.empty() || tasks <= 1 || !lock.owns_lock()) {
    const int worker = lock.owns_lock() ? 0 : nested_worker;
    for (int task = 0; task < tasks; ++task) job(context, task, worker);
    return;
  }
  job_ = job;
  context_ = context;
  tasks_ = tasks;
  next_.store(0, std::memory_order_relaxed);
  working_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  take_tasks(0);
  wait_while([&] { return working_.load(std::memory_order_acquire) != 0; },
             [&](int seen) { working_.wait(seen, std::memory_order_acquire); }, [&] { return working_.load(std::memory_order_acquire); });
}

VITRAIL_FUNCTION void ThreadPool::take_tasks(int worker) {
  for (int task = next_.fetch_add(1, std::memory_order_relaxed); task < tasks_; task = next_.fetch_add(1, std::memory_order_relaxed))
    job_(context_, task, worker);
}

VITRAIL_FUNCTION void ThreadPool::work(int worker) {
  packing_space();
  for (unsigned seen = 0;;) {
    wait_while([&] { return round_.load(std::memory_order_acquire) == seen; },
               [&](unsigned old) { round_.wait(old, std::memory_order_acquire); }, [&] { return seen; });
    seen = round_.load(std::memory_order_acquire);
    if (stop_) return;
    take_tasks(worker);
    if (working_.fetch_sub(1, std::memory_order_acq_rel) == 1) working_.notify_all();
  }
}

}  // namespace vitrail::cpu::inline VITRAIL_ABI
