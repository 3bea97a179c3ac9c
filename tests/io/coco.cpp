// COCO's files: what is read from them, what is refused, and what is written.
#include "../../include/vitrail/io/coco.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "../../include/vitrail/io/coco_masks.hpp"
#include "../support/fixture.hpp"
#include "make_files.hpp"

using namespace vitrail;
using namespace testing;
using Json = nlohmann::json;

namespace {

Bytes text_bytes(const std::string& text) { return Bytes(text.begin(), text.end()); }

// Three pictures, the annotations ahead of the categories as in COCO's own files, ids with gaps and in no order.
Json small_set() {
  return Json::parse(R"({
    "info": {"year": 2017, "contributors": [{"name": "none"}]}, "licenses": [{"id": 1, "name": "any"}],
    "images": [
      {"id": 90, "file_name": "c.png", "width": 12, "height": 20},
      {"id": 7, "file_name": "sub/a.jpg", "width": 24, "height": 16, "license": 1},
      {"id": 8, "file_name": "b.png", "width": 12, "height": 20}],
    "annotations": [
      {"id": 501, "image_id": 7, "category_id": 18, "bbox": [2, 3, 4.5, 6.25], "iscrowd": 0, "area": 17.5,
       "segmentation": [[2, 3, 6, 3, 6, 9, 2, 9], [10, 10, 14, 10, 14, 14, 10, 14]]},
      {"id": 502, "image_id": 90, "category_id": 3, "bbox": [0, 0, 12, 20], "iscrowd": 1, "area": 100,
       "segmentation": {"size": [20, 12], "counts": [40, 100, 100]}},
      {"id": 503, "image_id": 7, "category_id": 3, "bbox": [10.5, 0, 10, 10],
       "segmentation": {"size": [16, 24], "counts": "`22<4`8"}},
      {"id": 504, "image_id": 7, "category_id": 44, "bbox": [1, 1, 0, 3], "segmentation": []}],
    "categories": [
      {"id": 44, "name": "bottle", "supercategory": "kitchen"}, {"id": 3, "name": "car"}, {"id": 18, "name": "dog"}]})");
}

struct Folder : TempFolder {
  Folder() {
    put("images/sub/a.jpg", make_jpeg(slopes(24, 16, 3)));
    for (const char* file : {"images/b.png", "images/c.png"}) put(file, encode_png(slopes(12, 20, 1)));
  }
  std::filesystem::path put_json(const Json& json) const { return put("annotations.json", text_bytes(json.dump())); }
  CocoImages open(const Json& json, CocoPictures taken = CocoPictures::all) const { return {put_json(json), path / "images", taken}; }
};

void check_same(const Objects& a, const Objects& b) {
  CHECK(a.width == b.width);
  CHECK(a.height == b.height);
  REQUIRE(a.all.size() == b.all.size());
  for (std::size_t i = 0; i < a.all.size(); ++i) {
    CHECK(a.all[i].label == b.all[i].label);
    CHECK(a.all[i].box == b.all[i].box);
    CHECK(a.all[i].mask == b.all[i].mask);
    CHECK(a.all[i].crowd == b.all[i].crowd);
    CHECK(object_area(a.all[i]) == object_area(b.all[i]));
  }
}

// Pictures and objects that a test gives.
class GivenObjects final : public ObjectSet {
 public:
  int size() const override { return static_cast<int>(images.size()); }
  Image image(int index, int = 0) const override { return images[static_cast<std::size_t>(index)]; }
  int label(int) const override { return -1; }
  const std::vector<std::string>& classes() const override { return names; }
  std::string name(int index) const override { return "given #" + std::to_string(index); }
  Objects objects(int index) const override { return all[static_cast<std::size_t>(index)]; }

  std::vector<Image> images{};
  std::vector<Objects> all{};
  std::vector<std::string> names{"round \"ones\"", "squares"};
};

