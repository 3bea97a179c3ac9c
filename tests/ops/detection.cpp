// Operations of detectors: gradients, torchvision's RoIAlign, and the rules by which anchors and regions are chosen.
#include "vitrail/ops/detection.hpp"

#include <numeric>

#include "support/detection.hpp"
#include "support/ops.hpp"
#include "support/reference.hpp"
#include "vitrail/ops/regions.hpp"
#include "vitrail/ops/tokens.hpp"

using namespace vitrail;

namespace {

// Two objects of a view of 32 pixels, and places for two more.
struct Truth {
  Bench<double> bench{};
  ObjectLists<4, 32> lists{bench.sampler.indices<4>(2), bench.sampler.indices<16>(2), bench.sampler.indices<4 * 32>(2)};

  Truth() {
    for (int b = 0; b < 2; ++b)
      for (int i = 0; i < 4; ++i) {
        lists.label.row(b)[i] = b == 0 && i < 2 ? i : -1;
        const int corners[2][4] = {{4 * 64, 4 * 64, 20 * 64, 20 * 64}, {15 * 64, 10 * 64, 31 * 64, 18 * 64}};
        for (int k = 0; k < 4; ++k) lists.corners.row(b)[4 * i + k] = b == 0 && i < 2 ? corners[i][k] : 0;
      }
    std::fill_n(lists.mask.at, lists.mask.shape.size(), 0);
  }
  Var<Shape<dyn, 1>, Cpu, double> like() { return bench.tape.input(bench.random<dyn, 1>(2)); }
};

constexpr AnchorGrid small_grid{.image = 32, .side = {8, 4, 2, 1, 1}, .step = {4, 8, 16, 32, 64}, .scale = 4};

}  // namespace

TEST_SUITE_BEGIN("ops");

