// Masks as runs: against pixels, and against pycocotools (tests/fixtures/make_coco.py).
#include "vitrail/io/coco_masks.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "../support/fixture.hpp"
#include "vitrail/core/random.hpp"

using namespace vitrail;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes random_pixels(Random& random, int width, int height) {
  Bytes pixels(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  const int one_in = 1 + random.below(4);
  for (auto& pixel : pixels) pixel = static_cast<std::uint8_t>(random.below(one_in) == 0 ? 1 : 0);
  return pixels;
}

struct PolygonCase {
  int width, height;
  std::vector<std::vector<double>> polygons;
  std::string runs;  // pycocotools' string
};

std::vector<PolygonCase> polygon_cases(const Fixture& fixture) {
  const auto sizes = fixture.load<int>("polygon.sizes").values, counts = fixture.load<int>("polygon.counts").values;
  const auto points = fixture.load("polygon.points").values;
  std::ifstream lines(std::filesystem::path(VITRAIL_FIXTURES) / "coco" / "polygons.txt");
  std::vector<PolygonCase> out;
  auto at = points.begin();
  for (std::size_t i = 0; 2 * i < sizes.size(); ++i) {
    PolygonCase one{sizes[2 * i], sizes[2 * i + 1], {}, ""};
    for (std::size_t j = 3 * i; j < 3 * i + 3; ++j) {
      if (counts[j] == 0) continue;
      one.polygons.emplace_back(at, at + 2 * counts[j]);
      at += 2 * counts[j];
    }
    REQUIRE(std::getline(lines, one.runs));
    out.push_back(one);
  }
  REQUIRE(at == points.end());
  return out;
}

RunLengthMask mask_of(const std::vector<std::string>& rows) {
  Bytes pixels;
  for (const std::string& row : rows)
    for (const char c : row) pixels.push_back(c == '#' ? 200 : 0);
  return encode_mask(pixels, static_cast<int>(rows[0].size()), static_cast<int>(rows.size()));
}

}  // namespace

TEST_CASE("runs count pixels column by column and begin with those that are off") {
  const RunLengthMask mask = mask_of({"#..", "##.", "..."});
  CHECK(mask.width == 3);
  CHECK(mask.height == 3);
  CHECK(mask.runs == std::vector<std::uint32_t>{0, 2, 2, 1, 4});
  CHECK(decode_mask(mask) == Bytes{1, 0, 0, 1, 1, 0, 0, 0, 0});
  CHECK(mask_area(mask) == 3);
  CHECK(mask_box(mask) == Box{0, 0, 2, 2});
  CHECK(compress_runs(mask) == "022O2");
}

TEST_CASE("masks of random pixels come back, with the area and the box of their pixels") {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    const int width = 1 + random.below(9), height = 1 + random.below(9);
    const Bytes pixels = random_pixels(random, width, height);
    const RunLengthMask mask = encode_mask(pixels, width, height);
    CHECK(decode_mask(mask) == pixels);
    CHECK(expand_runs(compress_runs(mask), width, height) == mask);
    Box box{static_cast<float>(width), static_cast<float>(height), 0, 0};
    std::int64_t area = 0;
    for (int i = 0; i < width * height; ++i) {
      if (pixels[static_cast<std::size_t>(i)] == 0) continue;
      const float x = static_cast<float>(i % width), y = static_cast<float>(i / width);
      box = {std::min(box.left, x), std::min(box.top, y), std::max(box.right, x + 1), std::max(box.bottom, y + 1)};
      ++area;
    }
    CHECK(mask_area(mask) == area);
    CHECK(mask_box(mask) == (area == 0 ? Box{} : box));
  }
}

TEST_CASE("overlap and union of masks are those of their pixels") {
  Random random(4);
  for (int round = 0; round < 200; ++round) {
    const int width = 1 + random.below(9), height = 1 + random.below(9);
    const Bytes a = random_pixels(random, width, height), b = random_pixels(random, width, height);
    const RunLengthMask found = encode_mask(a, width, height), truth = encode_mask(b, width, height);
    Bytes either(a.size());
    int common = 0, together = 0, own = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      either[i] = a[i] | b[i];
      common += a[i] & b[i], together += either[i], own += a[i];
    }
    CHECK(overlap(found, truth) == (common == 0 ? 0 : static_cast<double>(common) / together));
    CHECK(overlap(found, truth, true) == (common == 0 ? 0 : static_cast<double>(common) / own));
    CHECK(unite(found, truth) == encode_mask(either, width, height));
  }
}

TEST_CASE("polygons are filled as pycocotools fills them, to the pixel") {
  const Fixture fixture("coco");
  const auto cases = polygon_cases(fixture);
  const auto areas = fixture.load<std::int64_t>("polygon.areas").values;
  const auto boxes = fixture.load<float>("polygon.boxes").values;
  REQUIRE(cases.size() == areas.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(i);
    const RunLengthMask mask = fill_polygons(cases[i].polygons, cases[i].width, cases[i].height);
    CHECK(compress_runs(mask) == cases[i].runs);
    CHECK(expand_runs(cases[i].runs, cases[i].width, cases[i].height) == mask);
    CHECK(mask_area(mask) == areas[i]);
    const float* box = boxes.data() + 4 * i;
    CHECK(mask_box(mask) == Box{box[0], box[1], box[0] + box[2], box[1] + box[3]});
  }
}

