// A machine for CUDA's kernels on the host: the executor runs them, and products are plain loops behind the same interface.
#pragma once
#include "host_executor.hpp"
#include "vitrail/backends/cuda/index_lists.hpp"
#include "vitrail/backends/cuda/kernels.cuh"
#include "vitrail/backends/cuda/replay.hpp"
#include "vitrail/tensor/arena.hpp"

// How the host starts calls, alone or as a "graph": a copy of them, so that an argument which is not put into it stays the old one.
class CallsOnHost {
 public:
  using Graph = vitrail::cuda::Calls;
  using Run = void (*)(HostExecutor&, const void* body, std::int64_t blocks, std::size_t shared_bytes, Order order);
  explicit CallsOnHost(const HostCudaConfig& config) : config_(config) {}

  template <class Body>
  static void run(HostExecutor& executor, const void* body, std::int64_t blocks, std::size_t shared_bytes, Order order) {
    executor.launch(*static_cast<const Body*>(body), blocks, shared_bytes, order);
  }
  void issue(const vitrail::cuda::Calls& calls) {
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const vitrail::cuda::Call& call = calls[i];
      if (call.kernel == nullptr) multiply(calls.product(call));
      else
        reinterpret_cast<Run>(const_cast<void*>(call.kernel))(executor_, calls.argument(call), call.blocks, call.shared_bytes,
                                                              config_.order);
    }
  }
  Graph record(const vitrail::cuda::Calls& calls) { return calls; }
  void patch(Graph& graph, std::size_t i, const vitrail::cuda::Calls& calls) {
    ++patched;
    graph.take_argument(i, calls);
  }
  void start(Graph& graph) { issue(graph); }
  std::int64_t patched = 0;

  void multiply(const vitrail::cuda::Product& p) {
    using vitrail::cuda::Scalar;
    if (p.operands == Scalar::bfloat16 && p.result == Scalar::bfloat16) multiply_as<vitrail::bfloat16, vitrail::bfloat16>(p);
    else if (p.operands == Scalar::bfloat16) multiply_as<float, vitrail::bfloat16>(p);
    else if (p.operands == Scalar::float32) multiply_as<float, float>(p);
    else multiply_as<double, double>(p);
  }

 private:
  template <class Y, class T>
  void multiply_as(const vitrail::cuda::Product& p) {
    using vitrail::cuda::Fused;
    const vitrail::cuda::Gemm& g = p.g;
    const bool exact = g.exact || config_.precision == vitrail::Precision::full;
    const auto operand = [&](vitrail::wide<T> x) {
      return exact ? x : static_cast<vitrail::wide<T>>(float{vitrail::bfloat16(static_cast<float>(x))});
    };
    const auto rounded = [](double x) { return static_cast<Y>(static_cast<vitrail::wide<Y>>(x)); };
    const auto a = [&](std::int64_t s, std::int64_t i, std::int64_t k) {
      return double{operand(static_cast<const T*>(p.a)[s * g.a_step + (g.a_transposed ? k * g.rows + i : i * g.inner + k)])};
    };
    const auto b = [&](std::int64_t s, std::int64_t k, std::int64_t j) {
      return double{operand(static_cast<const T*>(p.b)[s * g.b_step + (g.b_transposed ? j * g.inner + k : k * g.cols + j)])};
    };
    Y *const kept = static_cast<Y*>(p.kept), *const sums = static_cast<Y*>(p.sums);
    std::vector<double> columns(static_cast<std::size_t>(g.cols));
    for (std::int64_t s = 0; s < g.batch; ++s)
      for (std::int64_t i = 0; i < g.rows; ++i) {
        for (std::int64_t j = 0; j < g.cols; ++j) {
          double sum = 0;
          for (std::int64_t k = 0; k < g.inner; ++k) sum += a(s, i, k) * b(s, k, j);
          const std::int64_t at = s * g.y_step + i * g.cols + j;
          if (p.bias != nullptr) sum += static_cast<const Y*>(p.bias)[j];
          if (p.other != nullptr) sum += static_cast<const Y*>(p.other)[at];
          if (p.fused == Fused::gelu) kept[at] = rounded(sum), sum = vitrail::math::gelu_tanh(sum);
          if (p.fused == Fused::gelu_slope) sum *= vitrail::math::gelu_tanh_slope(double{kept[at]});
          columns[static_cast<std::size_t>(j)] += sum;
          static_cast<Y*>(p.y)[at] = rounded(sum);
        }
        if (p.fused != Fused::sums_of_a) continue;
        double sum = 0;
        for (std::int64_t k = 0; k < g.inner; ++k) sum += a(s, i, k);
        sums[s * p.sums_step + i] = rounded(sum);
      }
    if (p.fused == Fused::gelu_slope)
      for (std::size_t j = 0; j < columns.size(); ++j) sums[j] = rounded(columns[j]);
  }

  HostCudaConfig config_;
  HostExecutor executor_;
};