TEST_CASE("gradients of planes, tokens and pyramids") {
  Bench<double> bench;
  for (const int batch : {1, 3, 0}) {
    check_op([](const auto& x) { return planes_of_tokens<2, 3>(x); }, bench.random<dyn, 6, 5>(batch));
    check_op([](const auto& x) { return planes_of_tokens<2, 2, 1>(x); }, bench.random<dyn, 6, 19>(batch));
    check_op([](const auto& x) { return tokens_of_planes(x); }, bench.random<dyn, 3, 4, 5>(batch));
    check_op([](const auto& x, const auto& s) { return add_upsampled(x, s); }, bench.random<dyn, 3, 4, 6>(batch), bench.random<dyn, 3, 2, 3>(batch, 2));
  }
}
TEST_CASE("planes of tokens and tokens of planes undo each other") {
  Bench<float> bench;
  const auto x = bench.random<dyn, 12, 21>(3);
  CHECK(apart(numbers(tokens_of_planes(planes_of_tokens<3, 4>(x))), numbers(x)) == 0);
  const auto planes = planes_of_tokens<3, 4>(x);
  CHECK(planes.at[(1 * 21 + 5) * 12 + 7] == x.at[(1 * 12 + 7) * 21 + 5]);
}
TEST_CASE("gradients of a choice that another op has made") {
  Bench<double> bench;
  const auto drawn = bench.indices<2>(3, 5, false);
  const Tensor<Shape<dyn, 2>, Cpu, int> index{drawn.at, &bench.memory, drawn.shape};
  check_op([&](const auto& x) { return gather(x, index); }, bench.random<dyn, 5, 4>(3));
}
TEST_CASE("gradients of regions that are cut out of four levels") {
  Bench<double> bench;
  using Boxes = Shape<dyn, 4, 4>;
  const auto boxes = make_tensor<Boxes, double>(bench.memory, Boxes(2));
  const double corners[] = {1.3, 2.1, 13.7, 9.9, -3, -2, 130, 120, 5, 5, 5, 5, 4, 8, 62, 66, 0, 0, 32, 32, 20.2, 11.7, 31.9, 33, 8, 8, 9, 30, 2, 3, 64, 70};
  std::copy_n(corners, 32, boxes.at);
  for (int l = 0; l < 3; ++l) {  // each of the first levels is asked
    const RoiLevels levels{.side = {16, 8, 4, 2}, .step = {2, 4, 8, 16}};
    bool asked = false;
    for (int i = 0; i < 8; ++i) asked = asked || levels.level_of(box_at(boxes.at + 4 * i)) == l;
    CHECK(asked);
  }
  check_op([&](const auto& a, const auto& b, const auto& c, const auto& d) { return roi_align<3, 2>(a, b, c, d, boxes); },
           bench.random<dyn, 1, 16, 16>(2), bench.random<dyn, 1, 8, 8>(2, 2), bench.random<dyn, 1, 4, 4>(2, 3), bench.random<dyn, 1, 2, 2>(2, 4));
}
TEST_CASE("every channel of a region is cut alike") {
  Bench<float> bench;
  using Boxes = Shape<dyn, 2, 4>;
  const auto boxes = make_tensor<Boxes, float>(bench.memory, Boxes(1));
  const float corners[] = {1, 2, 14, 10, 3, 3, 30, 29};
  std::copy_n(corners, 8, boxes.at);
  const auto alike = [&]<int Side>(std::integral_constant<int, Side>) {  // 35 channels of the same numbers
    auto x = bench.random<dyn, 35, Side, Side>(1);
    for (int c = 1; c < 35; ++c) std::copy_n(x.at, Side * Side, x.at + c * Side * Side);
    return x;
  };
  const auto a = alike(std::integral_constant<int, 16>{});
  const auto b = alike(std::integral_constant<int, 8>{});
  const auto c = alike(std::integral_constant<int, 4>{});
  const auto d = alike(std::integral_constant<int, 2>{});
  const auto y = roi_align<7, 2>(a, b, c, d, boxes);  // (2, 35, 7, 7)
  for (int region = 0; region < 2; ++region)
    for (int i = 0; i < 35 * 49; ++i) CHECK(y.at[region * 35 * 49 + i] == y.at[region * 35 * 49 + i % 49]);
}
TEST_CASE_TEMPLATE("regions are torchvision's", T, double, float) {
  Bench<T> bench;
  const Fixture fixture("mask_rcnn");
  const auto x = load_tensor<Shape<dyn, 3, 9, 9>, T>(bench.memory, fixture, "roi.x");
  const auto boxes = load_tensor<Shape<dyn, 4, 4>, T>(bench.memory, fixture, "roi.boxes");
  // All of them in one level: the others are not asked.
  const op::RoiAlign op{2, 3, 4, 5, {.side = {9, 9, 9, 9}, .step = {4, 4, 4, 4}}};
  const auto y = make_tensor<Shape<dyn, 3, 5, 5>, T>(bench.memory, Shape<dyn, 3, 5, 5>(8));
  const T* const map = x.at;
  const T* const at = boxes.at;
  run(op, y, map, map, map, map, at);
  const double tolerance = sizeof(T) == 8 ? 1e-12 : 1e-5;
  CHECK(relative_error(y.at, fixture.load("roi.y").values) < tolerance);
  const auto dy = load_tensor<Shape<dyn, 3, 5, 5>, T>(bench.memory, fixture, "roi.grad.y");
  const auto dx = make_tensor<Shape<dyn, 3, 9, 9>, T>(bench.memory, Shape<dyn, 3, 9, 9>(2));
  std::fill_n(dx.at, dx.shape.size(), T(0));
  const Sink<T> to{dx.at, Write::add, dx.shape.size()};
  kernel_backward(bench.device, op, to, to, to, to, static_cast<const T*>(dy.at), at);
  CHECK(relative_error(dx.at, fixture.load("roi.grad.x").values) < tolerance);
}
TEST_CASE("boxes are described by others and back") {
  const BoxOf<double> from{3, 5, 17, 11}, to{-2, 6.5, 30, 8};
  const auto delta = BoxDelta<double>::between(from, to);
  const auto back = delta.applied_to(from);
  CHECK(back.left == doctest::Approx(to.left));
  CHECK(back.bottom == doctest::Approx(to.bottom));
  CHECK(overlap(from, from) == 1);
  CHECK(overlap(BoxOf<double>{0, 0, 2, 2}, BoxOf<double>{1, 1, 3, 3}) == doctest::Approx(1.0 / 7));
  CHECK(overlap(BoxOf<double>{0, 0, 1, 1}, BoxOf<double>{1, 0, 2, 1}) == 0);
  CHECK(overlap(BoxOf<double>{}, BoxOf<double>{}) == 0);
  CHECK(BoxDelta<double>{0, 0, 100, 100}.applied_to({0, 0, 1, 1}).width() == doctest::Approx(62.5));
}
TEST_CASE("anchors are counted in the order of a convolution's output") {
  const AnchorGrid& grid = small_grid;
  CHECK(grid.count() == 3 * (64 + 16 + 4 + 1 + 1));
  int next = 0;
  std::vector<bool> met(static_cast<std::size_t>(4 * grid.count()));
  for (int level = 0; level < 5; ++level)
    for (int shape = 0; shape < 3; ++shape)
      for (int cell = 0; cell < grid.cells(level); ++cell, ++next) {
        const auto at = grid.place(next);
        CHECK((at.level == level && at.shape == shape && at.cell == cell));
        for (int k = 0; k < 4; ++k) met[static_cast<std::size_t>(grid.delta(at, k))] = true;
        const auto box = grid.box<double>(at);
        CHECK(box.area() == doctest::Approx(16.0 * grid.step[level] * grid.step[level]));
        CHECK(box.height() / box.width() == doctest::Approx(shape == 0 ? 0.5 : shape));
        CHECK((box.left + box.right) / 2 == doctest::Approx(cell % grid.side[level] * grid.step[level]));
      }
  CHECK(std::all_of(met.begin(), met.end(), [](bool b) { return b; }));
}
TEST_CASE("every object has an anchor, weights sum to one, and no more count than asked for") {
  Truth truth;
  for (const int sample : {256, 8, 3}) {
    CAPTURE(sample);
    const auto targets = assign_anchors<small_grid.count()>(truth.like(), small_grid, truth.lists, {.sample = sample});
    double weight = 0;
    int with = 0, count = 0;
    for (std::int64_t i = 0; i < targets.target.shape.size(); ++i) {
      weight += targets.weight.at[i];
      count += targets.weight.at[i] > 0, with += targets.target.at[i] > 0;
      if (targets.target.at[i] > 0) CHECK(targets.weight.at[i] > 0);
      if (i >= small_grid.count()) CHECK(targets.target.at[i] == 0);  // nothing is to be seen in the second image
    }
    CHECK(weight == doctest::Approx(1));
    CHECK(count <= 2 * sample);
    CHECK(with <= sample / 2);
    CHECK(with > 0);
    double described = 0;
    for (std::int64_t i = 0; i < targets.delta_weight.shape.size(); ++i) described += targets.delta_weight.at[i];
    CHECK(described == doctest::Approx(4.0 * with / count));
  }
}
TEST_CASE("proposals are the best boxes of each level that overlap no better one") {
  Bench<double> bench;
  constexpr int A = small_grid.count();
  auto scores = bench.random<dyn, A>(2, 5);
  auto deltas = bench.random<dyn, 4 * A>(2, 6);
  for (std::int64_t i = 0; i < deltas.shape.size(); ++i) deltas.at[i] *= 0.3;
  scores.at[7] = scores.at[8] = 9;  // equals: the first is first
  const auto boxes = propose<25>(scores, deltas, small_grid, {.per_level = 20, .overlap = 0.5});
  const auto box = [&](int b, int i) { return box_at(boxes.at + (b * 25 + i) * 4); };
  const auto decoded = [&](int b, int anchor) {
    const auto at = small_grid.place(anchor);
    const double* const d = deltas.at + b * 4 * A;
    return BoxDelta<double>{d[small_grid.delta(at, 0)], d[small_grid.delta(at, 1)], d[small_grid.delta(at, 2)], d[small_grid.delta(at, 3)]}
        .applied_to(small_grid.box<double>(at))
        .clipped(32, 32);
  };
  CHECK(box(0, 0) == decoded(0, 7));
  for (int b = 0; b < 2; ++b) {
    std::vector<int> order(A), kept;
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int x, int y) { return scores.at[b * A + x] > scores.at[b * A + y]; });
    int asked[5] = {};
    for (const int anchor : order) {
      const int level = small_grid.place(anchor).level;
      if (asked[level]++ >= 20 || decoded(b, anchor).area() <= 0) continue;
      const bool hidden = std::any_of(kept.begin(), kept.end(), [&](int better) {
        return small_grid.place(better).level == level && overlap(decoded(b, better), decoded(b, anchor)) > 0.5;
      });
      if (!hidden) kept.push_back(anchor);
    }
    REQUIRE(kept.size() > 10);
    for (std::size_t i = 0; i < 25; ++i) {
      CAPTURE(i);
      CHECK(box(b, static_cast<int>(i)) == (i < kept.size() ? decoded(b, kept[i]) : BoxOf<double>{}));
    }
  }
}
TEST_CASE("regions: a quarter may hold objects, the rest holds none, and too few are taken again") {
  Truth truth;
  const auto proposed = make_tensor<Shape<dyn, 6, 4>, double>(truth.bench.memory, Shape<dyn, 6, 4>(2));
  const double boxes[6][4] = {{4, 4, 20, 20}, {5, 4, 20, 19}, {15, 10, 31, 17}, {0, 24, 8, 32}, {0, 0, 0, 0}, {22, 22, 32, 32}};
  for (int b = 0; b < 2; ++b) std::copy_n(boxes[0], 24, proposed.at + 24 * b);
  const auto regions = sample_regions<16, 2>(truth.like(), proposed, truth.lists);
  for (int r = 0; r < 16; ++r) {
    CAPTURE(r);
    const auto box = box_at(regions.boxes.at + 4 * r);
    CHECK((regions.label.at[r] < 2) == (r < 4));
    if (r < 4) {
      const auto object = box_of_corners<double>(truth.lists.corners.row(0) + 4 * regions.object.at[r]);
      CHECK(overlap(box, object) >= 0.5);
      CHECK(regions.label.at[r] == regions.object.at[r]);
      CHECK(regions.delta_weight.at[4 * r] == doctest::Approx(1.0 / 32));
      CHECK(regions.delta.at[4 * r + 2] == doctest::Approx(5 * std::log(object.width() / box.width())));
    } else {
      CHECK(box.left != 4);
      CHECK(box.area() > 0);
      CHECK(regions.delta_weight.at[4 * r] == 0);
    }
    CHECK(regions.label.at[16 + r] == 2);  // nothing is to be seen in the second image
  }
  // Nothing to see and nothing proposed: the whole picture holds nothing.
  std::fill_n(proposed.at, 48, 0.0);
  const auto none = sample_regions<16, 2>(truth.like(), proposed, truth.lists);
  CHECK(box_at(none.boxes.at + 4 * 16) == BoxOf<double>{0, 0, 32, 32});
  CHECK(none.label.at[16] == 2);
  CHECK(none.label.at[0] < 2);
}
TEST_CASE("masks are learned where objects are held") {
  Truth truth;
  for (int y = 4; y < 20; ++y)
    for (int x = 4; x < 12; ++x) truth.lists.mask.row(0)[y] |= 1 << x;  // the left half of the first object
  RegionTargets<Cpu, double, 4> regions{};
  const auto room = [&]<class S, class N>(S, N) { return make_tensor<S, N>(truth.bench.memory, S(2)); };
  regions.boxes = room(Shape<dyn, 4, 4>{}, 0.0), regions.label = room(Shape<dyn, 4>{}, 0), regions.object = room(Shape<dyn, 4>{}, 0);
  const double box[] = {4, 4, 20, 20};
  for (int i = 0; i < 8; ++i) std::copy_n(box, 4, regions.boxes.at + 4 * i), regions.label.at[i] = i == 0 ? 1 : 2, regions.object.at[i] = 0;
  const auto masks = mask_targets<2, 4, 2>(regions, truth.lists);
  for (int i = 0; i < 16; ++i) {
    CHECK(masks.target.at[i] == (i % 4 < 2));
    CHECK(masks.weight.at[i] == doctest::Approx(1.0 / 16));
    for (int other = 1; other < 4; ++other) CHECK(masks.weight.at[16 * other + i] == 0);
  }
  CHECK(masks.own.at[0] == 1);
  CHECK(masks.own.at[1] == 0);
}

TEST_SUITE_END();
