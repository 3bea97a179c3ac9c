// Nccl: ranks that are processes (or threads), each with a card, which exchange numbers by NVIDIA's NCCL. Compile with nvcc, link nccl.
#pragma once
#if !defined(__CUDACC__)
#error "vitrail/backends/cuda/nccl.hpp: compile this file with nvcc to use vitrail::Nccl"
#endif
#include <nccl.h>

#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <type_traits>

#include "../communicator.hpp"
#include "../cuda.hpp"

#if NCCL_VERSION_CODE < NCCL_VERSION(2, 14, 0)
#error "vitrail/backends/cuda/nccl.hpp: NCCL 2.14 or later is needed, for calls that do not block for ever"
#endif

namespace vitrail {

// What names a group of ranks: one rank makes it (Nccl::new_id()), and all get its bytes, by a file, MPI or a socket.
using NcclId = std::array<char, NCCL_UNIQUE_ID_BYTES>;

struct NcclConfig {
  NcclId id{};
  int rank = 0, ranks = 1;
  int card = 0;                  // that of the Cuda device: of this machine
  double most_seconds = 600;     // that other ranks may let this one wait
};

// One card for each rank. Throws DeviceError, which names the call, what for and its sizes, where a call fails, and RankError where
// other ranks do not answer in time.
//
//   Nccl rank({.id = id, .rank = r, .ranks = 8, .card = r});
//   Parallel<Cuda, Nccl> device(rank, CudaConfig{.card = r});
class Nccl {
 public:
  static NcclId new_id() {
    ncclUniqueId made;
    const ncclResult_t status = ncclGetUniqueId(&made);
    if (status != ncclSuccess) throw DeviceError(cuda::sentence("ncclGetUniqueId", "a group of ranks", ncclGetErrorString(status)));
    NcclId id;
    std::memcpy(id.data(), made.internal, id.size());
    return id;
  }

  // Returns when all ranks are here.
  explicit Nccl(const NcclConfig& config) : config_(config) {
    if (config.ranks < 1 || config.rank < 0 || config.rank >= config.ranks)
      throw ConfigError("Nccl: expected a rank in 0 .. ranks - 1, found rank " + std::to_string(config.rank) + " of " +
                        std::to_string(config.ranks));
    cuda::check(cudaSetDevice(config.card), "cudaSetDevice", "card " + std::to_string(config.card));
    ncclUniqueId id;
    std::memcpy(id.internal, config.id.data(), config.id.size());
    ncclConfig_t asked = NCCL_CONFIG_INITIALIZER;
    asked.blocking = 0;  // a rank that never comes must not be waited for without end
    finish(ncclCommInitRankConfig(&group_, config.ranks, id, config.rank, &asked), "ncclCommInitRankConfig", [&] {
      return "rank " + std::to_string(config.rank) + " of " + std::to_string(config.ranks) + " on card " + std::to_string(config.card);
    });
  }
  Nccl(const Nccl&) = delete;
  Nccl& operator=(const Nccl&) = delete;
  // The Parallel device goes first, and its stream with it: nothing is left to be waited for.
  ~Nccl() {
    if (group_ != nullptr) ncclCommAbort(group_);
  }

  int rank() const { return config_.rank; }
  int ranks() const { return config_.ranks; }

  template <class T> void all_reduce_mean(Cuda& device, T* at, std::int64_t n) {
    call("ncclAllReduce", "the mean of ", n, type<T>(), [&](std::size_t count, ncclDataType_t kind) {
      return ncclAllReduce(at, at, count, kind, ncclAvg, group_, device.stream());
    });
  }
  template <class T> void all_gather(Cuda& device, const T* from, T* to, std::int64_t n) {
    call("ncclAllGather", "all of ", n, type<T>(), [&](std::size_t count, ncclDataType_t kind) {
      return ncclAllGather(from, to, count, kind, group_, device.stream());
    });
  }
  template <class T> void reduce_scatter_sum(Cuda& device, const T* from, T* to, std::int64_t n) {
    call("ncclReduceScatter", "the sum of ", n, type<T>(), [&](std::size_t count, ncclDataType_t kind) {
      return ncclReduceScatter(from, to, count, kind, ncclSum, group_, device.stream());
    });
  }
  template <class T> void broadcast(Cuda& device, T* at, std::int64_t n, int root) {
    call("ncclBroadcast", "rank " + std::to_string(root) + "'s ", n, type<T>(), [&](std::size_t count, ncclDataType_t kind) {
      return ncclBroadcast(at, at, count, kind, root, group_, device.stream());
    });
  }

