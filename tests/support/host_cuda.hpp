// A machine for CUDA's kernels on the host: the executor runs them, and products are plain loops behind the same interface.
#pragma once
#include "host_executor.hpp"
#include "vitrail/backends/cuda/index_lists.hpp"
#include "vitrail/backends/cuda/kernels.cuh"
#include "vitrail/tensor/arena.hpp"

struct HostCudaConfig {
  Order order{};
  vitrail::Precision precision = vitrail::Precision::full;
  std::size_t shared_limit = 232448;  // bytes, an H100's
  std::int64_t scores_at_once = std::int64_t{1} << 25;
};

class HostCuda : public vitrail::HostMemory {
 public:
  using cuda_machine = HostCuda;
  static constexpr bool keeps_bfloat16 = true;

  explicit HostCuda(int = 1) : HostCuda(HostCudaConfig{}) {}
  explicit HostCuda(const HostCudaConfig& config) : config_(config) {}

  vitrail::Precision precision() const { return config_.precision; }
  std::size_t shared_limit() const { return config_.shared_limit; }
  std::int64_t scores_at_once() const { return config_.scores_at_once; }
  void upload(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  void download(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  template <class T>
  void fill(T* at, std::int64_t n, T value) {
    vitrail::cuda::each(*this, "fill", n, vitrail::cuda::FillElement<T>{at, value});
  }
  void synchronise() {}
  const int* resident(const int* host, std::int64_t count) { return lists_.resident(host, count); }

  // Of exactly this size, so that an overrun is one, and filled with what is no number.
  template <class T>
  T* scratch(std::int64_t count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    scratch_ = std::make_unique<double[]>((bytes + 7) / 8);
    std::memset(scratch_.get(), 0xFF, bytes);
    return reinterpret_cast<T*>(scratch_.get());
  }

  template <class Body>
  void launch(const char*, const Body& body, std::int64_t blocks, std::size_t shared_bytes) {
    static_assert(std::is_trivially_copyable_v<Body>);
    executor_.launch(body, blocks, shared_bytes, config_.order);
  }
  template <class Y, class T>
  void gemm(const char*, const vitrail::cuda::Gemm& g, Y* y, const T* a, const T* b, const vitrail::cuda::Plus<Y>& plus) {
    static_assert(std::is_same_v<Y, T> || std::is_same_v<Y, vitrail::wide<T>>);
    const auto operand = [&](vitrail::wide<T> x) {
      return g.exact || config_.precision == vitrail::Precision::full ? x : static_cast<vitrail::wide<T>>(rounded(x));
    };
    for (std::int64_t s = 0; s < g.batch; ++s)
      for (std::int64_t i = 0; i < g.rows; ++i)
        for (std::int64_t j = 0; j < g.cols; ++j) {
          double sum = 0;
          for (std::int64_t k = 0; k < g.inner; ++k)
            sum += double{operand(a[s * g.a_step + (g.a_transposed ? k * g.rows + i : i * g.inner + k)])} *
                   operand(b[s * g.b_step + (g.b_transposed ? j * g.inner + k : k * g.cols + j)]);
          const std::int64_t at = s * g.y_step + i * g.cols + j;
          if (plus.bias != nullptr) sum += plus.bias[j];
          if (plus.other != nullptr) sum += plus.other[at];
          y[at] = static_cast<Y>(static_cast<vitrail::wide<Y>>(sum));
        }
  }

 private:
  static float rounded(double x) { return vitrail::bfloat16(static_cast<float>(x)); }

  HostCudaConfig config_;
  HostExecutor executor_;
  vitrail::cuda::IndexLists<HostCuda> lists_{*this};
  std::unique_ptr<double[]> scratch_;
};
