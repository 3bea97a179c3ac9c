// Cuda: an NVIDIA card as a device. One stream, products by cuBLASLt, kernels of our own. Compile with nvcc, link cublasLt.
//
//   Model<Objective, Cuda, bfloat16> model(device, random);   // values in bfloat16; parameters, statistics and losses in float
//   Model<Objective, Cuda> model(device, random);             // all of it in float, for checks
#pragma once
#if !defined(__CUDACC__)
#error "vitrail/backends/cuda.hpp: compile this file with nvcc to use vitrail::Cuda"
#endif
#include <cublasLt.h>
#include <cuda_runtime.h>

#include <exception>
#include <string>
#include <utility>

#include "cuda/context.cuh"
#include "cuda/copies.cuh"
#include "cuda/error.cuh"
#include "cuda/graphs.cuh"
#include "cuda/index_lists.hpp"
#include "cuda/kernels.cuh"
#include "cuda/products.cuh"

namespace vitrail {

struct CudaConfig {
  int card = 0;
  Precision precision = Precision::full;  // of products of floats; values kept in bfloat16 have it anyhow
  bool tune = false;                      // times some algorithms for each product, at its first use
  std::string plans = "";                 // what plans() gave in an earlier run: the same algorithms, to the same bits
  bool epilogues = false;                 // GELU and gradients of biases inside products, where cuBLASLt offers it
  bool graphs = false;                    // what a step starts is one CUDA graph, from its second time on
  std::size_t workspace_bytes = std::size_t{32} << 20;  // of cuBLASLt
  std::int64_t scores_at_once = std::int64_t{1} << 24;  // of a large head: numbers, which a cache may hold; see op::LinearCrossEntropy
};

// One device serves one thread of a program at a time. Calls return before the card is done; download() and synchronise() wait. With
// `graphs`, calls wait for those, for upload() and for stream(), and are then started together: see Replay.
// Throws DeviceError where there is no card or no driver, and where a call fails.
class Cuda {
 public:
  using cuda_machine = Cuda;
  static constexpr bool has_memory = true, keeps_bfloat16 = true, no_double = true;

  explicit Cuda(const CudaConfig& config = {})
      : config_(config),
        shared_limit_(open(config.card)),
        stream_(),
        products_(stream_.at, config.card, {config.precision, config.workspace_bytes, config.tune, config.plans}) {}
  Cuda(const Cuda&) = delete;
  Cuda& operator=(const Cuda&) = delete;
  ~Cuda() {
    replay_.waiting().clear();
    cudaStreamSynchronize(stream_.at);
    cudaFree(scratch_);
  }

  Precision precision() const { return config_.precision; }
  std::size_t shared_limit() const { return shared_limit_; }  // bytes that a block may have
  std::int64_t scores_at_once() const { return config_.scores_at_once; }
  cudaStream_t stream() {  // everything that was called has been started there
    start();
    return stream_.at;
  }
  // How often calls that waited were started, and how often of these as a graph.
  std::int64_t started() const { return replay_.started(); }
  std::int64_t graphs_started() const { return replay_.graphs_started(); }
  std::string plans() const { return products_.plans(); }  // which algorithms products have taken so far, as text

