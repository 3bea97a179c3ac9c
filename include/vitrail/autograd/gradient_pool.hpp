// Memory of gradients: each lives from the first closure that writes it to the closure of the op that made the value.
#pragma once
#include "../tensor/arena.hpp"

namespace vitrail {

// A returned block serves the next request of exactly its size. Emptied at every backward, so that batches may change.
template <class Memory> class GradientPool {
 public:
  constexpr explicit GradientPool(Memory& memory) : arena_(memory) {}

  constexpr void reset() {
    arena_.reset();
    count_ = 0;
  }
  constexpr void reserve(std::size_t bytes) { arena_.reserve(bytes); }
  constexpr std::size_t peak() const { return arena_.peak(); }  // bytes
  constexpr int chunks() const { return arena_.chunks(); }
  constexpr std::size_t reserved() const { return arena_.reserved(); }

  template <class T> constexpr T* take(std::int64_t count) {
    for (int i = count_ - 1; i >= 0; --i) {
      if (free_[i].count != count) continue;
      void* at = free_[i].at;
      free_[i] = free_[--count_];
      if constexpr (Memory::has_memory) return static_cast<T*>(at);
      else return nullptr;
    }
    return arena_.template take<T>(count);
  }
  constexpr void give_back(void* at, std::int64_t count) {
    if (count_ < capacity) free_[count_++] = {at, count};  // a forgotten block costs memory until the next backward
  }

 private:
  struct Free {
    void* at = nullptr;
    std::int64_t count = 0;
  };
  static constexpr int capacity = 64;
  Arena<Memory> arena_;
  Free free_[capacity] = {};
  int count_ = 0;
};

}  // namespace vitrail
