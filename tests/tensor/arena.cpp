// Arenas: aligned, apart from each other, and the same memory again after reset().
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "vitrail/backends/plan.hpp"
#include "vitrail/tensor/arena.hpp"
#include "vitrail/tensor/tensor.hpp"

using namespace vitrail;

namespace {

struct CountingMemory : HostMemory {
  int allocations = 0, releases = 0;
  std::size_t largest = 0;
  void* allocate(std::size_t bytes) {
    ++allocations;
    largest = bytes > largest ? bytes : largest;
    return HostMemory::allocate(bytes);
  }
  void release(void* at) noexcept {
    ++releases;
    HostMemory::release(at);
  }
};

}  // namespace

TEST_SUITE_BEGIN("tensor");

TEST_CASE("blocks of an arena are aligned to 64 bytes and do not overlap") {
  HostMemory memory;
  Arena<HostMemory> arena(memory);
  std::vector<std::pair<unsigned char*, std::int64_t>> blocks;
  for (std::int64_t size : {1, 63, 64, 65, 1000, 7, 100000, 3}) {
    unsigned char* at = arena.take<unsigned char>(size);
    CHECK(reinterpret_cast<std::uintptr_t>(at) % 64 == 0);
    std::memset(at, static_cast<int>(blocks.size()), static_cast<std::size_t>(size));
    blocks.emplace_back(at, size);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i)
    for (std::int64_t j = 0; j < blocks[i].second; ++j) REQUIRE(blocks[i].first[j] == i);
}
TEST_CASE("an arena grows while it is new; a second round like the first allocates nothing and gets the same places") {
  CountingMemory memory;
  Arena<CountingMemory> arena(memory);
  const auto round = [&] {
    std::vector<void*> places;
    arena.reset();
    for (std::int64_t i = 1; i < 200; ++i) places.push_back(arena.take<float>(i * 37 % 1000));
    return places;
  };
  const auto first = round();
  const int allocations = memory.allocations;
  const std::size_t peak = arena.peak(), used = arena.used();
  CHECK(allocations == arena.chunks());
  CHECK(allocations < 20);  // every chunk is at least twice the one before
  CHECK(round() == first);
  CHECK(memory.allocations == allocations);
  CHECK(arena.peak() == peak);
  CHECK(arena.used() == used);
  CHECK(used <= arena.reserved());
}
TEST_CASE("what was reserved is one chunk, and enough for exactly that much") {
  CountingMemory memory;
  {
    Arena<CountingMemory> arena(memory);
    arena.take<float>(10);
    arena.take<float>(1000);
    arena.reset();
    const std::size_t need = 3 * Arena<CountingMemory>::padded(5000 * sizeof(float));
    arena.reserve(need);
    CHECK(arena.chunks() == 1);
    CHECK(arena.reserved() == need);
    const int allocations = memory.allocations;
    for (int i = 0; i < 3; ++i) arena.take<float>(5000);
    CHECK(memory.allocations == allocations);
    CHECK(arena.used() == need);
    arena.take<float>(1);
    CHECK(memory.allocations == allocations + 1);
    arena.reset();
    arena.reserve(need);  // there already
    CHECK(memory.allocations == allocations + 1);
  }
  CHECK(memory.allocations == memory.releases);
}
TEST_CASE("what was taken after a mark is given back; the rest stays") {
  HostMemory memory;
  Arena<HostMemory> arena(memory);
  int* const kept = arena.take<int>(100);
  kept[99] = 7;
  const auto mark = arena.mark();
  const std::size_t used = arena.used();
  int* const first = arena.take<int>(50);
  arena.take<int>(5000);
  arena.release(mark);
  CHECK(arena.used() == used);
  int* const again = arena.take<int>(50);
  CHECK(again == first);
  CHECK(kept[99] == 7);
  CHECK(arena.peak() > arena.used());
}
TEST_CASE("an arena without memory counts the same bytes, in the compiler as well") {
  constexpr auto count = [](auto& memory) {
    Arena<std::remove_reference_t<decltype(memory)>> arena(memory);
    arena.template take<float>(100);
    const auto mark = arena.mark();
    arena.template take<double>(33);
    arena.release(mark);
    arena.template take<char>(1);
    return std::pair{arena.used(), arena.peak()};
  };
  constexpr auto planned = [&] {
    Plan plan;
    return count(plan);
  }();
  HostMemory host;
  CHECK(count(host) == planned);
  static_assert(planned.first == 448 + 64 && planned.second == 448 + 320);
}
TEST_CASE("an empty tensor and a scalar have places") {
  HostMemory memory;
  Arena<HostMemory> arena(memory);
  const auto none = make_tensor<Shape<dyn, 3>, float>(arena, Shape<dyn, 3>(0));
  const auto one = make_tensor<Shape<>, float>(arena);
  *one.at = 3;
  CHECK(none.shape.size() == 0);
  CHECK(one.shape.size() == 1);
}

TEST_SUITE_END();