GivenObjects random_objects(int count) {
  GivenObjects out;
  Random random(2);
  for (int i = 0; i < count; ++i) {
    const int width = 20 + random.below(30), height = 20 + random.below(30);
    out.images.push_back(noise(width, height, i % 2 == 0 ? 3 : 1, static_cast<std::uint64_t>(i)));
    Objects objects{width, height, {}};
    for (int j = random.below(4); j > 0; --j) {
      Object one{random.below(2), {}, {}, random.below(5) == 0, random.below(2) * 12.5};
      const double x = random.uniform(-2, width), y = random.uniform(-2, height), side = random.uniform(1, 30);
      one.box = {static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + side), static_cast<float>(y + side)};
      if (random.below(3) > 0) one.mask = fill_polygons({{x, y, x + side, y, x, y + side}}, width, height);
      objects.all.push_back(one);
    }
    out.all.push_back(objects);
  }
  return out;
}

}  // namespace

TEST_CASE("pictures come in the order of their ids, labels count the categories in the order of theirs") {
  const Folder folder;
  const CocoImages set = folder.open(small_set());
  REQUIRE(set.size() == 3);
  CHECK(set.classes() == std::vector<std::string>{"car", "dog", "bottle"});
  CHECK(set.category_id(2) == 44);
  CHECK(set.image_id(0) == 7);
  CHECK(set.image_id(2) == 90);
  CHECK(set.name(0) == (folder.path / "images" / "sub/a.jpg").string());
  CHECK(set.label(0) == 0);   // 100 pixels of box; the dog has an area of 17.5
  CHECK(set.label(1) == -1);  // nothing
  CHECK(set.label(2) == -1);  // a crowd
  CHECK(set.image(0).width == 24);
  CHECK(set.image(0, 8).height == 8);
  CHECK(set.image(2).channels == 1);
  CHECK(set.objects(1).all.empty());
  CHECK(set.objects(1).height == 20);
  CHECK_THROWS_AS(set.image(3), ShapeError);
  CHECK_THROWS_AS(set.objects(-1), ShapeError);
  CHECK_THROWS_AS(set.category_id(3), ShapeError);
}

TEST_CASE("objects have their boxes, areas and masks of polygons, listed runs and compressed runs") {
  const Folder folder;
  const CocoImages set = folder.open(small_set());
  const Objects first = set.objects(0), last = set.objects(2);
  CHECK(first.width == 24);
  REQUIRE(first.all.size() == 3);
  CHECK(first.all[0].label == 1);
  CHECK(first.all[0].box == Box{2, 3, 6.5f, 9.25f});
  CHECK(first.all[0].area == 17.5);
  CHECK(first.all[0].mask == fill_polygons({{2, 3, 6, 3, 6, 9, 2, 9}, {10, 10, 14, 10, 14, 14, 10, 14}}, 24, 16));
  CHECK(mask_area(first.all[0].mask) == 4 * 6 + 4 * 4);
  CHECK(first.all[1].label == 0);
  CHECK(first.all[1].area == 0);
  CHECK(first.all[1].mask.runs == std::vector<std::uint32_t>{80, 2, 12, 6, 284});
  CHECK(first.all[2].mask.empty());
  CHECK(first.all[2].box == Box{1, 1, 1, 4});
  REQUIRE(last.all.size() == 1);
  CHECK(last.all[0].crowd);
  CHECK(last.all[0].mask == RunLengthMask{12, 20, {40, 100, 100}});
}

TEST_CASE("for training, only pictures with an object that is no crowd are taken") {
  const Folder folder;
  const CocoImages set = folder.open(small_set(), CocoPictures::with_objects);
  REQUIRE(set.size() == 1);
  CHECK(set.image_id(0) == 7);
  CHECK(set.objects(0).all.size() == 3);
  CHECK(set.classes().size() == 3);
  Json without = small_set();
  without["annotations"] = Json::array();
  CHECK(folder.open(without).size() == 3);
  CHECK(has(refusal([&] { folder.open(without, CocoPictures::with_objects); }), "has no image with an object that is no crowd"));
}

