// Ranks on CUDA's kernels, which the host runs: a step of two ranks is that of one machine with the whole batch.
#include <doctest/doctest.h>

#include <cmath>

#include "support/host_kernels.hpp"
#include "vitrail/backends/parallel.hpp"
#include "vitrail/backends/threads.hpp"
#include "vitrail/io/textured_shapes.hpp"
#include "vitrail/objectives/splitmask.hpp"
#include "vitrail/tokenizers/random_projection.hpp"
#include "vitrail/train/fit.hpp"

using namespace vitrail;

namespace {
constexpr ViTConfig micro{.image = 8, .patch = 2, .dim = 16, .depth = 1, .heads = 1, .drop_path_percent = 30};
using Pretext = SplitMask<ViT<micro>, BlockSplit<micro.grid(), 50>, RandomProjection<micro, 16>>;

template <class T, class D> std::vector<float> trained(D& device) {
  const TexturedShapes shapes({.count = 8, .size = 8});
  Model<Pretext, D, T> model{device, Random{1}};
  AdamW optimizer{model, {.eps = 1e-2}};  // so that a gradient which is zero but for rounding moves nothing
  LoaderConfig views{.batch = 4, .size = 8};
  views.part = part_of(device);
  BatchLoader loader(shapes, views);
  fit(model, optimizer, CosineSchedule{.peak = 1e-2, .steps = 2}, loader, {.steps = 2});
  device.synchronise();
  return {model.values(), model.values() + model.size()};
}
// The largest difference between what one machine and two ranks have learned.
template <class T> double difference_of_ranks(bool graphs) {
  HostCuda device;
  const std::vector<float> alone = trained<T>(device);
  std::vector<float> ranked[2];
  run_ranks(2, [&](Threads::Rank& rank) {
    Parallel<HostCuda, Threads::Rank> own(rank, HostCudaConfig{.graphs = graphs});
    ranked[rank.rank()] = trained<T>(own);
  });
  CHECK(ranked[0] == ranked[1]);
  double worst = 0;
  for (std::size_t i = 0; i < alone.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(alone[i]) - ranked[0][i]));
  return worst;
}
}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("two ranks on CUDA's kernels take the steps of one") {
  CHECK(difference_of_ranks<float>(false) < 1e-5);
  CHECK(difference_of_ranks<float>(true) < 1e-5);
  CHECK(difference_of_ranks<bfloat16>(true) < 2e-3);
}

TEST_SUITE_END();
