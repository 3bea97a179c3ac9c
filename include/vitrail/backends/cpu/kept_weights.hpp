// Weights that stay packed between products: see PackedWeights in cpu.hpp.
#pragma once
#include <vector>

#include "../../core/error.hpp"
#include "../../tensor/arena.hpp"
#include "operand.hpp"

namespace vitrail::cpu::inline VITRAIL_ABI {

// The packed weights of one range of memory, filled by the products that meet them.
class KeptWeights {
 public:
  KeptWeights() = default;
  KeptWeights(const KeptWeights&) = delete;
  KeptWeights& operator=(const KeptWeights&) = delete;
  ~KeptWeights() { forget(); }

  void watch(const float* begin, const float* end) {
    if (begin_ != nullptr)
      throw ConfigError("PackedWeights: expected one model at a time on a device, found a second; give it a device of its own");
    begin_ = begin, end_ = end;
  }
  void stop() {
    forget();
    begin_ = end_ = nullptr;
  }
  bool watches(const void* at) const { return at >= begin_ && at < end_; }
  // Someone writes here: what was packed holds no longer.
  void changed(const void* at) {
    if (watches(at)) forget();
  }
  // The weight (k, n) in panels; where it is not yet, pack(space) makes it in right_size(k, n) numbers.
  template <class Pack>
  const Right<float>& find(const float* weight, std::int64_t k, std::int64_t n, Pack pack) {
    for (const Kept& kept : all_)
      if (kept.weight == weight && kept.k == k && kept.n == n) return kept.right;
    float* const space = static_cast<float*>(memory_.allocate(static_cast<std::size_t>(right_size(k, n)) * sizeof(float)));
    all_.push_back({weight, k, n, space, {}});
    return all_.back().right = pack(space);
  }

 private:
  struct Kept {
    const float* weight;
    std::int64_t k, n;
    float* space;
    Right<float> right;
  };
  void forget() {
    for (const Kept& kept : all_) memory_.release(kept.space);
    all_.clear();
  }

  const float *begin_ = nullptr, *end_ = nullptr;
  std::vector<Kept> all_;
  HostMemory memory_;
};

}  // namespace vitrail::cpu::inline VITRAIL_ABI