TEST_CASE("polygons in a file become pycocotools' masks") {
  const Fixture fixture("coco");
  const auto sizes = fixture.load<int>("polygon.sizes").values, counts = fixture.load<int>("polygon.counts").values;
  const auto points = fixture.load("polygon.points").values;
  std::ifstream lines(std::filesystem::path(VITRAIL_FIXTURES) / "coco" / "polygons.txt");
  Json json = {{"images", Json::array()}, {"annotations", Json::array()}, {"categories", {{{"id", 1}, {"name", "polygon"}}}}};
  std::vector<std::string> wanted;
  const TempFolder folder;
  std::size_t at = 0;
  for (std::size_t i = 0; 2 * i < sizes.size(); ++i) {
    Json polygons = Json::array();
    for (std::size_t j = 3 * i; j < 3 * i + 3; ++j) {
      const std::size_t end = at + 2 * static_cast<std::size_t>(counts[j]);
      if (end > at)
        polygons.push_back(
            std::vector<double>(points.begin() + static_cast<std::ptrdiff_t>(at), points.begin() + static_cast<std::ptrdiff_t>(end)));
      at = end;
    }
    const std::string file = std::to_string(i) + ".png";
    folder.put(file, {});
    json["images"].push_back({{"id", i}, {"file_name", file}, {"width", sizes[2 * i]}, {"height", sizes[2 * i + 1]}});
    json["annotations"].push_back({{"id", i + 1}, {"image_id", i}, {"category_id", 1}, {"bbox", {0, 0, 1, 1}}, {"segmentation", polygons}});
    REQUIRE(std::getline(lines, wanted.emplace_back()));
  }
  const CocoImages set(folder.put("annotations.json", text_bytes(json.dump())), folder.path);
  REQUIRE(set.size() == static_cast<int>(wanted.size()));
  for (int i = 0; i < set.size(); ++i) CHECK(compress_runs(set.objects(i).all.at(0).mask) == wanted[static_cast<std::size_t>(i)]);
}

TEST_CASE("a set that is written is read back") {
  const TempFolder temp;
  const GivenObjects given = random_objects(12);
  write_coco(temp.path / "new" / "set", given);
  const CocoImages set(temp.path / "new/set/annotations.json", temp.path / "new/set/images");
  REQUIRE(set.size() == 12);
  CHECK(set.classes() == given.names);
  CHECK(set.image_id(11) == 12);
  CHECK(set.category_id(1) == 2);
  for (int i = 0; i < 12; ++i) {
    check_same(set.objects(i), given.objects(i));
    CHECK(distance(set.image(i), given.image(i)) == 0);
  }
  write_coco(temp.path / "again", set);
  const CocoImages again(temp.path / "again/annotations.json", temp.path / "again/images");
  for (int i = 0; i < 12; ++i) check_same(again.objects(i), given.objects(i));
}

TEST_CASE("sets that contradict themselves are not written") {
  const TempFolder temp;
  const auto refused = [&](const auto& change) {
    GivenObjects given = random_objects(3);
    given.all[1] = {given.images[1].width, given.images[1].height, {Object{}}};
    change(given);
    CHECK_THROWS_AS(write_coco(temp.path, given), ShapeError);
    CHECK_FALSE(std::filesystem::exists(temp.path / "annotations.json"));
  };
  refused([](GivenObjects& given) { given.all[1].width += 1; });
  refused([](GivenObjects& given) { given.all[1].all[0].label = 2; });
  refused([](GivenObjects& given) { given.all[1].all[0].label = -1; });
  refused([](GivenObjects& given) { given.all[1].all[0].mask = {2, 2, {4}}; });
  refused([](GivenObjects& given) { given.all[1].all[0].mask = {given.all[1].width, given.all[1].height, {4}}; });
  temp.put("file", {1});
  CHECK(has(refusal([&] { write_coco(temp.path / "file", random_objects(1)); }), "cannot create"));
}