  void* allocate(std::size_t bytes) {
    void* at = nullptr;
    cuda::check(cudaMalloc(&at, bytes == 0 ? 1 : bytes), "cudaMalloc", std::to_string(bytes) + " bytes");
    return at;
  }
  void release(void* at) noexcept {  // waits for the kernels that use it
    try {
      replay_.start();  // what waits may use it
    } catch (...) {
      failed_ = std::current_exception();  // for the next call that may throw
    }
    cudaFree(at);
  }
  void upload(void* to, const void* from, std::size_t bytes) {
    start();
    upload_ahead(to, from, bytes);
  }
  // The same before the calls that wait, none of which uses `to`.
  void upload_ahead(void* to, const void* from, std::size_t bytes) {
    if (bytes <= cuda::SmallCopies::most_bytes) return small_copies_.begin(to, from, bytes, stream_.at);
    cuda::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_.at), "cudaMemcpyAsync", std::to_string(bytes) + " bytes");
    cuda::check(cudaStreamSynchronize(stream_.at), "cudaStreamSynchronize", "a copy");  // the caller may now change what was copied
  }
  void download(void* to, const void* from, std::size_t bytes) {
    start();
    cuda::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_.at), "cudaMemcpyAsync", std::to_string(bytes) + " bytes");
    synchronise();
  }
  void download_all(const Download* all, int count) {
    start();
    small_downloads_.fetch(all, count, stream_.at);
  }
  // Copies beside what is computed, from memory that is pinned: see CopiesAhead of train/input_queue.hpp.
  void* host_buffer(std::size_t bytes) {
    void* at = nullptr;
    cuda::check(cudaMallocHost(&at, bytes == 0 ? 1 : bytes), "cudaMallocHost", std::to_string(bytes) + " bytes");
    return at;
  }
  void release_host_buffer(void* at) noexcept { cudaFreeHost(at); }
  void copy_ahead(int place, void* to, const void* from, std::size_t bytes) { copies_.begin(place, to, from, bytes); }
  void await_copy(int place) { copies_.await(place, stream()); }
  void release_copy(int place) { copies_.release(place, stream()); }
  void await_host_buffer(int place) { copies_.await_host(place); }
  template <class T>
  void fill(T* at, std::int64_t n, T value) {
    cuda::each(*this, "fill", n, cuda::FillElement<T>{at, value});
  }
  void synchronise() {
    start();
    cuda::check(cudaStreamSynchronize(stream_.at), "cudaStreamSynchronize", "what was started before");
  }

  const int* resident(const int* host, std::int64_t count) { return lists_.resident(host, count); }
  // Working memory of a kernel, valid until the next call; it grows to the largest request and stays.
  template <class T>
  T* scratch(std::int64_t count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    if (bytes > scratch_bytes_) {
      start();
      cudaFree(scratch_);
      scratch_ = nullptr, scratch_bytes_ = 0;
      scratch_ = allocate(bytes);
      scratch_bytes_ = bytes;
    }
    return static_cast<T*>(scratch_);
  }
  template <class Body>
  void launch(const char* op, const Body& body, std::int64_t blocks, std::size_t shared_bytes) {
    if (blocks == 0) return;
    const auto what_for = [&] { return cuda::CallsOnCard::text(op, blocks, Body::threads, shared_bytes); };
    if (blocks > 0x7FFFFFFF) throw DeviceError(cuda::sentence("a launch", what_for(), "at most 2147483647 blocks; use a smaller batch"));
    if (shared_bytes > 48 * 1024 &&
        cudaFuncSetAttribute(cuda::entry<Body>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)) != cudaSuccess)
      cuda::check(cudaGetLastError(), "cudaFuncSetAttribute", what_for());
    if (config_.graphs) {
      replay_.waiting().add_kernel(op, reinterpret_cast<const void*>(cuda::entry<Body>), body, blocks, shared_bytes);
      return replay_.limit();
    }
    cuda::entry<Body><<<static_cast<unsigned>(blocks), Body::threads, shared_bytes, stream_.at>>>(body);
    const cudaError_t status = cudaGetLastError();
    if (status != cudaSuccess) cuda::check(status, "a launch", what_for());
  }
  template <class Y, class T>
  void gemm(const char* op, const cuda::Gemm& g, Y* y, const T* a, const T* b, const cuda::Plus<Y>& plus) {
    static_assert(!std::is_same_v<T, double>, "Cuda multiplies float and bfloat16");
    multiply(op, cuda::product_of(g, y, a, b, plus));
  }
  template <class Y, class T>
  bool fused_gemm(const char* op, const cuda::Gemm& g, Y* y, const T* a, const T* b, const cuda::Plus<Y>& plus,
                  const cuda::Fusion<Y>& fusion) {
    const cuda::Product product = cuda::product_of(g, y, a, b, plus, fusion);
    if (!config_.epilogues || !products_.offers(op, product)) return false;
    multiply(op, product);
    return true;
  }

 private:
  struct Stream {
    cudaStream_t at = nullptr;
    Stream() { cuda::check(cudaStreamCreateWithFlags(&at, cudaStreamNonBlocking), "cudaStreamCreateWithFlags", "a device"); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() { cudaStreamDestroy(at); }
  };

  // Selects the card, and returns how much shared memory its blocks may have.
  static std::size_t open(int card) {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess || count == 0)
      throw DeviceError(std::string("Cuda: expected an NVIDIA card and its driver, found none (cudaGetDeviceCount: ") +
                        cudaGetErrorString(status) + "); run this on a machine that has them, or use vitrail::Cpu");
    if (card < 0 || card >= count)
      throw ConfigError("Cuda: expected a card in 0 .. " + std::to_string(count - 1) + ", found " + std::to_string(card));
    cuda::check(cudaSetDevice(card), "cudaSetDevice", "card " + std::to_string(card));
    int major = 0, limit = 0;
    cuda::check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, card), "cudaDeviceGetAttribute", "a card");
    cuda::check(cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, card), "cudaDeviceGetAttribute", "a card");
    if (major < 8)
      throw DeviceError("Cuda: expected compute capability 8.0 (Ampere) or later, found " + std::to_string(major) + ".x; use vitrail::Cpu");
    return static_cast<std::size_t>(limit);
  }

  void multiply(const char* op, const cuda::Product& product) {
    if (!config_.graphs) return products_.run(op, product);
    replay_.waiting().add_product(op, product);
    replay_.limit();
  }
  void start() {
    if (failed_) std::rethrow_exception(std::exchange(failed_, nullptr));
    replay_.start();
  }

  CudaConfig config_;
  std::size_t shared_limit_;
  Stream stream_;
  cuda::Products products_;
  cuda::SmallCopies small_copies_;
  cuda::SmallDownloads small_downloads_;
  cuda::CopiesAhead copies_;
  cuda::CallsOnCard calls_{stream_.at, products_};
  cuda::Replay<cuda::CallsOnCard> replay_{calls_};
  std::exception_ptr failed_{};
  cuda::IndexLists<Cuda> lists_{*this};  // after what release() needs
  void* scratch_ = nullptr;
  std::size_t scratch_bytes_ = 0;
};

static_assert(ComputeDevice<Cuda>);

}  // namespace vitrail