  // Until the card has done what it was given: a card whose partner is gone never has.
  void wait(Cuda& device) {
    const auto start = Clock::now();
    for (int looks = 0;; ++looks) {
      const cudaError_t status = cudaStreamQuery(device.stream());
      if (status == cudaSuccess) return;
      if (status != cudaErrorNotReady) cuda::check(status, "cudaStreamQuery", "what was started before");
      if (looks % 1000 != 999) continue;
      const auto step = [] { return std::string("what was started before"); };
      check(state("a wait", step), "a wait", step);
      be_patient(start, "a wait", step);
    }
  }
  void leave(const std::string&) {
    if (group_ != nullptr) ncclCommAbort(group_);
    group_ = nullptr;
  }

 private:
  using Clock = std::chrono::steady_clock;
  template <class T> static constexpr ncclDataType_t type() {
    static_assert(std::is_floating_point_v<T> || std::is_same_v<T, bfloat16>, "Nccl exchanges float, double and bfloat16");
    return std::is_same_v<T, bfloat16> ? ncclBfloat16 : std::is_same_v<T, float> ? ncclFloat32 : ncclFloat64;
  }
  template <class F> void call(const char* name, const std::string& of, std::int64_t n, ncclDataType_t kind, F f) {
    const auto what_for = [&] {
      return of + std::to_string(n) +
             (kind == ncclFloat32   ? " floats"
              : kind == ncclFloat64 ? " doubles"
                                    : " bfloat16") +
             " on rank " + std::to_string(config_.rank) + " of " + std::to_string(config_.ranks);
    };
    if (group_ == nullptr)
      throw RankError(cuda::sentence(name, what_for(), "this rank has left the others after an error; begin anew from a checkpoint"));
    finish(f(static_cast<std::size_t>(n), kind), name, what_for);
  }
  // A call that has begun is done, for the host, when the group says so.
  template <class W> void finish(ncclResult_t status, const char* name, W what_for) {
    const auto start = Clock::now();
    while (status == ncclInProgress) {
      std::this_thread::yield();
      status = state(name, what_for);
      if (status == ncclInProgress) be_patient(start, name, what_for);
    }
    check(status, name, what_for);
  }
  template <class W> ncclResult_t state(const char* name, W what_for) {
    if (group_ == nullptr) return ncclSuccess;
    ncclResult_t now = ncclSuccess;
    check(ncclCommGetAsyncError(group_, &now), name, what_for);
    return now;
  }
  template <class W> void check(ncclResult_t status, const char* name, W what_for) {
    if (status == ncclSuccess || status == ncclInProgress) return;
    const std::string reason = std::string(ncclGetErrorString(status)) + "; NCCL_DEBUG=WARN in the environment says more";
    leave(reason);
    if (status == ncclRemoteError) throw RankError(cuda::sentence(name, what_for(), reason.c_str()));
    throw DeviceError(cuda::sentence(name, what_for(), reason.c_str()));
  }
  template <class W> void be_patient(Clock::time_point start, const char* name, W what_for) {
    if (std::chrono::duration<double>(Clock::now() - start).count() < config_.most_seconds) return;
    const std::string reason = "no answer from other ranks for " + std::to_string(static_cast<long long>(config_.most_seconds)) +
                               " seconds; look for an error of theirs, or raise NcclConfig::most_seconds";
    leave(reason);
    throw RankError(cuda::sentence(name, what_for(), reason.c_str()));
  }

  NcclConfig config_;
  ncclComm_t group_ = nullptr;
};

static_assert(Communicator<Nccl, Cuda>);

}  // namespace vitrail