TEST_CASE("results are written with the ids of the set") {
  const Folder folder;
  const CocoImages set = folder.open(small_set());
  const RunLengthMask mask = fill_polygons({{1, 1, 5, 1, 5, 9}}, 24, 16);
  std::vector<std::vector<Detection>> found(3);
  found[0] = {{1, 0.25f, {1, 2, 3.5f, 4.75f}, mask}, {2, 0.5f, {0, 0, 24, 16}, {}}};
  found[2] = {{0, 0.75f, {0, 0, 1, 1}, {}}};
  const auto path = folder.path / "results.json";
  write_coco_results(path, set, found);
  const Json json = Json::parse(read_text(path));
  REQUIRE(json.size() == 3);
  CHECK(json[0] == Json({{"image_id", 7},
                         {"category_id", 18},
                         {"bbox", {1.0, 2.0, 2.5, 2.75}},
                         {"score", 0.25},
                         {"segmentation", {{"size", {16, 24}}, {"counts", compress_runs(mask)}}}}));
  CHECK(json[1]["category_id"] == 44);
  CHECK_FALSE(json[1].contains("segmentation"));
  CHECK(json[2]["image_id"] == 90);
  write_coco_results(path, set, std::vector<std::vector<Detection>>(3));
  CHECK(Json::parse(read_text(path)) == Json::array());
  found[1] = {{3, 0.5f, {}, {}}};
  CHECK_THROWS_AS(write_coco_results(path, set, found), ShapeError);
  found.pop_back();
  CHECK_THROWS_AS(write_coco_results(path, set, found), ShapeError);
  CHECK(has(refusal([&] { write_coco_results(folder.path / "none" / "results.json", set, std::vector<std::vector<Detection>>(3)); }),
            "cannot write"));
}

