// The ops of DINO, MoCo v3 and BEiT with relative positions by CUDA's kernels, run on the host, against the Cpu's.
#include "same_as_cpu.hpp"
#include "vitrail/ops/attention.hpp"
#include "vitrail/ops/batch_norm.hpp"
#include "vitrail/ops/channels.hpp"
#include "vitrail/ops/collapse.hpp"
#include "vitrail/ops/distillation.hpp"
#include "vitrail/ops/info_nce.hpp"
#include "vitrail/ops/norm_linear.hpp"
#include "vitrail/ops/weight_norm.hpp"

namespace {

// What an op without gradient makes, on both.
template <class F>
void same_numbers(F f, double tolerance = 2e-6) {
  Cpu cpu(1);
  Card card(HostCudaConfig{.order = {.reverse = true}});
  const std::vector<float> wanted = f(cpu), found = f(card);
  CHECK(distance(found, wanted) < tolerance);
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("CUDA's kernels on the host: batch_norm in groups of rows, with statistics, gain and shift, and without") {
  for (const int batch : {1, 6, 77}) {
    CAPTURE(batch);
    same_as_cpu(
        batch, Inputs<Shape<dyn, 70>>{}, Parameters<Shape<70>, Shape<70>>{},
        [](auto x, auto& gain, auto& shift) {
          return batch_norm(x, GainAndShift<std::remove_cvref_t<decltype(gain)>>{gain, shift});
        },
        {}, 2e-5);
    same_as_cpu(
        batch, Inputs<Shape<dyn, 33>>{}, Parameters<>{}, [](auto x) { return batch_norm<3>(x, NoAffine{}); }, {}, 2e-5);
  }
  same_numbers(
      [](auto& device) {
        using D = std::remove_reference_t<decltype(device)>;
        Arena<D> memory(device);
        constexpr int d = 40;
        float* const latest = memory.template take<float>(2 * d);
        const auto x = noise<Shape<dyn, d>, float>(memory, 21, 1);
        const auto y = batch_norm<2>(x, NoAffine{}, latest, latest + d, {.keep = 0.7});
        Model<Bag<Shape<d>, Shape<d>, Shape<d>, Shape<d>>, D, float> model(device, Random(1));
        spread_weights(model, 0.2, 3);
        auto& [mean, variance, gain, shift] = model->all;
        for (int i = 0; i < d; ++i) static_cast<float*>(variance.value)[i] += 1;
        const auto z = normalize_channels(x, mean, variance, GainAndShift<std::remove_cvref_t<decltype(gain)>>{gain, shift});
        device.synchronise();
        std::vector<float> out(latest, latest + 2 * d);
        out.insert(out.end(), y.at, y.at + y.shape.size());
        out.insert(out.end(), z.at, z.at + z.shape.size());
        return out;
      },
      1e-5);
}
TEST_CASE("CUDA's kernels on the host: linear maps with weights of length one") {
  for (const int batch : {2, 65})
    same_as_cpu(batch, Inputs<Shape<dyn, 20>>{}, Parameters<Shape<45, 20>>{}, [](auto x, auto& w) { return weight_norm_linear(x, w); });
}
TEST_CASE("CUDA's kernels on the host: a teacher's soft targets, and what tells of a collapse") {
  constexpr int K = 300;
  same_as_cpu(
      6, Inputs<Shape<dyn, K>>{}, Parameters<Shape<K>>{},
      [](auto x, auto& centre) {
        constexpr DistillationViews views{.student = 3, .teacher = 2, .skip_same = true};
        static_assert(op::Distillation{1, 3, 2, K, true, 1, 1}.pairs_of_image() == 4);
        Arena<std::remove_reference_t<decltype(x.device())>>& memory = *x.value.arena;
        return distillation<views>(x, noise<Shape<dyn, K>, float>(memory, x.shape.leading() / 3 * 2, 77), centre,
                                   {.student = 0.3, .teacher = 0.2});
      },
      {}, 2e-5);
  same_as_cpu(
      4, Inputs<Shape<dyn, 33>>{}, Parameters<Shape<33>>{},
      [](auto x, auto& centre) { return distillation<DistillationViews{}>(x, detach(2.0 * x), centre, {}); }, {}, 2e-5);
  same_numbers([](auto& device) {
    using D = std::remove_reference_t<decltype(device)>;
    Arena<D> memory(device);
    Model<Bag<Shape<K>, Shape<K>>, D, float> model(device, Random(1));
    spread_weights(model, 0.5, 3);
    auto& [centre, latest] = model->all;
    const auto x = noise<Shape<dyn, K>, float>(memory, 13, 1);
    const auto found = teacher_statistics(x, centre, latest, 0.4);
    const auto spread = unit_variance(x);
    device.synchronise();
    std::vector<float> out{*found.entropy.at, *found.variance.at, *spread.at};
    const float* const mean = static_cast<const float*>(latest.value);
    out.insert(out.end(), mean, mean + K);
    return out;
  });
}
TEST_CASE("CUDA's kernels on the host: InfoNCE against a teacher's keys") {
  for (const int batch : {2, 22, 70})
    same_as_cpu(batch, Inputs<Shape<dyn, 35>>{}, Parameters<>{}, [](auto q) {
      Arena<std::remove_reference_t<decltype(q.device())>>& memory = *q.value.arena;
      return info_nce(q, noise<Shape<dyn, 35>, float>(memory, q.shape.leading(), 77), 0.3).loss;
    });
}
TEST_CASE("CUDA's kernels on the host: positions seen at another size, and biases of q and v alone") {
  same_as_cpu(5, Inputs<Shape<dyn, 9, 7>>{}, Parameters<Shape<49, 7>>{}, [](auto x, auto& table) { return add_resampled(x, table); });
  same_as_cpu(5, Inputs<Shape<dyn, 49, 7>>{}, Parameters<Shape<9, 7>>{}, [](auto x, auto& table) { return add_resampled(x, table, 0.1); });
  same_as_cpu(
      2, Inputs<Shape<dyn, 5>>{}, Parameters<Shape<5>, Shape<5>, Shape<111, 5>, Shape<37>, Shape<37>>{},
      [](auto x, auto& gain, auto& shift, auto& w, auto& q, auto& v) { return norm_linear(x, gain, shift, w, query_value_bias(x, q, v)); });
}
TEST_CASE("CUDA's kernels on the host: attention with a bias for every pair of tokens") {
  same_as_cpu(3, Inputs<Shape<dyn, 17, 6 * 10>>{}, Parameters<Shape<49 + 3, 2>>{},
              [](auto qkv, auto& table) { return attention<2>(qkv, relative_bias<4, 1>(qkv, table)); });
  same_as_cpu(1, Inputs<Shape<dyn, 145, 3 * 4>>{}, Parameters<Shape<529 + 3, 1>>{},
              [](auto qkv, auto& table) { return attention<1>(qkv, relative_bias<12, 1>(qkv, table)); }, {.shared_limit = 40000});
  same_as_cpu(
      2, Inputs<Shape<dyn, 64, 3 * 64>>{}, Parameters<Shape<225, 1>>{},
      [](auto qkv, auto& table) { return attention<1>(qkv, relative_bias<8, 0>(qkv, table)); }, {.precision = Precision::bf16}, 1e-2);
}

TEST_SUITE_END();
