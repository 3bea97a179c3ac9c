// Copies to the card while it computes: a stream of their own, and events that say when a place may be read and when it may be written.
#pragma once
#include <cstring>
#include <string>

#include "../device.hpp"
#include "error.cuh"

namespace vitrail::cuda {

class CopiesAhead {
 public:
  CopiesAhead() {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags", "copies");
    for (cudaEvent_t* event : {&arrived_[0], &arrived_[1], &used_[0], &used_[1]})
      check(cudaEventCreateWithFlags(event, cudaEventDisableTiming), "cudaEventCreateWithFlags", "copies");
  }
  CopiesAhead(const CopiesAhead&) = delete;
  CopiesAhead& operator=(const CopiesAhead&) = delete;
  ~CopiesAhead() {
    cudaStreamSynchronize(stream_);
    for (cudaEvent_t event : {arrived_[0], arrived_[1], used_[0], used_[1]}) cudaEventDestroy(event);
    cudaStreamDestroy(stream_);
  }

  // An event that was never recorded is passed by whoever waits for it.
  void begin(int place, void* to, const void* from, std::size_t bytes) {
    check(cudaStreamWaitEvent(stream_, used_[place]), "cudaStreamWaitEvent", "a copy");
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "cudaMemcpyAsync", std::to_string(bytes) + " bytes");
    check(cudaEventRecord(arrived_[place], stream_), "cudaEventRecord", "a copy");
  }
  void await(int place, cudaStream_t by) { check(cudaStreamWaitEvent(by, arrived_[place]), "cudaStreamWaitEvent", "a copy"); }
  void release(int place, cudaStream_t by) { check(cudaEventRecord(used_[place], by), "cudaEventRecord", "a copy"); }
  void await_host(int place) { check(cudaEventSynchronize(arrived_[place]), "cudaEventSynchronize", "a copy"); }

 private:
  cudaStream_t stream_ = nullptr;
  cudaEvent_t arrived_[2] = {}, used_[2] = {};
};

// Small copies from memory that the caller may change at once: by way of pinned memory, a few of them under way.
class SmallCopies {
 public:
  static constexpr std::size_t most_bytes = std::size_t{1} << 18;

  SmallCopies() {
    check(cudaMallocHost(&memory_, places * most_bytes), "cudaMallocHost", std::to_string(places * most_bytes) + " bytes");
    for (cudaEvent_t& event : done_)
      check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreateWithFlags", "copies");
  }
  SmallCopies(const SmallCopies&) = delete;
  SmallCopies& operator=(const SmallCopies&) = delete;
  ~SmallCopies() {
    for (cudaEvent_t event : done_)
      if (event != nullptr) cudaEventSynchronize(event), cudaEventDestroy(event);
    cudaFreeHost(memory_);
  }

  void begin(void* to, const void* from, std::size_t bytes, cudaStream_t stream) {
    next_ = (next_ + 1) % places;
    unsigned char* const at = static_cast<unsigned char*>(memory_) + static_cast<std::size_t>(next_) * most_bytes;
    check(cudaEventSynchronize(done_[next_]), "cudaEventSynchronize", "a copy");
    std::memcpy(at, from, bytes);
    check(cudaMemcpyAsync(to, at, bytes, cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync", std::to_string(bytes) + " bytes");
    check(cudaEventRecord(done_[next_], stream), "cudaEventRecord", "a copy");
  }

 private:
  static constexpr int places = 16;
  void* memory_ = nullptr;
  cudaEvent_t done_[places] = {};
  int next_ = 0;
};

// Several small copies from the card by way of pinned memory, which need one wait.
class SmallDownloads {
 public:
  SmallDownloads() { check(cudaMallocHost(&memory_, room), "cudaMallocHost", std::to_string(room) + " bytes"); }
  SmallDownloads(const SmallDownloads&) = delete;
  SmallDownloads& operator=(const SmallDownloads&) = delete;
  ~SmallDownloads() { cudaFreeHost(memory_); }

  void fetch(const Download* all, int count, cudaStream_t stream) {
    for (int first = 0, next = 0; first < count; first = next) {
      std::size_t used = 0;
      for (; next < count && used + all[next].bytes <= room; used += all[next++].bytes)
        copy(static_cast<unsigned char*>(memory_) + used, all[next], stream);
      if (next == first) copy(all[next].to, all[next], stream), ++next;  // one that is too large
      check(cudaStreamSynchronize(stream), "cudaStreamSynchronize", "what was started before");
      used = 0;
      for (int i = first; i < next && used + all[i].bytes <= room; used += all[i++].bytes)
        std::memcpy(all[i].to, static_cast<unsigned char*>(memory_) + used, all[i].bytes);
    }
  }

 private:
  static void copy(void* to, const Download& from, cudaStream_t stream) {
    check(cudaMemcpyAsync(to, from.from, from.bytes, cudaMemcpyDeviceToHost, stream), "cudaMemcpyAsync",
          std::to_string(from.bytes) + " bytes");
  }
  static constexpr std::size_t room = 4096;
  void* memory_ = nullptr;
};

}  // namespace vitrail::cuda
