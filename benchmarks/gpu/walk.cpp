// How long the host takes to walk through a step whose calls are one graph: what a card waits for, and it needs none. The machine is
// CUDA's but for the card: calls are collected and compared with those of the step before, and nothing is started.
// Usage: bench_gpu_walk [STEPS 200]; prints a line for each model.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <vitrail/backends/cuda/index_lists.hpp>
#include <vitrail/backends/cuda/kernels.cuh>
#include <vitrail/backends/cuda/replay.hpp>
#include <vitrail/tensor/arena.hpp>

#include "../cpu/models.hpp"
#include "../cpu/training.hpp"

using namespace vitrail;

namespace {

struct StartsNothing {
  using Graph = int;
  std::size_t patches = 0;
  void issue(const cuda::Calls&) {}
  Graph record(const cuda::Calls&) { return 0; }
  void patch(Graph&, std::size_t, const cuda::Calls&) { ++patches; }
  void start(Graph&) {}
};

struct NoCard {};

class Walked : public HostMemory {
 public:
  using cuda_machine = Walked;
  static constexpr bool keeps_bfloat16 = true;
  explicit Walked(const NoCard&) {}

  Precision precision() const { return Precision::full; }
  std::size_t shared_limit() const { return 232448; }
  std::int64_t scores_at_once() const { return std::int64_t{1} << 24; }
  void upload(void* to, const void* from, std::size_t bytes) {
    replay_.start();
    upload_ahead(to, from, bytes);
  }
  void upload_ahead(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  void download(void* to, const void* from, std::size_t bytes) {
    replay_.start();
    std::memcpy(to, from, bytes);
  }
  template <class T> void fill(T* at, std::int64_t n, T value) { cuda::each(*this, "fill", n, cuda::FillElement<T>{at, value}); }
  void synchronise() { replay_.start(); }
  const int* resident(const int* host, std::int64_t count) { return lists_.resident(host, count); }
  template <class T> T* scratch(std::int64_t) { return reinterpret_cast<T*>(64); }  // nobody looks there

  template <class Body> void launch(const char* op, const Body& body, std::int64_t blocks, std::size_t shared_bytes) {
    static const char name = 0;  // of this kernel
    replay_.waiting().add_kernel(op, &name, body, blocks, shared_bytes);
    ++calls;
  }
  template <class Y, class T>
  void gemm(const char* op, const cuda::Gemm& g, Y* y, const T* a, const T* b, const cuda::Plus<Y>& plus) {
    replay_.waiting().add_product(op, cuda::product_of(g, y, a, b, plus));
    ++calls;
  }
  template <class Y, class T>
  bool fused_gemm(const char* op, const cuda::Gemm& g, Y* y, const T* a, const T* b, const cuda::Plus<Y>& plus,
                  const cuda::Fusion<Y>& fusion) {
    replay_.waiting().add_product(op, cuda::product_of(g, y, a, b, plus, fusion));
    ++calls;
    return true;
  }
  std::int64_t started() const { return replay_.started(); }
  std::size_t patches() const { return driver_.patches; }
  std::size_t calls = 0;

 private:
  StartsNothing driver_;
  cuda::Replay<StartsNothing> replay_{driver_};
  cuda::IndexLists<Walked> lists_{*this};
};

template <ViTConfig C, int Vocabulary> void walk(const char* name, int batch, int steps) {
  using Clock = std::chrono::steady_clock;
  Training<Pretext<C, Vocabulary>, Walked, bfloat16> training(NoCard{}, batch);
  for (int i = 0; i < 3; ++i) training.step(), training.device.synchronise();
  training.device.calls = 0;
  const std::size_t patched = training.device.patches();
  std::vector<double> microseconds;
  for (int i = 0; i < steps; ++i) {
    const auto start = Clock::now();
    training.step();
    training.device.synchronise();
    microseconds.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::sort(microseconds.begin(), microseconds.end());
  const std::size_t count = microseconds.size(), all = static_cast<std::size_t>(steps);
  std::printf("%-5s batch %4d: %4zu calls a step, %2zu with new arguments; %.0f us on the host (median of %d; %.0f to %.0f but for a tenth)\n", name,
              batch, training.device.calls / all, (training.device.patches() - patched) / all, microseconds[count / 2], steps,
              microseconds.front(), microseconds[count * 9 / 10]);
}

}  // namespace

int main(int count, char** words) {
  const int steps = count > 1 ? std::max(1, std::atoi(words[1])) : 200;
  walk<tiny, 1024>("tiny", 64, steps);
  walk<vits, 8192>("vits", 64, steps);
}
