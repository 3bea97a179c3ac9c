// What a failed call to CUDA or cuBLAS says: the call, what for, and the reason.
#pragma once
#include <cublasLt.h>
#include <cuda_runtime.h>

#include <string>

#include "../../core/error.hpp"

namespace vitrail::cuda {

inline std::string sentence(const char* call, const std::string& what_for, const char* reason) {
  return std::string("Cuda: ") + call + " for " + what_for + ": " + reason;
}
inline void check(cudaError_t status, const char* call, const std::string& what_for) {
  if (status != cudaSuccess) throw DeviceError(sentence(call, what_for, cudaGetErrorString(status)));
}
inline void check(cublasStatus_t status, const char* call, const std::string& what_for) {
  if (status != CUBLAS_STATUS_SUCCESS) throw DeviceError(sentence(call, what_for, cublasLtGetStatusString(status)));
}

}  // namespace vitrail::cuda
