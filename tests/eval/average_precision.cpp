// Average precision: its laws, an example computed by hand, and pycocotools' figures (tests/fixtures/make_coco.py).
#include "vitrail/eval/average_precision.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "../support/fixture.hpp"
#include "vitrail/io/coco_masks.hpp"
#include "vitrail/core/random.hpp"

using namespace vitrail;

namespace {

Object object(int label, Box box, bool crowd = false) { return {label, box, {}, crowd, 0}; }
Detection detection(int label, float score, Box box) { return {label, score, box, {}}; }

DetectionScores scores_of(int classes, const std::vector<Object>& truth, const std::vector<Detection>& found) {
  AveragePrecision figures(classes, Overlap::boxes);
  figures.add({200, 200, truth}, found);
  return figures.scores();
}

// The mask of a box of whole pixels.
RunLengthMask filled(const Box& box, int width = 200, int height = 200) {
  const double left = box.left, top = box.top, right = box.right, bottom = box.bottom;
  return fill_polygons({{left, top, right, top, right, bottom, left, bottom}}, width, height);
}

std::vector<Objects> random_truth(Random& random, int images) {
  std::vector<Objects> out;
  for (int i = 0; i < images; ++i) {
    Objects one{200, 200, {}};
    for (int j = random.below(6); j >= 0; --j) {
      const int size = 8 + random.below(150), x = random.below(200 - size), y = random.below(200 - size);
      const Box box{static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + size), static_cast<float>(y + size)};
      one.all.push_back({random.below(3), box, filled(box), false, 0});
    }
    out.push_back(one);
  }
  return out;
}

}  // namespace

TEST_CASE("what is there, found exactly, scores 1 in every figure") {
  for (const Overlap kind : {Overlap::boxes, Overlap::masks}) {
    Random random(1);
    AveragePrecision figures(4, kind);
    for (const Objects& truth : random_truth(random, 40)) {
      std::vector<Detection> found;
      for (const Object& one : truth.all) found.push_back({one.label, static_cast<float>(random.uniform(0, 1)), one.box, one.mask});
      figures.add(truth, found);
    }
    const DetectionScores scores = figures.scores();
    for (const double figure : {scores.ap, scores.ap50, scores.ap75, scores.ap_small, scores.ap_medium, scores.ap_large, scores.ar10,
                                scores.ar100, scores.ar_small, scores.ar_medium, scores.ar_large, scores.by_class[0], scores.by_class[2]})
      CHECK(figure == doctest::Approx(1));
    CHECK(scores.ar1 < 1);
    CHECK(std::isnan(scores.by_class[3]));  // no such object
  }
}

TEST_CASE("who finds nothing scores 0, and where nothing is to be found there is no score") {
  const DetectionScores none = scores_of(2, {object(1, {0, 0, 10, 10})}, {});
  CHECK(none.ap == 0);
  CHECK(none.ar100 == 0);
  CHECK(none.ap_small == 0);
  CHECK(std::isnan(none.ap_large));
  CHECK(std::isnan(none.by_class[0]));
  CHECK(none.by_class[1] == 0);
  const DetectionScores empty = scores_of(2, {}, {detection(0, 0.5f, {0, 0, 10, 10})});
  CHECK(std::isnan(empty.ap));
  CHECK(std::isnan(empty.ar1));
  CHECK(std::isnan(AveragePrecision(1, Overlap::masks).scores().ap50));
}

TEST_CASE("the second detection of an object is wrong, and one of another class too") {
  const Box here{0, 0, 10, 10}, there{50, 50, 60, 60};
  const std::vector<Object> truth = {object(0, here), object(0, there)};
  const double once = scores_of(1, truth, {detection(0, 0.9f, here), detection(0, 0.7f, there)}).ap;
  const double twice = scores_of(1, truth, {detection(0, 0.9f, here), detection(0, 0.8f, here), detection(0, 0.7f, there)}).ap;
  CHECK(once == doctest::Approx(1));
  CHECK(twice == doctest::Approx((51 + 50 * 2.0 / 3) / 101));  // right, wrong, right
  CHECK(scores_of(2, {object(0, here)}, {detection(1, 0.9f, here)}).ap == 0);
}

TEST_CASE("a wrong detection below all right ones costs nothing") {
  const Box here{0, 0, 10, 10};
  CHECK(scores_of(1, {object(0, here)}, {detection(0, 0.9f, here), detection(0, 0.1f, {90, 90, 99, 99})}).ap == doctest::Approx(1));
  CHECK(scores_of(1, {object(0, here)}, {detection(0, 0.1f, here), detection(0, 0.9f, {90, 90, 99, 99})}).ap == doctest::Approx(0.5));
}

