// Products by cuBLASLt: a plan for each kind and size, made at its first use and kept. Its algorithm is the heuristic's first that
// adds in one order, so that the same card and library give the same bits; or the fastest of some such, if they are to be timed: then a
// book of plans gives the same bits. Operands are floats, which are rounded on the way where the
// device's precision says so, or bfloat16, whose products and sums are floats and whose result is one of both.
#pragma once
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "error.cuh"
#include "plan_book.hpp"

namespace vitrail::cuda {

class Products {
 public:
  struct Config {
    Precision precision;
    std::size_t workspace_bytes;
    bool tune;
    std::string plans;
  };
  Products(cudaStream_t stream, int card, const Config& config)
      : stream_(stream),
        precision_(config.precision),
        workspace_bytes_(config.workspace_bytes),
        tune_(config.tune),
        book_(place(card), config.plans) {
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
    if (g.rows == 0 || g.cols == 0 || g.batch == 0) return;
    if (g.inner == 0) {  // the gradient of weights from an empty batch
      const std::size_t bytes = static_cast<std::size_t>(g.rows * g.cols) * bytes_of(product.result);
      if (product.other == nullptr) check(cudaMemsetAsync(y, 0, bytes, stream_), "cudaMemsetAsync", text(op, g));
      return;
    }
    Plan& plan = plan_for(op, product);
    if (!plan.chosen) choose(plan, product, text(op, g)), plan.chosen = true;
    check(multiply(plan, plan.algorithm, product, y), "cublasLtMatmul", text(op, g));
  }
  // Whether the card has an algorithm for a product with what is fused to it. cuBLASLt wants what is kept on 16 bytes, row by row.
  bool offers(const char* op, const Product& product) {
    const Gemm& g = product.g;
    if (g.rows == 0 || g.cols == 0 || g.inner == 0 || g.batch == 0) return false;
    if (product.kept != nullptr && (g.cols % 8 != 0 || alignment(product.kept, 1) != 16)) return false;
    Plan& plan = plan_for(op, product);
    if (!plan.offered) {
      Suggestions found;  // a status other than success is an answer too: not like this
      plan.offered = ask(plan, 1, text(op, g), found) == CUBLAS_STATUS_SUCCESS && found.count > 0;
    }
    return *plan.offered;
  }
  // The algorithms that were taken so far.
  std::string plans() const { return book_.text(); }

 private:
  // What the choice of an algorithm depends on.
  struct Kind {
    Gemm g;
    Scalar operands, result;
    bool bias;
    Fused fused;
    i64 sums_step;
    std::uint32_t aligned[4];
    bool operator==(const Kind&) const = default;
  };
  struct Plan {
    Kind kind;
    cublasLtMatmulDesc_t product = nullptr;
    cublasLtMatrixLayout_t a = nullptr, b = nullptr, y = nullptr;
    cublasLtMatmulAlgo_t algorithm{};
    bool chosen = false;
    std::optional<bool> offered{};

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
  static std::uint32_t alignment(const void* at, std::uint32_t least) {
    return reinterpret_cast<std::uintptr_t>(at) % 16 == 0 ? 16 : least;
  }

