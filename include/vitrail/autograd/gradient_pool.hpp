// Memory of gradients: each lives from the first closure that writes it to the closure of the op that made the value.
#pragma once
#include "../tensor/arena.hpp"

namespace vitrail {

// A request gets the smallest free stretch that holds it; a returned block joins the free ones beside it. Emptied at every backward, so
// that batches may change. A device without memory (`Plan`) makes a pool that only counts, by the same rules: a pool that reserves
// what that one used serves the same requests from one piece of memory.
template <class Memory> class GradientPool {
 public:
  template <class T> struct Block {
    T* at;                // null for a device without memory
    std::uint64_t place;  // by which it is given back
  };

  constexpr explicit GradientPool(Memory& memory) : memory_(&memory) {
    if constexpr (!Memory::has_memory) chunks_ = 1, chunk_[0].bytes = chunk_span;
    reset();
  }
  GradientPool(const GradientPool&) = delete;
  GradientPool& operator=(const GradientPool&) = delete;
  constexpr ~GradientPool() { release_chunks(); }

  constexpr void reset() {
    count_ = 0;
    for (int i = 0; i < chunks_; ++i) free_[count_++] = {place_of(i), place_of(i) + chunk_[i].bytes};
  }
  // One chunk of exactly this many bytes, if less is reserved. Only for a pool of which nothing is in use.
  constexpr void reserve(std::size_t bytes) {
    if constexpr (Memory::has_memory) {
      if (reserved() >= bytes) return;
      release_chunks();
      add_chunk(bytes);
      reset();
    }
  }
  constexpr std::size_t peak() const {  // bytes, up to the highest that was ever in use
    std::size_t sum = 0;
    for (int i = 0; i < chunks_; ++i) sum += chunk_[i].used;
    return sum;
  }
  constexpr int chunks() const { return chunks_; }
  constexpr std::size_t reserved() const {
    std::size_t sum = 0;
    for (int i = 0; i < chunks_; ++i) sum += chunk_[i].bytes;
    return sum;
  }

  template <class T> constexpr Block<T> take(std::int64_t count) {
    const std::uint64_t place = take_place(size_of<T>(count));
    if constexpr (!Memory::has_memory) {
      return {nullptr, place};
    } else {
      T* const at = reinterpret_cast<T*>(static_cast<std::byte*>(chunk_[place / chunk_span].at) + place % chunk_span);
      if constexpr (requires { memory_->taken(at, count); }) memory_->taken(at, count);
      return {at, place};
    }
  }
  constexpr void give_back(std::uint64_t place, std::size_t bytes) { give_back_place(place, Arena<Memory>::padded(bytes)); }  // as taken

 private:
  VITRAIL_NOINLINE constexpr std::uint64_t take_place(std::size_t bytes) {
    int best = -1;
    for (int i = 0; i < count_; ++i)
      if (free_[i].size() >= bytes && (best < 0 || waste(free_[i]) < waste(free_[best]))) best = i;
    if (best < 0) best = grow(bytes);
    const std::uint64_t place = free_[best].begin;
    free_[best].begin += bytes;
    if (free_[best].size() == 0) remove(best);
    Chunk& chunk = chunk_[place / chunk_span];
    const std::uint64_t offset = place % chunk_span;
    if (offset + bytes > chunk.used) chunk.used = offset + bytes;
    return place;
  }
  VITRAIL_NOINLINE constexpr void give_back_place(std::uint64_t place, std::size_t bytes) {
    const Stretch block{place, place + bytes};
    int i = 0;
    while (i < count_ && free_[i].begin < block.begin) ++i;
    const bool joins_left = i > 0 && free_[i - 1].end == block.begin, joins_right = i < count_ && free_[i].begin == block.end;
    if (joins_left && joins_right) {
      free_[i - 1].end = free_[i].end;
      remove(i);
    } else if (joins_left) {
      free_[i - 1].end = block.end;
    } else if (joins_right) {
      free_[i].begin = block.begin;
    } else if (count_ < most_free) {  // a forgotten block costs memory until the next backward
      insert(i, block);
    }
  }

  struct Stretch {
    std::uint64_t begin = 0, end = 0;
    constexpr std::uint64_t size() const { return end - begin; }
  };
  struct Chunk {
    void* at = nullptr;
    std::uint64_t bytes = 0, used = 0;
  };
  static constexpr std::uint64_t chunk_span = std::uint64_t{1} << 44;  // places of chunk i begin at i times this: chunks never join
  static constexpr int max_chunks = 48, most_free = 64;
  static constexpr std::uint64_t place_of(int chunk) { return static_cast<std::uint64_t>(chunk) * chunk_span; }
  template <class T> static constexpr std::size_t size_of(std::int64_t count) {
    return Arena<Memory>::padded(static_cast<std::size_t>(count) * sizeof(T));
  }

  // What a request would rather not break. The rest of a chunk comes last, however much is left: or a pool with little left would choose
  // otherwise than the one that only counts, whose chunk never ends.
  constexpr std::uint64_t waste(const Stretch& s) const {
    return s.end % chunk_span == chunk_[s.begin / chunk_span].bytes % chunk_span ? chunk_span : s.size();
  }
  constexpr void insert(int i, Stretch s) {
    for (int j = count_++; j > i; --j) free_[j] = free_[j - 1];
    free_[i] = s;
  }
  constexpr void remove(int i) {
    --count_;
    for (; i < count_; ++i) free_[i] = free_[i + 1];
  }
  // The free stretch of a new chunk, at least twice as large as the last one.
  constexpr int grow(std::size_t bytes) {
    if constexpr (Memory::has_memory) {
      const std::size_t twice = chunks_ > 0 ? 2 * chunk_[chunks_ - 1].bytes : 0;
      add_chunk(bytes > twice ? bytes : twice);
      const std::uint64_t begin = place_of(chunks_ - 1);
      insert(count_, {begin, begin + chunk_[chunks_ - 1].bytes});
    }
    return count_ - 1;
  }
  void add_chunk(std::size_t bytes) {
    if (chunks_ == max_chunks) throw std::bad_alloc{};
    chunk_[chunks_] = {memory_->allocate(bytes), bytes, 0};
    ++chunks_;
  }
  constexpr void release_chunks() {
    if constexpr (Memory::has_memory) {
      for (int i = 0; i < chunks_; ++i) memory_->release(chunk_[i].at);
      chunks_ = 0;
    }
  }

  Memory* memory_;
  Chunk chunk_[max_chunks] = {};
  int chunks_ = 0;
  Stretch free_[most_free + max_chunks] = {};  // in the order of their places
  int count_ = 0;
};

}  // namespace vitrail