TEST_CASE("detections within a crowd are neither right nor wrong, however many") {
  const Box here{0, 0, 10, 10}, crowd{100, 100, 180, 180}, within{110, 110, 130, 130}, beside{150, 150, 190, 190};
  const std::vector<Object> truth = {object(0, crowd, true), object(0, here)};
  const std::vector<Detection> found = {detection(0, 0.9f, within), detection(0, 0.8f, within), detection(0, 0.5f, here)};
  CHECK(scores_of(1, truth, found).ap == doctest::Approx(1));
  CHECK(scores_of(1, {truth[1]}, found).ap == doctest::Approx(1.0 / 3));
  // 900 of 1600 pixels of a detection lie in the crowd: at .50 and .55 it does not count, from .60 on it is wrong.
  const DetectionScores half = scores_of(1, truth, {detection(0, 0.9f, beside), detection(0, 0.5f, here)});
  CHECK(half.ap == doctest::Approx((2 * 1 + 8 * 0.5) / 10));
  CHECK(std::isnan(scores_of(1, {truth[0]}, found).ap));  // a crowd is nothing to find
}

TEST_CASE("an object is preferred to the crowd around it") {
  const Box here{100, 100, 140, 140}, off{104, 100, 144, 140}, crowd{50, 50, 190, 190};
  const DetectionScores scores = scores_of(1, {object(0, crowd, true), object(0, here)}, {detection(0, 0.9f, off)});
  CHECK(scores.ap50 == doctest::Approx(1));  // though all of it lies in the crowd, and only 9 / 11 overlap the object
  CHECK(scores.ar100 == doctest::Approx(0.7));
}

TEST_CASE("sizes: objects and detections of other sizes do not count") {
  const Box small{0, 0, 32, 32}, medium{60, 60, 100, 100}, large{100, 100, 199, 199};
  const std::vector<Object> truth = {object(0, small), object(0, medium), object(0, large)};
  const DetectionScores scores =
      scores_of(1, truth, {detection(0, 0.9f, small), detection(0, 0.8f, {0, 150, 5, 155}), detection(0, 0.7f, large)});
  CHECK(scores.ap_small == doctest::Approx(1));
  CHECK(scores.ap_medium == doctest::Approx(51.0 / 101));  // 32 x 32 is small and medium: 2 objects, 1 found
  CHECK(scores.ap_large == doctest::Approx(1));
  CHECK(scores.ar_medium == doctest::Approx(0.5));
  CHECK(scores.ap == doctest::Approx((34 + 33 * 2.0 / 3) / 101));
  Object told = object(0, small);
  told.area = 5000;  // as in COCO's files, where it is the mask's
  CHECK(std::isnan(scores_of(1, {told}, {}).ap_small));
  CHECK(scores_of(1, {told}, {}).ap_medium == 0);
}

TEST_CASE("an example computed by hand") {
  // Three objects; right, wrong, and one that overlaps by .6: right at .50, .55 and .60, that is at a recall of 2/3 with a precision of
  // 2/3.
  AveragePrecision figures(1, Overlap::boxes);
  figures.add({200, 200, {object(0, {0, 0, 10, 10}), object(0, {20, 0, 30, 10})}},
              {detection(0, 0.8f, {50, 50, 60, 60}), detection(0, 0.9f, {0, 0, 10, 10})});
  figures.add({200, 200, {object(0, {0, 0, 10, 10})}}, {detection(0, 0.7f, {0, 0, 10, 6})});
  const DetectionScores scores = figures.scores();
  CHECK(scores.ap50 == doctest::Approx(56.0 / 101));  // recalls 0 to .33 at precision 1, .34 to .66 at 2/3
  CHECK(scores.ap75 == doctest::Approx(34.0 / 101));
  CHECK(scores.ap == doctest::Approx((3 * 56.0 + 7 * 34.0) / 1010));
  CHECK(scores.ap_small == scores.ap);
  CHECK(scores.ar100 == doctest::Approx((3 * 2.0 + 7 * 1.0) / 30));
  CHECK(scores.ar1 == doctest::Approx(scores.ar100));
}

TEST_CASE("each detection takes the free object that it overlaps most") {
  const Box a{0, 0, 40, 40}, b{10, 0, 50, 40};
  // The first overlaps a by 32/48 and b by 38/42; the second a by 36/44, and b by more than .50 too, but that is taken.
  const DetectionScores scores =
      scores_of(1, {object(0, a), object(0, b)}, {detection(0, 0.9f, {8, 0, 48, 40}), detection(0, 0.8f, {4, 0, 44, 40})});
  CHECK(scores.ap50 == doctest::Approx(1));
  CHECK(scores.ar100 == doctest::Approx((7 * 1 + 2 * 0.5) / 10));  // both to .80, the first to .90
}

