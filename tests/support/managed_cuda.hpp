// A card whose memory the host reaches as well, so that tests which look into tensors run there: they wait before they look.
#pragma once
#include <algorithm>
#include <string>

#include "host_cuda_config.hpp"
#include "vitrail/backends/cuda.hpp"

class ManagedCuda : public vitrail::Cuda {
 public:
  using cuda_machine = ManagedCuda;
  explicit ManagedCuda(int = 1) : ManagedCuda(HostCudaConfig{}) {}
  explicit ManagedCuda(const HostCudaConfig& config)
      : Cuda({.precision = config.precision,
              .epilogues = config.epilogues,
              .graphs = config.graphs,
              .scores_at_once = config.scores_at_once}),
        shared_limit_(std::min(config.shared_limit, Cuda::shared_limit())) {}

  std::size_t shared_limit() const { return shared_limit_; }
  void* allocate(std::size_t bytes) {
    void* at = nullptr;
    vitrail::cuda::check(cudaMallocManaged(&at, bytes == 0 ? 1 : bytes), "cudaMallocManaged", std::to_string(bytes) + " bytes");
    return at;
  }

 private:
  std::size_t shared_limit_;
};
