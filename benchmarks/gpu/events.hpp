// Time on a card, as the programs beside this file measure it: rounds of calls between two events, after a warm-up as long as a round.
#pragma once
#include <vitrail/backends/cuda.hpp>

#include <algorithm>
#include <vector>

class Events {
 public:
  explicit Events(vitrail::Cuda& device) : device_(&device) {
    vitrail::cuda::check(cudaEventCreate(&begin_), "cudaEventCreate", "timing");
    vitrail::cuda::check(cudaEventCreate(&end_), "cudaEventCreate", "timing");
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;
  ~Events() { cudaEventDestroy(begin_), cudaEventDestroy(end_); }
  // Seconds on the card.
  template <class F>
  double time(F f) {
    vitrail::cuda::check(cudaEventRecord(begin_, device_->stream()), "cudaEventRecord", "timing");
    f();
    vitrail::cuda::check(cudaEventRecord(end_, device_->stream()), "cudaEventRecord", "timing");
    vitrail::cuda::check(cudaEventSynchronize(end_), "cudaEventSynchronize", "timing");
    float ms = 0;
    vitrail::cuda::check(cudaEventElapsedTime(&ms, begin_, end_), "cudaEventElapsedTime", "timing");
    return 1e-3 * ms;
  }
  // Seconds of a call, one number for each round, the fastest first. A round takes `seconds`.
  template <class F>
  std::vector<double> rounds(int count, double seconds, F f) {
    for (int i = 0; i < 5; ++i) f();  // plans, scratch, first launches
    const int calls = std::max(1, static_cast<int>(seconds / time(f)));
    const auto round = [&] {
      for (int i = 0; i < calls; ++i) f();
    };
    round();  // until the clocks stand where the load puts them
    std::vector<double> times;
    for (int i = 0; i < count; ++i) times.push_back(time(round) / calls);
    std::sort(times.begin(), times.end());
    return times;
  }

 private:
  vitrail::Cuda* device_;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};
