// Products by cuBLASLt: a plan for each kind and size, made at its first use and kept. Its algorithm is the heuristic's first that
// adds in one order, so that the same card and library give the same bits. Operands are floats, which are rounded on the way where the
// device's precision says so, or bfloat16, whose products and sums are floats and whose result is one of both.
#pragma once
#include <memory>
#include <vector>

#include "error.cuh"
#include "replay.hpp"

namespace vitrail::cuda {

class Products {
 public:
  Products(cudaStream_t stream, Precision precision, std::size_t workspace_bytes)
      : stream_(stream), precision_(precision), workspace_bytes_(workspace_bytes) {
    check(cublasLtCreate(&handle_), "cublasLtCreate", "a device");
    const cudaError_t status = cudaMalloc(&workspace_, workspace_bytes_);
    if (status != cudaSuccess) cublasLtDestroy(handle_);
    check(status, "cudaMalloc", "a workspace of " + std::to_string(workspace_bytes_) + " bytes");
  }
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;
  ~Products() {
    plans_.clear();
    cudaFree(workspace_);
    cublasLtDestroy(handle_);
  }

  // Row-major y = a b is column-major y^T = b^T a^T: b comes first.
  void run(const char* op, const Product& product) {
    const Gemm& g = product.g;
    void* const y = product.y;
    const void *const a = product.a, *const b = product.b, *const bias = product.bias;
    if (g.rows == 0 || g.cols == 0 || g.batch == 0) return;
    if (g.inner == 0) {  // the gradient of weights from an empty batch
      const std::size_t bytes = static_cast<std::size_t>(g.rows * g.cols) * bytes_of(product.result);
      if (product.other == nullptr) check(cudaMemsetAsync(y, 0, bytes, stream_), "cudaMemsetAsync", text(op, g));
      return;
    }
    const void* const other = product.other == nullptr ? y : product.other;
    const std::uint32_t narrow = bytes_of(product.operands), own = bytes_of(product.result);
    const Kind kind{g, type_of(product.operands), type_of(product.result), bias != nullptr,
                    {alignment(b, narrow), alignment(a, narrow), alignment(other, own), alignment(y, own)}};
    Plan& plan = plan_for(op, kind);
    if (kind.bias)
      check(cublasLtMatmulDescSetAttribute(plan.product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias),
            "cublasLtMatmulDescSetAttribute", text(op, g));
    const float one = 1, beta = product.other == nullptr ? 0.0f : 1.0f;
    check(cublasLtMatmul(handle_, plan.product, &one, b, plan.b, a, plan.a, &beta, other, plan.y, y, plan.y, &plan.algorithm, workspace_,
                         workspace_bytes_, stream_),
          "cublasLtMatmul", text(op, g));
  }

 private:
  // What the choice of an algorithm depends on.
  struct Kind {
    Gemm g;
    cudaDataType_t operands, result;
    bool bias;
    std::uint32_t aligned[4];
    bool operator==(const Kind&) const = default;
  };
  struct Plan {
    Kind kind;
    cublasLtMatmulDesc_t product = nullptr;
    cublasLtMatrixLayout_t a = nullptr, b = nullptr, y = nullptr;
    cublasLtMatmulAlgo_t algorithm{};

    explicit Plan(const Kind& k) : kind(k) {}
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;
    ~Plan() {
      cublasLtMatrixLayoutDestroy(a), cublasLtMatrixLayoutDestroy(b), cublasLtMatrixLayoutDestroy(y);
      cublasLtMatmulDescDestroy(product);
    }
  };

  static std::string text(const char* op, const Gemm& g) {
    const auto matrix = [](i64 rows, i64 cols, bool transposed) {
      return "(" + std::to_string(rows) + ", " + std::to_string(cols) + ")" + (transposed ? "^T" : "");
    };
    return std::string(op) + ", " + matrix(g.a_transposed ? g.inner : g.rows, g.a_transposed ? g.rows : g.inner, g.a_transposed) + " by " +
           matrix(g.b_transposed ? g.cols : g.inner, g.b_transposed ? g.inner : g.cols, g.b_transposed) +
           (g.batch > 1 ? ", " + std::to_string(g.batch) + " of them" : "");
  }
  static cudaDataType_t type_of(Scalar scalar) { return scalar == Scalar::bfloat16 ? CUDA_R_16BF : CUDA_R_32F; }
  static std::uint32_t bytes_of(Scalar scalar) { return scalar == Scalar::bfloat16 ? 2 : 4; }
  static std::uint32_t alignment(const void* at, std::uint32_t least) { return reinterpret_cast<std::uintptr_t>(at) % 16 == 0 ? 16 : least; }

