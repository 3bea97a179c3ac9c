// Memory of one step: a bump allocator that gives everything back at once, and grows only while the step is new.
#pragma once
#include <cstddef>
#include <cstdint>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "../core/config.hpp"

namespace vitrail {

// Asks the system for pages of 2 MiB under a large block: kernels that walk through many rows then wait less for addresses. Without
// effect where the system does not know how.
inline void prefer_large_pages([[maybe_unused]] void* at, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr std::uintptr_t page = std::uintptr_t{2} << 20;
  const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(at) + page - 1) / page * page;
  const std::uintptr_t end = (reinterpret_cast<std::uintptr_t>(at) + bytes) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

// What an arena needs of a device, for the host.
struct HostMemory {
  static constexpr bool has_memory = true;
  void* allocate(std::size_t bytes) {
    void* const at = ::operator new (bytes, std::align_val_t{64});
    prefer_large_pages(at, bytes);
    return at;
  }
  void release(void* at) noexcept { ::operator delete (at, std::align_val_t{64}); }
};

// A device without memory (`Plan`) makes an arena that hands out null and only counts; that one works in constants.
template <class Memory>
class Arena {
 public:
  constexpr explicit Arena(Memory& memory) : memory_(&memory) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  constexpr ~Arena() { release_chunks(); }

  constexpr Memory& memory() const { return *memory_; }
  constexpr std::size_t used() const { return used_; }  // bytes, of the values taken since reset()
  constexpr std::size_t peak() const { return peak_; }  // bytes, the most that was ever in use
  constexpr int chunks() const { return chunks_; }
  constexpr std::size_t reserved() const { return reserved_; }

  constexpr void reset() { used_ = 0, current_ = 0, in_chunk_ = 0; }

  // One chunk of exactly this many bytes, if less is reserved. Only for an arena that holds nothing.
  constexpr void reserve(std::size_t bytes) {
    if constexpr (Memory::has_memory) {
      if (reserved_ >= bytes) return;
      release_chunks();
      reset();
      grow(bytes);
    }
  }

  // `count` values of type T, 64-byte aligned, uninitialised; null for a device without memory.
  template <class T>
  constexpr T* take(std::int64_t count) {
    const std::size_t bytes = padded(static_cast<std::size_t>(count) * sizeof(T));
    if constexpr (!Memory::has_memory) {
      add(bytes);
      return nullptr;
    } else {
      T* at = static_cast<T*>(place(bytes));
      if constexpr (requires { memory_->taken(at, count); }) memory_->taken(at, count);
      return at;
    }
  }
  static constexpr std::size_t padded(std::size_t bytes) { return (bytes + guard + 63) / 64 * 64; }

  // Everything taken after mark() can be given back by release(), last in, first out.
  struct Mark {
    std::size_t used, in_chunk;
    int current;
  };
  constexpr Mark mark() const { return {used_, in_chunk_, current_}; }
  constexpr void release(Mark m) { used_ = m.used, in_chunk_ = m.in_chunk, current_ = m.current; }

 private:
  struct Chunk {
    void* at = nullptr;
    std::size_t bytes = 0;
  };
  static constexpr std::size_t guard = [] {  // a checking device keeps a few bytes behind every block
    if constexpr (requires { Memory::guard_bytes; }) return Memory::guard_bytes;
    else return std::size_t{0};
  }();

  constexpr void add(std::size_t bytes) {
    used_ += bytes;
    if (used_ > peak_) peak_ = used_;
  }
  VITRAIL_NOINLINE void* place(std::size_t bytes) {  // every op of every shape calls this: one copy
    add(bytes);
    while (current_ < chunks_ && in_chunk_ + bytes > chunk_[current_].bytes) ++current_, in_chunk_ = 0;
    if (current_ == chunks_) grow(bytes);
    void* at = static_cast<std::byte*>(chunk_[current_].at) + in_chunk_;
    in_chunk_ += bytes;
    return at;
  }
  void grow(std::size_t bytes) {
    if (chunks_ == max_chunks) throw std::bad_alloc{};
    const std::size_t twice = chunks_ ? 2 * chunk_[chunks_ - 1].bytes : 0;
    const std::size_t size = bytes > twice ? bytes : twice;
    chunk_[chunks_] = {memory_->allocate(size), size};
    ++chunks_;
    reserved_ += size;
  }
  constexpr void release_chunks() {
    if constexpr (Memory::has_memory)
      for (int i = 0; i < chunks_; ++i) memory_->release(chunk_[i].at);
    chunks_ = 0, reserved_ = 0;
  }

  static constexpr int max_chunks = 48;  // each is at least twice the one before
  Memory* memory_;
  std::size_t used_ = 0, peak_ = 0, in_chunk_ = 0, reserved_ = 0;
  int chunks_ = 0, current_ = 0;
  Chunk chunk_[max_chunks] = {};
};

}  // namespace vitrail
