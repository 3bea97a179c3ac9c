// The ops on images of DALL-E's encoder by CUDA's kernels, run on the host, against the Cpu's.
#include "vitrail/ops/planes.hpp"

#include "same_as_cpu.hpp"
#include "vitrail/ops/conv2d.hpp"

TEST_SUITE_BEGIN("cuda");

TEST_CASE("CUDA's kernels on the host: convolutions, of all images at once and of some") {
  for (const std::int64_t room : {std::int64_t{1} << 25, std::int64_t{2500}}) {
    const HostCudaConfig config{.scores_at_once = room};
    same_as_cpu(
        5, Inputs<Shape<dyn, 3, 7, 9>>{}, Parameters<Shape<5, 3, 3, 3>, Shape<5>>{},
        [](auto x, auto& w, auto& b) { return conv2d<1, 1>(x, w, b); }, config);
    same_as_cpu(
        5, Inputs<Shape<dyn, 2, 11, 13>>{}, Parameters<Shape<3, 2, 7, 5>, Shape<3>>{},
        [](auto x, auto& w, auto& b) { return conv2d<2, 3>(x, w, b); }, config);
    same_as_cpu(
        5, Inputs<Shape<dyn, 5, 4, 4>>{}, Parameters<Shape<3, 5, 1, 1>, Shape<3>>{},
        [](auto x, auto& w, auto& b) { return conv2d<1, 0>(x, w, b); }, config);
    same_as_cpu(
        5, Inputs<Shape<dyn, 4, 3, 5>>{}, Parameters<Shape<4, 3, 3, 3>, Shape<3>>{},
        [](auto x, auto& w, auto& b) { return conv_transpose2d<2, 1>(x, w, b); }, config);
    same_as_cpu(
        5, Inputs<Shape<dyn, 4, 3, 5>>{}, Parameters<Shape<4, 3, 1, 1>, Shape<3>>{},
        [](auto x, auto& w, auto& b) { return conv_transpose2d<1, 0>(x, w, b); }, config);
  }
}
TEST_CASE("CUDA's kernels on the host: max pooling and resizing") {
  same_as_cpu(3, Inputs<Shape<dyn, 2, 9, 7>>{}, Parameters<>{}, [](auto x) { return max_pool2d<3, 2, 1>(x); });
  same_as_cpu(3, Inputs<Shape<dyn, 2, 8, 6>>{}, Parameters<>{}, [](auto x) { return max_pool2d<2, 2, 0>(x); });
  same_as_cpu(3, Inputs<Shape<dyn, 2, 9, 7>>{}, Parameters<>{}, [](auto x) { return resize<4, 11>(x); });
  same_as_cpu(3, Inputs<Shape<dyn, 1, 5, 6>>{}, Parameters<>{}, [](auto x) { return resize<8, 3>(x, {.kind = Interpolation::lanczos}); });
}
TEST_CASE("CUDA's kernels on the host: maps of channels, and the largest") {
  const auto f = [](auto& device) {
    Arena<std::remove_reference_t<decltype(device)>> memory(device);
    const auto x = noise<Shape<dyn, 3, 5, 7>, float>(memory, 4, 1);
    const auto y = affine_planes(x, std::array{0.5, 2.0, -1.0}, std::array{0.1, 0.0, 0.3}, -0.8, 0.9);
    const auto ids = largest_plane(x);
    device.synchronise();
    std::vector<float> out(y.at, y.at + y.shape.size());
    out.insert(out.end(), ids.at, ids.at + ids.shape.size());
    return out;
  };
  Cpu cpu(1);
  Card card;
  CHECK(distance(f(card), f(cpu)) < 1e-6);
}

TEST_SUITE_END();
