// Runs the body of a CUDA kernel on the host: one fiber per thread, one block after the other. A warp runs until all its lanes wait
// for the block, in a chosen order of warps and of lanes: what a kernel reads before a barrier that is missing is then not there yet.
// Shared memory begins as NaN and has exactly the size that was asked for.
#pragma once
#include "fiber_switch.hpp"
#include "host_cuda_config.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "vitrail/backends/cuda/bf16.cuh"
#include "vitrail/core/random.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define VITRAIL_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VITRAIL_TEST_ASAN 1
#endif
#endif
#if defined(VITRAIL_TEST_ASAN)
#include <sanitizer/common_interface_defs.h>
#endif

struct KernelFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class HostExecutor {
  enum class State : char { ready, at_warp, at_block, ended };

 public:
  class Context;

  template <class Kernel>
  void launch(const Kernel& kernel, std::int64_t blocks, std::size_t shared_bytes, Order order = {}) {
    static_assert(Kernel::threads % 32 == 0 && Kernel::threads <= 1024);
    prepare(Kernel::threads);
    const auto shared = std::make_unique<unsigned char[]>(shared_bytes);
    vitrail::Random random(order.seed);
    for (std::int64_t block = 0; block < blocks; ++block) {
      std::memset(shared.get(), 0xFF, shared_bytes);
      run_block(kernel, block, shared.get(), order, random);
    }
  }

 private:
  struct Fiber {
    FiberSwitch::Place place{};
    std::unique_ptr<char[]> stack;
    State state = State::ended;
    bool begun = false;
    unsigned line = 0;       // where it waits
    int collectives = 0;     // of its warp, that it has reached
    alignas(16) unsigned char mail[2][64];  // what it shows to the other lanes: a lane is at most one collective ahead
    HostExecutor* executor = nullptr;
    int thread = 0;
    void* fake_stack = nullptr;
  };
  static constexpr std::size_t stack_bytes = 256 * 1024;

  void prepare(int threads) {
    while (static_cast<int>(fibers_.size()) < threads) {
      fibers_.push_back(std::make_unique<Fiber>());
      fibers_.back()->stack = std::make_unique_for_overwrite<char[]>(stack_bytes);
      fibers_.back()->executor = this;
      fibers_.back()->thread = static_cast<int>(fibers_.size()) - 1;
    }
    threads_ = threads;
  }

  template <class Kernel>
  static void call(HostExecutor& executor, const void* kernel, int thread);
  template <class Kernel>
  void run_block(const Kernel& kernel, std::int64_t block, unsigned char* shared, Order order, vitrail::Random& random) {
    body_ = &call<Kernel>, argument_ = &kernel, block_ = block, shared_ = shared;
    for (int t = 0; t < threads_; ++t) make_ready(*fibers_[static_cast<std::size_t>(t)]);
    std::vector<int> warps(static_cast<std::size_t>(threads_ / 32)), lanes(32);
    for (std::size_t i = 0; i < warps.size(); ++i) warps[i] = static_cast<int>(order.reverse ? warps.size() - 1 - i : i);
    for (int i = 0; i < 32; ++i) lanes[static_cast<std::size_t>(i)] = order.reverse ? 31 - i : i;
    if (order.seed != 0) random.shuffle(warps.data(), static_cast<int>(warps.size())), random.shuffle(lanes.data(), 32);
    while (true) {
      for (const int warp : warps) drive(warp, lanes);
      int ended = 0;
      for (int t = 0; t < threads_; ++t) ended += fiber(t).state == State::ended;
      if (ended == threads_) return;
      release(0, threads_, State::at_block, "barrier of the block");
    }
  }
  // Until every lane waits for the block or has ended.
  void drive(int warp, const std::vector<int>& lanes) {
    while (true) {
      for (const int lane : lanes)
        if (fiber(32 * warp + lane).state == State::ready) resume(fiber(32 * warp + lane));
      bool waits = false;
      for (int lane = 0; lane < 32; ++lane) waits = waits || fiber(32 * warp + lane).state == State::at_warp;
      if (!waits) return;
      release(32 * warp, 32 * warp + 32, State::at_warp, "collective of the warp");
    }
  }
  // All these threads wait for the same thing at the same line, or the kernel is wrong.
  void release(int first, int last, State state, const char* what) {
    const unsigned line = [&] {
      for (int t = first; t < last; ++t)
        if (fiber(t).state == state) return fiber(t).line;
      return 0u;
    }();
    for (int t = first; t < last; ++t)
      if (fiber(t).state != state || fiber(t).line != line)
        throw KernelFault("divergent " + std::string(what) + " at line " + std::to_string(line) + ": thread " + std::to_string(t) +
                          " of block " + std::to_string(block_) +
                          (fiber(t).state == State::ended ? " has ended" : " waits at line " + std::to_string(fiber(t).line)));
    for (int t = first; t < last; ++t) fiber(t).state = State::ready;
  }

  Fiber& fiber(int t) { return *fibers_[static_cast<std::size_t>(t)]; }