  static std::string place(int card) {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, card), "cudaGetDeviceProperties", "a card");
    return std::string(properties.name) + ", cuBLASLt " + std::to_string(cublasLtGetVersion());
  }
  template <class T>
  static void set(const Plan& plan, cublasLtMatmulDescAttributes_t what, const T& value, const std::string& what_for) {
    check(cublasLtMatmulDescSetAttribute(plan.product, what, &value, sizeof value), "cublasLtMatmulDescSetAttribute", what_for);
  }
  // Places beside the operands and the result.
  static void point(const Plan& plan, const Product& p) {
    if (p.bias != nullptr) set(plan, CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias, "a bias");
    if (p.sums != nullptr) set(plan, CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.sums, "gradients of a bias");
    if (p.kept != nullptr) set(plan, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, p.kept, "what goes into GELU");
  }
  cublasStatus_t multiply(const Plan& plan, const cublasLtMatmulAlgo_t& algorithm, const Product& p, void* y) {
    point(plan, p);
    const float one = 1, beta = p.other == nullptr ? 0.0f : 1.0f;
    return cublasLtMatmul(handle_, plan.product, &one, p.b, plan.b, p.a, plan.a, &beta, p.other == nullptr ? y : p.other, plan.y, y, plan.y,
                          &algorithm, workspace_, workspace_bytes_, stream_);
  }
  Kind kind_of(const Product& p) const {
    const void* const other = p.other == nullptr ? p.y : p.other;
    const std::uint32_t narrow = bytes_of(p.operands), own = bytes_of(p.result);
    return {p.g,
            p.operands,
            p.result,
            p.bias != nullptr,
            p.fused,
            p.sums_step,
            {alignment(p.b, narrow), alignment(p.a, narrow), alignment(other, own), alignment(p.y, own)}};
  }
  Plan& plan_for(const char* op, const Product& first) {
    const Kind kind = kind_of(first);
    for (const auto& plan : plans_)
      if (plan->kind == kind) return *plan;
    auto plan = std::make_unique<Plan>(kind);
    const Gemm& g = kind.g;
    const std::string what_for = text(op, g);
    const bool rounds = kind.operands == Scalar::float32 && precision_ == Precision::bf16 && !g.exact;
    check(cublasLtMatmulDescCreate(&plan->product, rounds ? CUBLAS_COMPUTE_32F_FAST_16BF : CUBLAS_COMPUTE_32F, CUDA_R_32F),
          "cublasLtMatmulDescCreate", what_for);
    set(*plan, CUBLASLT_MATMUL_DESC_TRANSA, g.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, what_for);
    set(*plan, CUBLASLT_MATMUL_DESC_TRANSB, g.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, what_for);
    set_epilogue(*plan, what_for);
    point(*plan, first);  // an algorithm may depend on how these places are aligned
    lay_out(plan->b, type_of(kind.operands), g.b_transposed ? g.inner : g.cols, g.b_transposed ? g.cols : g.inner, g.batch, g.b_step,
            what_for);
    lay_out(plan->a, type_of(kind.operands), g.a_transposed ? g.rows : g.inner, g.a_transposed ? g.inner : g.rows, g.batch, g.a_step,
            what_for);
    lay_out(plan->y, type_of(kind.result), g.cols, g.rows, g.batch, g.y_step, what_for);
    plans_.push_back(std::move(plan));
    return *plans_.back();
  }
  // Row-major a is cuBLASLt's B: sums over its inner index are BGRADB's, and sums over rows of y run along the bias.
  static void set_epilogue(const Plan& plan, const std::string& what_for) {
    const Kind& kind = plan.kind;
    if (!kind.bias && kind.fused == Fused::none) return;
    const cublasLtEpilogue_t what = kind.fused == Fused::gelu         ? CUBLASLT_EPILOGUE_GELU_AUX_BIAS
                                    : kind.fused == Fused::gelu_slope ? CUBLASLT_EPILOGUE_DGELU_BGRAD
                                    : kind.fused == Fused::sums_of_a  ? CUBLASLT_EPILOGUE_BGRADB
                                                                      : CUBLASLT_EPILOGUE_BIAS;
    set(plan, CUBLASLT_MATMUL_DESC_EPILOGUE, what, what_for);
    set(plan, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, type_of(kind.result), what_for);
    if (kind.sums_step > 0) set(plan, CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, std::int64_t{kind.sums_step}, what_for);
    if (kind.fused == Fused::gelu || kind.fused == Fused::gelu_slope)
      set(plan, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, std::int64_t{kind.g.cols}, what_for);
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
  void choose(Plan& plan, const Product& first, const std::string& what_for) {
    const Kind& kind = plan.kind;
    const std::string name = PlanBook::name(kind.g, kind.operands, kind.result, kind.bias, kind.fused, kind.aligned);
    if (const Algorithm* known = book_.find(name)) {
      std::memcpy(&plan.algorithm, known->data(), sizeof plan.algorithm);
      cublasLtMatmulHeuristicResult_t checked{};
      return check(cublasLtMatmulAlgoCheck(handle_, plan.product, plan.b, plan.a, plan.y, plan.y, &plan.algorithm, &checked),
                   "cublasLtMatmulAlgoCheck", what_for);
    }
    const Suggestions found = suggested(plan, tune_ ? most_timed : 1, what_for);
    plan.algorithm = found.count == 1 ? found.all[0].algo : fastest(plan, found, first, what_for);
    Algorithm words{};
    std::memcpy(words.data(), &plan.algorithm, sizeof words);
    book_.add(name, words);
  }
  static constexpr int most_timed = 8;
  struct Suggestions {  // an array: nvcc 13.0 fails on a vector of a type without a name of its own
    cublasLtMatmulHeuristicResult_t all[most_timed] = {};
    int count = 0;
  };
  // Throws where there is none.
  Suggestions suggested(const Plan& plan, int most, const std::string& what_for) const {
    Suggestions found;
    check(ask(plan, most, what_for, found), "cublasLtMatmulAlgoGetHeuristic", what_for);
    if (found.count == 0)
      throw DeviceError(sentence("cublasLtMatmulAlgoGetHeuristic", what_for, "no algorithm for this product on this card"));
    return found;
  }
  cublasStatus_t ask(const Plan& plan, int most, const std::string& what_for, Suggestions& found) const {
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
    return cublasLtMatmulAlgoGetHeuristic(handle_, plan.product, plan.b, plan.a, plan.y, plan.y, preference, most, found.all, &found.count);
  }
  // By the time of a few runs on the product's own operands, into memory beside its result.
  cublasLtMatmulAlgo_t fastest(const Plan& plan, const Suggestions& found, const Product& product, const std::string& what_for) {
    constexpr int runs = 5;
    const Gemm& g = product.g;
    Room room(static_cast<std::size_t>((g.batch - 1) * g.y_step + g.rows * g.cols) * bytes_of(product.result), what_for);
    int best = 0;
    float least = INFINITY;
    for (int i = 0; i < found.count; ++i) {
      if (multiply(plan, found.all[i].algo, product, room.at) != CUBLAS_STATUS_SUCCESS) continue;  // suggested, and yet not for this card
      check(cudaEventRecord(room.begin, stream_), "cudaEventRecord", what_for);
      for (int run = 0; run < runs; ++run) check(multiply(plan, found.all[i].algo, product, room.at), "cublasLtMatmul", what_for);
      check(cudaEventRecord(room.end, stream_), "cudaEventRecord", what_for);
      check(cudaEventSynchronize(room.end), "cudaEventSynchronize", what_for);
      float ms = 0;
      check(cudaEventElapsedTime(&ms, room.begin, room.end), "cudaEventElapsedTime", what_for);
      if (ms < least) least = ms, best = i;
    }
    return found.all[best].algo;
  }
  struct Room {
    void* at = nullptr;
    cudaEvent_t begin = nullptr, end = nullptr;
    Room(std::size_t bytes, const std::string& what_for) {
      const bool made =
          cudaMalloc(&at, bytes) == cudaSuccess && cudaEventCreate(&begin) == cudaSuccess && cudaEventCreate(&end) == cudaSuccess;
      if (made) return;
      release();
      throw DeviceError(sentence("cudaMalloc", what_for, "no memory to time this product; leave .tune away"));
    }
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;
    ~Room() { release(); }
    void release() {
      if (begin != nullptr) cudaEventDestroy(begin);
      if (end != nullptr) cudaEventDestroy(end);
      cudaFree(at);
    }
  };

  cudaStream_t stream_;
  Precision precision_;
  std::size_t workspace_bytes_;
  bool tune_;
  PlanBook book_;
  void* workspace_ = nullptr;
  cublasLtHandle_t handle_ = nullptr;
  std::vector<std::unique_ptr<Plan>> plans_;
};

}  // namespace vitrail::cuda