class HostCuda : public vitrail::HostMemory {
 public:
  using cuda_machine = HostCuda;
  static constexpr bool compiled_kernels = true;
  static constexpr bool keeps_bfloat16 = true;

  explicit HostCuda(int = 1) : HostCuda(HostCudaConfig{}) {}
  explicit HostCuda(const HostCudaConfig& config) : config_(config) {}

  vitrail::Precision precision() const { return config_.precision; }
  std::size_t shared_limit() const { return config_.shared_limit; }
  std::int64_t scores_at_once() const { return config_.scores_at_once; }
  void release(void* at) noexcept {
    replay_.start();
    HostMemory::release(at);
  }
  void upload(void* to, const void* from, std::size_t bytes) {
    replay_.start();
    upload_ahead(to, from, bytes);
  }
  void upload_ahead(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  void download(void* to, const void* from, std::size_t bytes) {
    replay_.start();
    std::memcpy(to, from, bytes);
  }
  void download_all(const vitrail::Download* all, int count) {
    replay_.start();
    for (int i = 0; i < count; ++i) std::memcpy(all[i].to, all[i].from, all[i].bytes);
  }
  void* host_buffer(std::size_t bytes) { return allocate(bytes); }
  void release_host_buffer(void* at) noexcept { HostMemory::release(at); }
  void copy_ahead(int place, void* to, const void* from, std::size_t bytes) {
    copies_[place] = {to, from, bytes};
    if (!config_.late_copies) finish_copy(place);
  }
  void await_copy(int place) {
    replay_.start();
    finish_copy(place);
  }
  void release_copy(int) { replay_.start(); }
  void await_host_buffer(int place) { finish_copy(place); }
  template <class T>
  void fill(T* at, std::int64_t n, T value) {
    vitrail::cuda::each(*this, "fill", n, vitrail::cuda::FillElement<T>{at, value});
  }
  void synchronise() { replay_.start(); }
  const int* resident(const int* host, std::int64_t count) { return lists_.resident(host, count); }

  // Of exactly this size, so that an overrun is one, and filled with what is no number.
  template <class T>
  T* scratch(std::int64_t count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    if (config_.graphs && bytes <= scratch_bytes_) return reinterpret_cast<T*>(scratch_.get());  // waiting calls use it
    replay_.start();
    scratch_bytes_ = bytes;
    scratch_ = std::make_unique<double[]>((bytes + 7) / 8);
    std::memset(scratch_.get(), 0xFF, bytes);
    return reinterpret_cast<T*>(scratch_.get());
  }

  template <class Body>
  void launch(const char* op, const Body& body, std::int64_t blocks, std::size_t shared_bytes) {
    replay_.waiting().add_kernel(op, reinterpret_cast<const void*>(&CallsOnHost::run<Body>), body, blocks, shared_bytes);
    if (!config_.graphs) start_alone();
  }
  template <class Y, class T>
  void gemm(const char* op, const vitrail::cuda::Gemm& g, Y* y, const T* a, const T* b, const vitrail::cuda::Plus<Y>& plus) {
    static_assert(std::is_same_v<Y, T> || std::is_same_v<Y, vitrail::wide<T>>);
    multiply(op, vitrail::cuda::product_of(g, y, a, b, plus));
  }
  template <class Y, class T>
  bool fused_gemm(const char* op, const vitrail::cuda::Gemm& g, Y* y, const T* a, const T* b, const vitrail::cuda::Plus<Y>& plus,
                  const vitrail::cuda::Fusion<Y>& fusion) {
    if (!config_.epilogues) return false;
    multiply(op, vitrail::cuda::product_of(g, y, a, b, plus, fusion));
    return true;
  }
  std::int64_t started() const { return replay_.started(); }
  std::int64_t graphs_started() const { return replay_.graphs_started(); }
  std::int64_t patched() const { return calls_.patched; }  // arguments that graphs were given anew

 private:
  void multiply(const char* op, const vitrail::cuda::Product& product) {
    replay_.waiting().add_product(op, product);
    if (!config_.graphs) start_alone();
  }
  void finish_copy(int place) {
    const Copy copy = std::exchange(copies_[place], {});
    if (copy.bytes > 0) std::memcpy(copy.to, copy.from, copy.bytes);
  }
  void start_alone() {
    const auto empty = [this](int*) { replay_.waiting().clear(); };  // also where a kernel throws
    const std::unique_ptr<int, decltype(empty)> after(&alone_, empty);
    calls_.issue(replay_.waiting());
  }

  HostCudaConfig config_;
  int alone_ = 0;
  struct Copy {
    void* to = nullptr;
    const void* from = nullptr;
    std::size_t bytes = 0;
  };
  Copy copies_[2];
  CallsOnHost calls_{config_};
  vitrail::cuda::Replay<CallsOnHost> replay_{calls_};
  vitrail::cuda::IndexLists<HostCuda> lists_{*this};
  std::unique_ptr<double[]> scratch_;
  std::size_t scratch_bytes_ = 0;
};