  // A fiber that has ended waits at the end of a kernel, and goes on with the next one; one that is new, or was left in the middle of a
  // kernel at fault, begins.
  void make_ready(Fiber& f) {
    if (f.state != State::ended || !f.begun) f.place = FiberSwitch::beginning(f.stack.get(), stack_bytes, &entry, &f), f.fake_stack = nullptr;
    f.state = State::ready, f.collectives = 0, f.begun = true;
  }
  static void entry(void* own) {
    Fiber& f = *static_cast<Fiber*>(own);
    f.executor->arrived(f);
    while (true) {
      f.executor->body_(*f.executor, f.executor->argument_, f.thread);
      f.executor->wait(f, State::ended, 0);
    }
  }
  void resume(Fiber& f) {
#if defined(VITRAIL_TEST_ASAN)
    __sanitizer_start_switch_fiber(&fake_stack_, f.stack.get(), stack_bytes);
#endif
    FiberSwitch::go(own_, f.place);
#if defined(VITRAIL_TEST_ASAN)
    __sanitizer_finish_switch_fiber(fake_stack_, nullptr, nullptr);
#endif
  }
  void arrived([[maybe_unused]] Fiber& f) {
#if defined(VITRAIL_TEST_ASAN)
    __sanitizer_finish_switch_fiber(f.fake_stack, &own_stack_, &own_stack_bytes_);
#endif
  }
  void wait(Fiber& f, State state, unsigned line) {
    f.state = state, f.line = line;
#if defined(VITRAIL_TEST_ASAN)
    __sanitizer_start_switch_fiber(&f.fake_stack, own_stack_, own_stack_bytes_);
#endif
    FiberSwitch::go(f.place, own_);
    arrived(f);
  }

  std::vector<std::unique_ptr<Fiber>> fibers_;
  int threads_ = 0;
  FiberSwitch::Place own_{};
  [[maybe_unused]] const void* own_stack_ = nullptr;  // these three under AddressSanitizer only
  [[maybe_unused]] std::size_t own_stack_bytes_ = 0;
  [[maybe_unused]] void* fake_stack_ = nullptr;
  void (*body_)(HostExecutor&, const void*, int) = nullptr;
  const void* argument_ = nullptr;
  std::int64_t block_ = 0;
  unsigned char* shared_ = nullptr;
};

// What a kernel's body sees of its thread; cuda/context.cuh has the same for the card.
class HostExecutor::Context {
 public:
  Context(HostExecutor& executor, int thread) : executor_(&executor), thread_(thread) {}

  int thread() const { return thread_; }
  int lane() const { return thread_ % 32; }
  int warp() const { return thread_ / 32; }
  std::int64_t block() const { return executor_->block_; }
  unsigned char* shared() const { return executor_->shared_; }
  void sync(unsigned line = __builtin_LINE()) { executor_->wait(own(), State::at_block, line); }
  void sync_warp(unsigned line = __builtin_LINE()) { executor_->wait(own(), State::at_warp, line); }

  template <class T>
  T shuffle_xor(T x, int mask, unsigned line = __builtin_LINE()) {
    const int slot = show(&x, sizeof x, line);
    return seen<T>(lane() ^ mask, slot);
  }
  // d (16 x 8) += a (16 x 16) b (16 x 8) of bfloat16, spread over the warp as PTX's mma.m16n8k16 has them.
  void mma(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], unsigned line = __builtin_LINE()) {
    struct Both {
      std::uint32_t a[4], b[2];
    } both{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
    const int slot = show(&both, sizeof both, line), group = lane() / 4, column = lane() % 4 * 2;
    for (int i = 0; i < 4; ++i) {
      double sum = d[i];
      for (int k = 0; k < 16; ++k) {
        const Both &left = mail<Both>(group * 4 + k % 8 / 2, slot), &right = mail<Both>((column + i % 2) * 4 + k % 8 / 2, slot);
        sum += double{half(left.a[i / 2 + k / 8 * 2], k % 2)} * half(right.b[k / 8], k % 2);
      }
      d[i] = static_cast<float>(sum);
    }
  }
  // Two 8 x 8 matrices, transposed on the way: lanes 0 .. 15 point to their rows. PTX's ldmatrix.x2.trans.
  void load_transposed(std::uint32_t (&b)[2], const vitrail::cuda::bf16* row, unsigned line = __builtin_LINE()) {
    const int slot = show(&row, sizeof row, line);
    if (lane() < 16 && reinterpret_cast<std::uintptr_t>(row) % 16 != 0) b[0] = b[1] = 0x7FC07FC0u;  // the card would stop
    else
      for (int m = 0; m < 2; ++m) {
        const int first = 8 * m + lane() % 4 * 2, column = lane() / 4;
        const std::uint32_t low = seen<const vitrail::cuda::bf16*>(first, slot)[column].bits;
        b[m] = std::uint32_t{seen<const vitrail::cuda::bf16*>(first + 1, slot)[column].bits} << 16 | low;
      }
  }
  static float exp(float x) { return std::exp(x); }

 private:
  Fiber& own() const { return executor_->fiber(thread_); }
  // Shows bytes to the other lanes and waits for theirs; returns where to look.
  int show(const void* bytes, std::size_t count, unsigned line) {
    Fiber& f = own();
    const int slot = f.collectives++ % 2;
    std::memcpy(f.mail[slot], bytes, count);
    executor_->wait(f, State::at_warp, line);
    return slot;
  }
  template <class T>
  const T& mail(int of_lane, int slot) const {
    static_assert(sizeof(T) <= 64);
    return *reinterpret_cast<const T*>(executor_->fiber(thread_ / 32 * 32 + of_lane).mail[slot]);
  }
  template <class T>
  T seen(int of_lane, int slot) const {
    T x;
    std::memcpy(&x, executor_->fiber(thread_ / 32 * 32 + of_lane).mail[slot], sizeof x);
    return x;
  }
  static float half(std::uint32_t pair, int which) {
    return vitrail::bfloat16::of_bits(static_cast<std::uint16_t>(which == 0 ? pair : pair >> 16));
  }

  HostExecutor* executor_;
  int thread_;
};

template <class Kernel>
void HostExecutor::call(HostExecutor& executor, const void* kernel, int thread) {
  Context context(executor, thread);
  (*static_cast<const Kernel*>(kernel))(context);
}
