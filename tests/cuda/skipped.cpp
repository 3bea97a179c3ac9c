// What wants no gradient gets none from CUDA's kernels, and what else the same op gives is right: ops with several sinks, one side at
// a time, against the Cpu. And what InfoNCE counts without gradient.
#include "same_as_cpu.hpp"
#include "vitrail/ops/attention.hpp"
#include "vitrail/ops/batch_norm.hpp"
#include "vitrail/ops/conv2d.hpp"
#include "vitrail/ops/info_nce.hpp"
#include "vitrail/ops/weight_norm.hpp"

namespace {

// Numbers on the tape of `like` that want no gradient.
template <class S, class X>
auto constant(const X& like, std::uint64_t seed = 77) {
  return like.tape->input(noise<S, scalar_of<X>>(*like.value.arena, like.shape.leading(), seed));
}
template <class P>
P frozen(P parameter) {
  parameter.trained = false;
  return parameter;
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("CUDA's kernels on the host: images and rows that want no gradient, under parameters that do") {
  using Row = Shape<dyn, 33>;
  using Image = Shape<dyn, 3, 7, 9>;
  same_as_cpu(9, Inputs<Row>{}, Parameters<Shape<33>, Shape<33>>{}, [](auto x, auto& gain, auto& shift) {
    return batch_norm(constant<Row>(x), GainAndShift<std::remove_cvref_t<decltype(gain)>>{gain, shift}) + x;
  }, {}, 2e-5);
  same_as_cpu(9, Inputs<Row>{}, Parameters<Shape<33, 33>>{}, [](auto x, auto& w) { return weight_norm_linear(constant<Row>(x), w) + x; });
  same_as_cpu(4, Inputs<Image>{}, Parameters<Shape<3, 3, 3, 3>, Shape<3>>{},
              [](auto x, auto& w, auto& b) { return conv2d<1, 1>(constant<Image>(x), w, b) + x; });
  same_as_cpu(4, Inputs<Image>{}, Parameters<Shape<3, 3, 3, 3>, Shape<3>>{},
              [](auto x, auto& w, auto& b) { return conv_transpose2d<1, 1>(constant<Image>(x), w, b) + x; });
}
TEST_CASE("CUDA's kernels on the host: frozen parameters, under rows and images that want a gradient") {
  same_as_cpu(9, Inputs<Shape<dyn, 33>>{}, Parameters<Shape<33>, Shape<33>>{}, [](auto x, auto& gain, auto& shift) {
    return batch_norm(x, GainAndShift<std::remove_cvref_t<decltype(gain)>>{frozen(gain), shift});
  }, {}, 2e-5);
  same_as_cpu(9, Inputs<Shape<dyn, 20>>{}, Parameters<Shape<45, 20>>{}, [](auto x, auto& w) { return weight_norm_linear(x, frozen(w)); });
  same_as_cpu(4, Inputs<Shape<dyn, 3, 7, 9>>{}, Parameters<Shape<5, 3, 3, 3>, Shape<5>>{},
              [](auto x, auto& w, auto& b) { return conv2d<2, 1>(x, frozen(w), b); });
}
TEST_CASE("CUDA's kernels on the host: a bias of attention that is learned over fixed tokens, and one that is fixed") {
  same_as_cpu(3, Inputs<Shape<dyn, 17, 20>>{}, Parameters<Shape<49 + 3, 2>>{}, [](auto x, auto& table) {
    return attention<2>(constant<Shape<dyn, 17, 60>>(x), relative_bias<4, 1>(x, table)) + x;
  });
  same_as_cpu(3, Inputs<Shape<dyn, 17, 60>>{}, Parameters<>{}, [](auto qkv) {
    return attention<2>(qkv, noise<Shape<2, 17, 17>, scalar_of<decltype(qkv)>>(*qkv.value.arena, 0, 77));
  });
}
TEST_CASE("CUDA's kernels on the host: how many rows InfoNCE finds, against a teacher's keys") {
  const auto share = [](auto& device) {
    Arena<std::remove_reference_t<decltype(device)>> memory(device);
    Tape<std::remove_reference_t<decltype(device)>> tape(device);
    const auto q = noise<Shape<dyn, 4>, float>(memory, 22, 1), k = noise<Shape<dyn, 4>, float>(memory, 22, 2);
    for (int i = 0; i < 22 * 4; ++i) k.at[i] += 2 * q.at[(i / 4 ^ 1) * 4 + i % 4];  // some pairs are near, some are not
    return number(info_nce(tape.input(q), k, 0.3).accuracy);
  };
  Cpu cpu(1);
  Card card;
  const double wanted = share(cpu);
  CHECK(wanted > 0.1);
  CHECK(wanted < 0.95);
  CHECK(std::abs(share(card) - wanted) < 1e-6);  // one row more or less would be 1 / 22
}

TEST_SUITE_END();
