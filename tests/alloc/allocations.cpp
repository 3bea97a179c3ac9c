// After its first step, training allocates nothing. A program of its own, because it replaces the C library's allocation:
// whatever the library, Eigen or the standard library ask for is counted. Needs glibc; not for sanitizers, which do the same.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "support/models.hpp"
#include "vitrail/objectives/dino.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/objectives/supervised.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/train/adamw.hpp"

namespace {
std::atomic<long> allocations{0};
std::atomic<bool> counting{false};
void note() {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}
}  // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t bytes) { return note(), __libc_malloc(bytes); }
void* calloc(std::size_t count, std::size_t bytes) { return note(), __libc_calloc(count, bytes); }
void* realloc(void* at, std::size_t bytes) { return note(), __libc_realloc(at, bytes); }
void* aligned_alloc(std::size_t alignment, std::size_t bytes) { return note(), __libc_memalign(alignment, bytes); }
int posix_memalign(void** at, std::size_t alignment, std::size_t bytes) {
  note();
  *at = __libc_memalign(alignment, bytes);
  return *at == nullptr ? ENOMEM : 0;
}
}

using namespace vitrail;

namespace {

template <ViTConfig C>
using Pretext = SplitMask<ViT<C>, BlockSplit<C.grid(), 50>, RandomProjection<C, 1024>>;
constexpr ViTConfig small{.image = 32, .patch = 4, .dim = 48, .depth = 3, .heads = 3, .drop_path_percent = 10};
constexpr ViTConfig wide{.image = 32, .patch = 4, .dim = 384, .depth = 1, .heads = 6, .mlp_ratio = 2};  // products beyond one cache
using Narrow = Pretext<small>;
using Wide = Pretext<wide>;
using Classifier = Supervised<ViT<small>, 10>;
using Distilled = Dino<ViT<small>, DinoConfig{.local = 16, .locals = 2, .hidden = 64, .bottleneck = 32, .prototypes = 512}>;

// Allocations during steps on batches of these sizes, after one step on the largest.
template <class Objective>
long allocations_of(std::initializer_list<int> batches, int threads) {
  Trial<Objective> trial(1, threads);
  AdamW optimizer{trial.model};
  const auto step = [&](int batch, std::uint64_t number_of_step) {
    trial.run(batch, number_of_step);
    optimizer.step(1e-3);
  };
  step(8, 0);
  allocations = 0;
  counting = true;
  std::uint64_t number_of_step = 1;
  for (const int batch : batches) step(batch, number_of_step++);
  counting = false;
  return allocations;
}

}  // namespace

TEST_CASE("the counter counts") {
  allocations = 0;
  counting = true;
  void* volatile plain = std::malloc(10);
  auto* volatile object = new int(3);
  void* volatile aligned = ::operator new (100, std::align_val_t{64});
  counting = false;
  CHECK(allocations == 3);
  std::free(plain);
  delete object;
  ::operator delete (aligned, std::align_val_t{64});
}

TEST_CASE_TEMPLATE("twenty steps of changing batches allocate nothing", Objective, Narrow, Classifier) {
  for (const int threads : {1, 2}) {
    CAPTURE(threads);
    CHECK(allocations_of<Objective>({8, 3, 1, 8, 8, 3, 1, 8, 8, 3, 1, 8, 8, 3, 1, 8, 8, 3, 1, 8}, threads) == 0);
  }
}

TEST_CASE("neither do wide models, whose products need working memory") {
  for (const int threads : {1, 2}) {
    CAPTURE(threads);
    CHECK(allocations_of<Wide>({8, 3, 8}, threads) == 0);
  }
}

TEST_CASE("nor does a student of a teacher") { CHECK(allocations_of<Distilled>({8, 3, 8}, 2) == 0); }

TEST_CASE("evaluation allocates nothing either") {
  Cpu cpu(1);
  Model<ViT<small>, Cpu> model{cpu, Random{1}};
  Arena<Cpu> arena{cpu};
  const auto images = noise<ViT<small>::images_shape, float>(arena, 8, 1);
  const auto mark = arena.mark();
  (*model)(images);
  arena.release(mark);
  allocations = 0;
  counting = true;
  for (const int batch : {8, 3, 1, 8}) {
    using Images = ViT<small>::images_shape;
    (*model)(Tensor<Images, Cpu, float>{images.at, &arena, Images(batch)});
    arena.release(mark);
  }
  counting = false;
  CHECK(allocations == 0);
}