TEST_CASE("annotation files that lie are refused in words") {
  const Folder folder;
  // Refuses with the words and the file's name, once the value at `place` is another (null: once it is gone).
  const auto refused = [&](const std::string& place, const Json& value, const std::string& words) {
    Json json = small_set();
    const Json::json_pointer at(place);
    if (!value.is_null()) json[at] = value;
    else if (json[at.parent_pointer()].is_object()) json[at.parent_pointer()].erase(at.back());
    const std::string message = refusal([&] { folder.open(json); });
    CHECK_MESSAGE(has(message, words), place << ": " << message);
    CHECK(has(message, "annotations.json"));
    CHECK(std::count(message.begin(), message.end(), '\n') == 0);
  };
  for (const char* key : {"image_id", "category_id", "bbox"})
    refused(std::string("/annotations/2/") + key, nullptr, std::string("annotation 503 has no ") + key);
  refused("/annotations/2/id", nullptr, "annotation number 3 has no id");
  refused("/images/1/id", nullptr, "image number 2 has no id");
  for (const char* key : {"file_name", "width", "height"})
    refused(std::string("/images/1/") + key, nullptr, std::string("image 7 has no ") + key);
  refused("/categories/0/name", nullptr, "category 44 has no name");
  for (const char* key : {"images", "annotations", "categories"}) {
    refused(std::string("/") + key, nullptr, std::string("has no list of ") + key);
    refused(std::string("/") + key, {{"0", {{"id", 1}}}}, "");
    refused(std::string("/") + key, {1, 2}, std::string("has no list of ") + key);
  }
  refused("/images", Json::array(), "the image_id 7, which is not among the images");
  refused("/annotations/0/image_id", 9, "annotation 501 has the image_id 9, which is not among the images");
  refused("/annotations/0/image_id", "7", "annotation 501 has the image_id \"7\", expected a whole number");
  refused("/annotations/0/category_id", 1, "annotation 501 has the category_id 1, which is not among the categories");
  refused("/annotations/0/bbox", {1, 2, 3}, "annotation 501 has the bbox [1,2,3], expected four numbers");
  refused("/annotations/0/bbox", {1, 2, 3, "4"}, "expected four numbers");
  refused("/annotations/0/bbox", 5, "expected four numbers");
  refused("/annotations/0/bbox", {1, 2, -3, 4}, "negative");
  refused("/annotations/0/bbox", {1, 2, 1e300, 4}, "far outside");
  refused("/annotations/0/area", "big", "the area \"big\", expected a number");
  refused("/annotations/0/iscrowd", "no", "the iscrowd \"no\", expected 0 or 1");
  refused("/annotations/0/segmentation", "none", "expected polygons or runs");
  refused("/annotations/0/segmentation/1", {1, 2, 3, 4},
          "annotation 501 has a polygon of 4 numbers, expected x and y of at least 3 points");
  refused("/annotations/0/segmentation/1", {1, 2, 3, 4, 5, 6, 7}, "a polygon of 7 numbers");
  refused("/annotations/0/segmentation/1", 5, "the polygon 5, expected a list of numbers");
  refused("/annotations/0/segmentation/1/2", 1e99, "far outside");
  refused("/annotations/1/segmentation/size", nullptr, "annotation 502 (segmentation) has no size");
  refused("/annotations/1/segmentation/counts", nullptr, "annotation 502 (segmentation) has no counts");
  refused("/annotations/1/segmentation/size", {20, 12.5}, "expected two whole numbers: height, width");
  refused("/annotations/1/segmentation/size", {0, 12}, "annotation 502 (segmentation) says it has 12 x 0 pixels");
  refused("/annotations/1/segmentation/size", {1000000, 1000000}, "the limit is");
  refused("/annotations/1/segmentation/size", {12, 20}, "annotation 502 has a mask of 20 x 12 pixels for an image of 12 x 20");
  refused("/annotations/1/segmentation/counts", {40, 100, 99}, "annotation 502: mask: expected runs that fill 12 x 20 pixels, found 239");
  refused("/annotations/1/segmentation/counts", {40, -100, 300}, "the run -100, expected a number of pixels");
  refused("/annotations/1/segmentation/counts", {{"a", 1}}, "expected text or a list of numbers");
  refused("/annotations/2/segmentation/counts", "`22<4`", "annotation 503: mask: expected COCO's string");
  refused("/annotations/2/segmentation/counts", "`22<4", "found 100 pixels");
  refused("/images/1/width", 0, "image 7 says it has 0 x 16 pixels");
  refused("/images/1/width", 2.5, "the width 2.5, expected a whole number");
  refused("/images/1/file_name", 7, "image 7 has the file_name 7, expected text");
  refused("/images/1/file_name", "none.jpg", "image 7 should be");
  refused("/images/1/id", 8, "image 8 has an id that occurs twice");
  refused("/categories/1/id", 18, "category 18 has an id that occurs twice");
}

TEST_CASE("what is no annotation file is refused in words") {
  const Folder folder;
  const auto refused = [&](const std::string& text, const char* words) {
    const auto path = folder.put("annotations.json", text_bytes(text));
    const std::string message = refusal([&] { CocoImages(path, folder.path / "images"); });
    CHECK_MESSAGE(has(message, words), message);
    CHECK(has(message, path.string()));
  };
  refused("", "is not valid JSON");
  refused("[{\"image_id\": 7, \"category_id\": 18, \"bbox\": [1, 2, 3, 4], \"score\": 1}]", "is it one of results or captions?");
  refused("17", "has no list of images");
  refused("{}", "has no list of images");
  const std::string whole = small_set().dump();
  for (std::size_t length = 1; length < whole.size(); length += 7) refused(whole.substr(0, length), "is not valid JSON");
  refused("{\"images\": [], \"annotations\": [], \"categories\": []}", "has no image; give another file");
  CHECK(has(refusal([&] { CocoImages(folder.path / "none.json", folder.path); }), "none.json"));
  CHECK(has(refusal([&] { CocoImages(folder.path, folder.path); }), "it is a folder"));
  CHECK(has(refusal([&] { CocoImages(folder.put_json(small_set()), folder.path); }), "give the folder that holds the pictures"));
}