  Plan& plan_for(const char* op, const Kind& kind) {
    for (const auto& plan : plans_)
      if (plan->kind == kind) return *plan;
    auto plan = std::make_unique<Plan>(kind);
    const Gemm& g = kind.g;
    const std::string what_for = text(op, g);
    const bool rounds = kind.operands == CUDA_R_32F && precision_ == Precision::bf16 && !g.exact;
    check(cublasLtMatmulDescCreate(&plan->product, rounds ? CUBLAS_COMPUTE_32F_FAST_16BF : CUBLAS_COMPUTE_32F, CUDA_R_32F),
          "cublasLtMatmulDescCreate", what_for);
    const auto set = [&](cublasLtMatmulDescAttributes_t what, const auto& value) {
      check(cublasLtMatmulDescSetAttribute(plan->product, what, &value, sizeof value), "cublasLtMatmulDescSetAttribute", what_for);
    };
    set(CUBLASLT_MATMUL_DESC_TRANSA, g.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, g.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    if (kind.bias) {
      set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, kind.result);
    }
    lay_out(plan->b, kind.operands, g.b_transposed ? g.inner : g.cols, g.b_transposed ? g.cols : g.inner, g.batch, g.b_step, what_for);
    lay_out(plan->a, kind.operands, g.a_transposed ? g.rows : g.inner, g.a_transposed ? g.inner : g.rows, g.batch, g.a_step, what_for);
    lay_out(plan->y, kind.result, g.cols, g.rows, g.batch, g.y_step, what_for);
    choose(*plan, what_for);
    plans_.push_back(std::move(plan));
    return *plans_.back();
  }
  // Column-major and dense.
  static void lay_out(cublasLtMatrixLayout_t& layout, cudaDataType_t scalar_type, i64 rows, i64 cols, i64 batch, i64 step,
                      const std::string& what_for) {
    check(cublasLtMatrixLayoutCreate(&layout, scalar_type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(cols), rows),
          "cublasLtMatrixLayoutCreate", what_for);
    const std::int32_t count = static_cast<std::int32_t>(batch);
    check(cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count),
          "cublasLtMatrixLayoutSetAttribute", what_for);
    check(cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &step, sizeof step),
          "cublasLtMatrixLayoutSetAttribute", what_for);
  }
  void choose(Plan& plan, const std::string& what_for) const {
    cublasLtMatmulPreference_t preference = nullptr;
    check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate", what_for);
    const std::unique_ptr<cublasLtMatmulPreferenceOpaque_t, void (*)(cublasLtMatmulPreference_t)> owned(
        preference, [](cublasLtMatmulPreference_t p) { cublasLtMatmulPreferenceDestroy(p); });
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t what, const auto& value) {
      check(cublasLtMatmulPreferenceSetAttribute(preference, what, &value, sizeof value), "cublasLtMatmulPreferenceSetAttribute", what_for);
    };
    const std::uint64_t room = workspace_bytes_;
    const std::uint32_t one_order = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;  // sums of slices of k are added by a kernel, in order
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, room);
    prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, one_order);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, plan.kind.aligned[0]);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, plan.kind.aligned[1]);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, plan.kind.aligned[2]);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, plan.kind.aligned[3]);
    cublasLtMatmulHeuristicResult_t found{};
    int count = 0;
    check(cublasLtMatmulAlgoGetHeuristic(handle_, plan.product, plan.b, plan.a, plan.y, plan.y, preference, 1, &found, &count),
          "cublasLtMatmulAlgoGetHeuristic", what_for);
    if (count == 0) throw DeviceError(sentence("cublasLtMatmulAlgoGetHeuristic", what_for, "no algorithm for this product on this card"));
    plan.algorithm = found.algo;
  }

  cudaStream_t stream_;
  Precision precision_;
  std::size_t workspace_bytes_;
  void* workspace_ = nullptr;
  cublasLtHandle_t handle_ = nullptr;
  std::vector<std::unique_ptr<Plan>> plans_;
};

}  // namespace vitrail::cuda