TEST_CASE("pixels and overlaps of masks are pycocotools'") {
  const Fixture fixture("coco");
  const auto cases = polygon_cases(fixture);
  const auto pixels = fixture.load<std::uint8_t>("pixels");
  const auto plain = fixture.load("overlaps").values, crowd = fixture.load("overlaps.crowd").values;
  std::vector<RunLengthMask> masks;
  for (std::size_t i = 0; i < 12; ++i) masks.push_back(expand_runs(cases[i].runs, 40, 30));
  for (std::size_t i = 0; i < 3; ++i) {
    const auto begin = pixels.values.begin() + static_cast<std::ptrdiff_t>(1200 * i);
    CHECK(decode_mask(masks[i]) == Bytes(begin, begin + 1200));
  }
  for (std::size_t i = 0; i < 12; ++i)
    for (std::size_t j = 0; j < 12; ++j) {
      CHECK(overlap(masks[i], masks[j]) == plain[12 * i + j]);
      CHECK(overlap(masks[i], masks[j], true) == crowd[12 * i + j]);
    }
}

TEST_CASE("a polygon of whole pixels covers exactly these, in both directions") {
  const RunLengthMask wanted = mask_of({".....", ".###.", ".###.", "....."});
  CHECK(fill_polygons({{1, 1, 4, 1, 4, 3, 1, 3}}, 5, 4) == wanted);
  CHECK(fill_polygons({{1, 3, 4, 3, 4, 1, 1, 1}}, 5, 4) == wanted);
  CHECK(fill_polygons({{1, 1, 3, 1, 3, 3, 1, 3}, {2, 1, 4, 1, 4, 3, 2, 3}}, 5, 4) == wanted);
  CHECK(mask_area(fill_polygons({{-50, -50, 90, -50, 90, 90, -50, 90}}, 5, 4)) == 20);
  CHECK(mask_area(fill_polygons({}, 5, 4)) == 0);
}

TEST_CASE("masks that contradict themselves are refused in words") {
  CHECK_THROWS_WITH_AS(encode_mask(Bytes(5), 2, 3),
                       "mask: expected one byte for each of 2 x 3 pixels, found 5 bytes; give the picture's own width and height",
                       ShapeError);
  CHECK_THROWS_AS(encode_mask(Bytes{}, 0, 0), ShapeError);
  CHECK_THROWS_AS(decode_mask({2, 2, {1, 2}}), ShapeError);
  CHECK_THROWS_AS(decode_mask({2, 2, {0xFFFFFFFF, 5}}), ShapeError);
  CHECK_THROWS_AS(decode_mask({}), ShapeError);
  CHECK_THROWS_AS(overlap({2, 3, {6}}, {3, 2, {6}}), ShapeError);
  CHECK_THROWS_AS(unite({2, 3, {6}}, {3, 2, {6}}), ShapeError);
  CHECK_THROWS_AS(fill_polygons({{0, 0, 1, 1}}, 4, 4), ShapeError);
  CHECK_THROWS_AS(fill_polygons({{0, 0, 1, 1, 2, 0, 3}}, 4, 4), ShapeError);
  CHECK_THROWS_AS(fill_polygons({{0, 0, 1, 1, 1e300, 0}}, 4, 4), ShapeError);
  CHECK_THROWS_AS(fill_polygons({{0, 0, 1, 1, std::numeric_limits<double>::quiet_NaN(), 0}}, 4, 4), ShapeError);
  CHECK_THROWS_AS(fill_polygons({}, 0, 4), ShapeError);
}

TEST_CASE("damaged strings of runs are refused, whatever is in them") {
  const RunLengthMask mask = mask_of({"#..#", "##.#", "...#", "####"});
  const std::string whole = compress_runs(mask);
  CHECK(expand_runs(whole, 4, 4) == mask);
  CHECK_THROWS_AS(expand_runs(whole, 4, 5), ShapeError);
  CHECK_THROWS_AS(expand_runs(whole.substr(0, whole.size() - 1), 4, 4), ShapeError);
  CHECK_THROWS_AS(expand_runs("", 4, 4), ShapeError);
  CHECK_THROWS_AS(expand_runs("P", 4, 4), ShapeError);
  CHECK_THROWS_AS(expand_runs(" ", 4, 4), ShapeError);
  CHECK_THROWS_AS(expand_runs("O", 4, 4), ShapeError);
  CHECK_THROWS_AS(expand_runs(std::string(40, 'o'), 4, 4), ShapeError);
  CHECK_THROWS_AS(expand_runs("0", -4, 4), ShapeError);
  Random random(5);
  for (int round = 0; round < 2000; ++round) {
    std::string changed = whole;
    changed[static_cast<std::size_t>(random.below(static_cast<int>(changed.size())))] = static_cast<char>(random.below(256));
    try {
      const Bytes pixels = decode_mask(expand_runs(changed, 4, 4));
      REQUIRE(pixels.size() == 16);
    } catch (const ShapeError&) {
    }
  }
}