TEST_CASE("a damaged annotation file gives objects or a refusal, never anything else") {
  const Folder folder;
  const std::string whole = small_set().dump();
  Random random(9);
  int refused = 0;
  for (int i = 0; i < 1500; ++i) {
    std::string changed = whole;
    for (int j = 0; j <= i % 2; ++j)
      changed[static_cast<std::size_t>(random.below(static_cast<int>(whole.size())))] = "0123456789[]{},\"-eo"[random.below(19)];
    const auto path = folder.put("annotations.json", text_bytes(changed));
    refused += refusal([&] {
                 const CocoImages set(path, folder.path / "images");
                 for (int k = 0; k < set.size(); ++k)
                   for (const Object& object : set.objects(k).all)
                     if (!object.mask.empty()) (void)decode_mask(object.mask);
               }) != "";
  }
  CHECK(refused > 500);
}

TEST_CASE("a picture of another size than its annotations is refused") {
  const Folder folder;
  Json json = small_set();
  json["images"][1]["width"] = 16, json["images"][1]["height"] = 24;  // as if turned
  json["annotations"] = Json::array();
  const CocoImages set = folder.open(json);
  for (const int at_least : {0, 8}) {
    const std::string message = refusal([&] { set.image(0, at_least); });
    CHECK_MESSAGE(has(message, "but 16 x 24 in"), message);
    CHECK(has(message, "a.jpg has"));
  }
  CHECK(set.image(1).width == 12);
  const TempFolder photos;
  photos.put("a.jpg", make_jpeg(slopes(641, 427, 3)));
  const auto path = photos.put("annotations.json", text_bytes(R"({"images": [{"id": 1, "file_name": "a.jpg", "width": 641, "height": 427}],
                                                               "annotations": [], "categories": []})"));
  const CocoImages odd(path, photos.path);
  for (const int at_least : {0, 30, 54, 100, 160, 220, 300, 427}) CHECK(odd.image(0, at_least).width >= at_least);
}

TEST_CASE("a data set is found in COCO's own layout, in split folders, and in one folder") {
  const TempFolder coco;
  for (const char* file : {"annotations/instances_train2014.json", "annotations/instances_train2017.json", "annotations/instances_val2017.json",
                           "annotations/captions_train2017.json", "train2014/a", "train2017/a", "val2017/a"})
    coco.put(file, text_bytes("x"));
  const CocoFolders own = find_coco(coco.path);
  CHECK(own.train.annotations == coco.path / "annotations/instances_train2017.json");
  CHECK(own.train.images == coco.path / "train2017");
  REQUIRE(own.validation);
  CHECK(own.validation->images == coco.path / "val2017");

  const TempFolder split;
  for (const char* file : {"train/_annotations.coco.json", "train/a.jpg", "valid/annotations.json", "valid/images/a.jpg"})
    split.put(file, text_bytes("x"));
  const CocoFolders parts = find_coco(split.path);
  CHECK(parts.train.annotations == split.path / "train/_annotations.coco.json");
  CHECK(parts.train.images == split.path / "train");
  REQUIRE(parts.validation);
  CHECK(parts.validation->images == split.path / "valid/images");

  const TempFolder one;
  one.put("annotations.json", text_bytes("x"));
  CHECK(find_coco(one.path).train.images == one.path);
  CHECK(!find_coco(one.path).validation);

  const TempFolder none;
  none.put("annotations/instances_train2017.json", text_bytes("x"));  // without its pictures
  CHECK(has(refusal([&] { find_coco(none.path); }), "found no annotations in"));
  CHECK(has(refusal([&] { find_coco(none.path / "nowhere"); }), "is not a folder"));
}