TEST_CASE("at most 100 detections of a class in an image count") {
  const Box here{0, 0, 10, 10};
  std::vector<Detection> found(100, detection(0, 0.9f, {50, 50, 60, 60}));
  found[0].score = 0.95f;
  found.push_back(detection(0, 0.8f, here));
  CHECK(scores_of(2, {object(0, here)}, found).ap == 0);
  found[99].label = 1;
  CHECK(scores_of(2, {object(0, here)}, found).ap == doctest::Approx(0.01));
}

TEST_CASE("what cannot be compared is refused, and leaves the figures as they were") {
  AveragePrecision boxes(2, Overlap::boxes), masks(2, Overlap::masks);
  const Box box{0, 0, 10, 10};
  const Object good{0, box, filled(box), false, 0};
  const Detection found{0, 1, box, filled(box)};
  for (const int label : {-1, 2}) {
    CHECK_THROWS_AS(boxes.add({200, 200, {good, object(label, box)}}, {}), ShapeError);
    CHECK_THROWS_AS(boxes.add({200, 200, {good}}, {detection(label, 1, box)}), ShapeError);
  }
  CHECK_THROWS_AS(boxes.add({200, 200, {good}}, {detection(0, std::numeric_limits<float>::quiet_NaN(), box)}), NumericError);
  CHECK_THROWS_WITH_AS(
      masks.add({200, 200, {good}}, {detection(0, 1, box)}),
      "average precision: expected masks of the picture's 200 x 200 pixels, found a detection without one; compare boxes, or "
      "give every object and detection a mask of that size",
      ShapeError);
  CHECK_THROWS_AS(masks.add({200, 200, {object(0, box)}}, {found}), ShapeError);
  CHECK_THROWS_AS(masks.add({200, 100, {good}}, {found}), ShapeError);
  CHECK_THROWS_AS(masks.add({200, 200, {good}}, {{0, 1, box, {200, 200, {100, 5}}}}), ShapeError);
  CHECK(std::isnan(boxes.scores().ap));
  CHECK(std::isnan(masks.scores().ap));
  CHECK_THROWS_AS(AveragePrecision(0, Overlap::boxes), ConfigError);
}

TEST_CASE("random detections score as pycocotools says, with boxes and with masks") {
  const Fixture fixture("coco");
  const auto truth = fixture.load("truth"), found = fixture.load("found");
  std::ifstream lines(std::filesystem::path(VITRAIL_FIXTURES) / "coco" / "masks.txt");
  std::vector<Objects> images(30, Objects{160, 130, {}});
  std::vector<std::vector<Detection>> detections(images.size());
  const auto next_mask = [&] {
    std::string line;
    REQUIRE(std::getline(lines, line));
    return expand_runs(line, 160, 130);
  };
  const auto box_at = [](const double* row) {
    return Box{static_cast<float>(row[0]), static_cast<float>(row[1]), static_cast<float>(row[2]), static_cast<float>(row[3])};
  };
  for (const double* row = truth.values.data(); row != truth.values.data() + truth.values.size(); row += 8)
    images[static_cast<std::size_t>(row[0])].all.push_back({static_cast<int>(row[1]), box_at(row + 2), next_mask(), row[6] > 0, row[7]});
  for (const double* row = found.values.data(); row != found.values.data() + found.values.size(); row += 7)
    detections[static_cast<std::size_t>(row[0])].push_back(
        {static_cast<int>(row[1]), static_cast<float>(row[2]), box_at(row + 3), next_mask()});
  for (const Overlap kind : {Overlap::boxes, Overlap::masks}) {
    AveragePrecision figures(5, kind);
    for (std::size_t i = 0; i < images.size(); ++i) figures.add(images[i], detections[i]);
    const DetectionScores own = figures.scores();
    const double stats[] = {own.ap,  own.ap50, own.ap75,  own.ap_small, own.ap_medium, own.ap_large,
                            own.ar1, own.ar10, own.ar100, own.ar_small, own.ar_medium, own.ar_large};
    const std::string name = kind == Overlap::boxes ? "bbox" : "segm";
    const auto wanted = fixture.load(name + ".stats").values, of_class = fixture.load(name + ".classes").values;
    for (std::size_t i = 0; i < 12; ++i) CHECK(stats[i] == doctest::Approx(wanted[i]).epsilon(1e-9));
    REQUIRE(own.by_class.size() == 5);
    for (std::size_t i = 0; i < 4; ++i) CHECK(own.by_class[i] == doctest::Approx(of_class[i]).epsilon(1e-9));
    CHECK(of_class[4] == -1);
    CHECK(std::isnan(own.by_class[4]));
  }
}
