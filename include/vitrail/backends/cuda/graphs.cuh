// How a card starts a list of calls: one by one, or as a CUDA graph in which arguments of kernels can be changed. For Replay.
#pragma once
#include <string>
#include <utility>

#include "products.cuh"
#include "replay.hpp"

namespace vitrail::cuda {

// A graph that can be started, and its node for each call; null for a product, which may be several.
class CardGraph {
 public:
  CardGraph() = default;
  CardGraph(CardGraph&& other) noexcept
      : graph(std::exchange(other.graph, nullptr)), ready(std::exchange(other.ready, nullptr)), nodes(std::move(other.nodes)) {}
  CardGraph& operator=(CardGraph&&) = delete;
  ~CardGraph() {
    if (ready != nullptr) cudaGraphExecDestroy(ready);
    if (graph != nullptr) cudaGraphDestroy(graph);
  }

  cudaGraph_t graph = nullptr;
  cudaGraphExec_t ready = nullptr;
  std::vector<cudaGraphNode_t> nodes{};
};

class CallsOnCard {
 public:
  using Graph = CardGraph;
  CallsOnCard(cudaStream_t stream, Products& products) : stream_(stream), products_(&products) {}

  void issue(const Calls& calls) {
    for (std::size_t i = 0; i < calls.size(); ++i) issue(calls, calls[i]);
  }
  Graph record(const Calls& calls) {
    const std::string what_for = std::to_string(calls.size()) + " calls, the first of them " + calls[0].op;
    Graph out;
    out.nodes.resize(calls.size());
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture", what_for);
    try {
      for (std::size_t i = 0; i < calls.size(); ++i) {
        issue(calls, calls[i]);
        if (calls[i].kernel != nullptr) out.nodes[i] = latest_node(what_for);
      }
    } catch (...) {  // the stream must not stay in capture
      cudaStreamEndCapture(stream_, &out.graph);
      throw;
    }
    check(cudaStreamEndCapture(stream_, &out.graph), "cudaStreamEndCapture", what_for);
    check(cudaGraphInstantiate(&out.ready, out.graph, 0), "cudaGraphInstantiate", what_for);
    return out;
  }
  void patch(Graph& graph, std::size_t i, const Calls& calls) {
    const Call& call = calls[i];
    void* arguments[] = {const_cast<void*>(calls.argument(call))};
    cudaKernelNodeParams to{};
    to.func = const_cast<void*>(call.kernel);
    to.gridDim = dim3(static_cast<unsigned>(call.blocks));
    to.blockDim = dim3(static_cast<unsigned>(call.threads));
    to.sharedMemBytes = static_cast<unsigned>(call.shared_bytes);
    to.kernelParams = arguments;
    check(cudaGraphExecKernelNodeSetParams(graph.ready, graph.nodes[i], &to), "cudaGraphExecKernelNodeSetParams", call.op);
  }
  void start(Graph& graph) {
    check(cudaGraphLaunch(graph.ready, stream_), "cudaGraphLaunch", std::to_string(graph.nodes.size()) + " calls");
  }

  static std::string text(const char* op, std::int64_t blocks, int threads, std::size_t shared_bytes) {
    return std::string(op) + ", " + std::to_string(blocks) + " blocks of " + std::to_string(threads) + " threads with " +
           std::to_string(shared_bytes) + " bytes of shared memory";
  }

 private:
  void issue(const Calls& calls, const Call& call) {
    if (call.kernel == nullptr) return products_->run(call.op, calls.product(call));
    void* arguments[] = {const_cast<void*>(calls.argument(call))};
    const cudaError_t status = cudaLaunchKernel(call.kernel, dim3(static_cast<unsigned>(call.blocks)),
                                                dim3(static_cast<unsigned>(call.threads)), arguments, call.shared_bytes, stream_);
    if (status != cudaSuccess) check(status, "a launch", text(call.op, call.blocks, call.threads, call.shared_bytes));
  }
  // What the next call in the capture will wait for: the kernel that was captured last.
  cudaGraphNode_t latest_node(const std::string& what_for) const {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    const cudaGraphNode_t* nodes = nullptr;
    std::size_t count = 0;
#if CUDART_VERSION >= 13000
    const cudaGraphEdgeData* edges = nullptr;  // not looked at; but without a place for them, edges that have some are an error
    check(cudaStreamGetCaptureInfo(stream_, &status, nullptr, nullptr, &nodes, &edges, &count), "cudaStreamGetCaptureInfo", what_for);
#else
    check(cudaStreamGetCaptureInfo_v2(stream_, &status, nullptr, nullptr, &nodes, &count), "cudaStreamGetCaptureInfo", what_for);
#endif
    if (count != 1) throw DeviceError(sentence("cudaStreamGetCaptureInfo", what_for, "expected one latest node in a chain of calls"));
    return nodes[0];
  }

  cudaStream_t stream_;
  Products* products_;
};

}  // namespace vitrail::cuda
