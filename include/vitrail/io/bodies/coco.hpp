// Bodies of coco.hpp.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "../../core/error.hpp"
#include "../coco.hpp"
#include "../coco_masks.hpp"
#include "../file.hpp"
#include "../file_bytes.hpp"
#include "../image_file.hpp"
#include "../png.hpp"
#include "coco_reader.hpp"

namespace vitrail {

namespace detail {

inline RunLengthMask draw_outline(const CocoData& data, const CocoThing& thing, int width, int height) {
  std::span<const std::int32_t> rest(data.numbers.data() + thing.outline_at, thing.outline_size);
  if (thing.outline == CocoOutline::none) return {};
  if (thing.outline == CocoOutline::runs) return {width, height, std::vector<std::uint32_t>(rest.begin(), rest.end())};
  RunLengthMask out = fill_polygons({}, width, height);
  while (!rest.empty()) {
    const std::size_t count = static_cast<std::size_t>(rest[0]);
    out = unite(out, PolygonFiller(width, height).fill(rest.subspan(1, count)));
    rest = rest.subspan(1 + count);
  }
  return out;
}

inline nlohmann::ordered_json json_box(const Box& box) {
  const double left = box.left, top = box.top;
  return {left, top, static_cast<double>(box.right) - left, static_cast<double>(box.bottom) - top};
}
inline nlohmann::ordered_json json_runs(const RunLengthMask& mask) {
  return {{"size", {mask.height, mask.width}}, {"counts", compress_runs(mask)}};
}

// Writes a list entry by entry, one a line. Text that is not UTF-8 becomes replacement characters.
class JsonList {
 public:
  explicit JsonList(FileDraft& draft) : draft_(draft) { draft_.write("["); }
  void add(const nlohmann::ordered_json& entry) {
    draft_.write(std::string_view(empty_ ? "\n" : ",\n"));
    draft_.write(entry.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    empty_ = false;
  }
  void end() { draft_.write("\n]"); }

 private:
  FileDraft& draft_;
  bool empty_ = true;
};

inline void make_folder(const std::filesystem::path& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) fail_file("create", folder, failed.value());
}

// Ids that count from 1, as file names that sort.
inline std::string coco_file_name(int id) {
  const std::string digits = std::to_string(id);
  return std::string(6 - std::min<std::size_t>(6, digits.size()), '0') + digits + ".png";
}

inline nlohmann::ordered_json json_object(const Object& object, int id, int image_id) {
  nlohmann::ordered_json out = {{"id", id},
                                {"image_id", image_id},
                                {"category_id", object.label + 1},
                                {"bbox", json_box(object.box)},
                                {"area", object_area(object)},
                                {"iscrowd", object.crowd ? 1 : 0}};
  if (!object.mask.empty()) out["segmentation"] = json_runs(object.mask);
  return out;
}

// Throws ShapeError unless the picture is of the size of its objects, and these have classes of the set and masks of that size.
inline void check_for_coco(const ObjectSet& set, int index, const Image& image, const Objects& objects) {
  if (image.width != objects.width || image.height != objects.height)
    throw ShapeError("coco: " + set.name(index) + " has " + mask_size(image.width, image.height) + " pixels, its objects are for " +
                     mask_size(objects.width, objects.height) + "; the set must give both in one size");
  for (const Object& object : objects.all) {
    if (object.label < 0 || static_cast<std::size_t>(object.label) >= set.classes().size())
      throw ShapeError("coco: " + set.name(index) + " has an object with the label " + std::to_string(object.label) + ", expected 0 .. " +
                       std::to_string(set.classes().size()) + " - 1; name all classes");
    if (!object.mask.empty() && (object.mask.width != objects.width || object.mask.height != objects.height))
      throw ShapeError("coco: " + set.name(index) + " has a mask of " + mask_size(object.mask.width, object.mask.height) +
                       " pixels, expected " + mask_size(objects.width, objects.height));
    if (!object.mask.empty()) check_runs(object.mask, "coco: " + set.name(index));
  }
}

// The pictures go into `folder`, all else into the draft.
inline void write_coco_parts(FileDraft& draft, const std::filesystem::path& folder, const ObjectSet& set) {
  draft.write("{\"info\": {\"description\": \"written by vitrail\"},\n\"annotations\": ");
  JsonList annotations(draft);
  std::vector<std::pair<int, int>> sizes;
  for (int i = 0, id = 1; i < set.size(); ++i) {
    const Image image = set.image(i);
    const Objects objects = set.objects(i);
    check_for_coco(set, i, image, objects);
    write_png(folder / coco_file_name(i + 1), image);
    sizes.emplace_back(image.width, image.height);
    for (const Object& object : objects.all) annotations.add(json_object(object, id++, i + 1));
  }
  annotations.end();
  draft.write(",\n\"images\": ");
  JsonList images(draft);
  for (int i = 0; i < set.size(); ++i) {
    const auto [width, height] = sizes[static_cast<std::size_t>(i)];
    images.add({{"id", i + 1}, {"file_name", coco_file_name(i + 1)}, {"width", width}, {"height", height}});
  }
  images.end();
  draft.write(",\n\"categories\": ");
  JsonList categories(draft);
  for (std::size_t i = 0; i < set.classes().size(); ++i) categories.add({{"id", i + 1}, {"name", set.classes()[i]}});
  categories.end();
  draft.write("}\n");
}

}  // namespace detail

VITRAIL_FUNCTION CocoImages::CocoImages(const std::filesystem::path& annotations, const std::filesystem::path& images, CocoPictures taken)
    : annotations_(annotations), folder_(images), data_(detail::read_coco(annotations, taken)) {
  for (const detail::CocoPicture& picture : data_.pictures)
    if (!detail::is_file(folder_ / picture.file))
      throw FileError("coco: " + annotations_.string() + ": image " + std::to_string(picture.id) + " should be " +
                      (folder_ / picture.file).string() + ", which is not there; give the folder that holds the pictures");
}

VITRAIL_FUNCTION Image CocoImages::image(int index, int at_least) const {
  const detail::CocoPicture& own = picture(index);
  const std::filesystem::path path = folder_ / own.file;
  Image out = read_image(path, at_least);
  // A reduced picture has each side rounded up, so that its shape may be off by less than one of its pixels.
  const std::int64_t across = std::int64_t{out.width} * own.height, down = std::int64_t{out.height} * own.width;
  const bool reduced = at_least > 0 && out.width <= own.width && out.height <= own.height;
  const bool fits =
      reduced ? std::abs(across - down) <= std::max(own.width, own.height) : out.width == own.width && out.height == own.height;
  if (!fits)
    throw FileError("coco: " + path.string() + " has " + detail::mask_size(out.width, out.height) + " pixels, but " +
                    detail::mask_size(own.width, own.height) + " in " + annotations_.string() +
                    "; was it resized, or is it turned by an EXIF orientation?");
  return out;
}

VITRAIL_FUNCTION Objects CocoImages::objects(int index) const {
  const detail::CocoPicture& own = picture(index);
  Objects out{own.width, own.height, {}};
  for (std::size_t i = own.first; i < own.end; ++i) {
    const detail::CocoThing& thing = data_.things[i];
    out.all.push_back({thing.label, thing.box, detail::draw_outline(data_, thing, own.width, own.height), thing.crowd, thing.area});
  }
  return out;
}

VITRAIL_FUNCTION std::int64_t CocoImages::category_id(int label) const {
  if (label < 0 || static_cast<std::size_t>(label) >= data_.category_ids.size())
    throw ShapeError("coco: expected labels in 0 .. " + std::to_string(data_.category_ids.size()) + " - 1, found " + std::to_string(label) +
                     "; give the number of classes of " + annotations_.string());
  return data_.category_ids[static_cast<std::size_t>(label)];
}

namespace detail {
// Annotations in a folder of their own, with their pictures.
inline std::optional<CocoFolders::Part> coco_in(const std::filesystem::path& folder) {
  for (const char* name : {"annotations.json", "_annotations.coco.json"})
    if (std::filesystem::is_regular_file(folder / name))
      return CocoFolders::Part{folder / name, std::filesystem::is_directory(folder / "images") ? folder / "images" : folder};
  return std::nullopt;
}
// annotations/instances_<split><year>.json and <split><year>/; of several years, the last.
inline std::optional<CocoFolders::Part> coco_of_a_year(const std::filesystem::path& folder, const std::string& split) {
  std::optional<CocoFolders::Part> found;
  if (!std::filesystem::is_directory(folder / "annotations")) return found;
  const std::string begin = "instances_" + split;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "annotations")) {
    const std::string stem = entry.path().stem().string();
    if (entry.path().extension() != ".json" || stem.compare(0, begin.size(), begin) != 0) continue;
    const std::filesystem::path images = folder / stem.substr(std::string("instances_").size());
    if (!std::filesystem::is_directory(images) || (found && entry.path() < found->annotations)) continue;
    found = CocoFolders::Part{entry.path(), images};
  }
  return found;
}
}  // namespace detail

VITRAIL_FUNCTION CocoFolders find_coco(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder))
    throw FileError("coco: " + folder.string() + " is not a folder: give one with pictures and their annotations");
  std::optional<CocoFolders::Part> train = detail::coco_of_a_year(folder, "train"), validation = detail::coco_of_a_year(folder, "val");
  if (!train) train = detail::coco_in(folder / "train");
  for (const char* name : {"validation", "valid", "val", "test"})
    if (!validation) validation = detail::coco_in(folder / name);
  if (!train) train = detail::coco_in(folder);
  if (!train)
    throw FileError("coco: found no annotations in " + folder.string() +
                    ": expected annotations/instances_train2017.json with train2017/, or train/annotations.json, or annotations.json with "
                    "images/");
  return {*train, validation};
}

VITRAIL_FUNCTION void write_coco_results(const std::filesystem::path& path, const CocoImages& set,
                                         const std::vector<std::vector<Detection>>& found) {
  if (found.size() != static_cast<std::size_t>(set.size()))
    throw ShapeError("coco: expected one list of detections for each of " + std::to_string(set.size()) + " images, found " +
                     std::to_string(found.size()) + "; give an empty one where nothing was found");
  write_atomically(path, [&](FileDraft& draft) {
    detail::JsonList list(draft);
    for (int i = 0; i < set.size(); ++i)
      for (const Detection& one : found[static_cast<std::size_t>(i)]) {
        nlohmann::ordered_json entry = {{"image_id", set.image_id(i)},
                                        {"category_id", set.category_id(one.label)},
                                        {"bbox", detail::json_box(one.box)},
                                        {"score", one.score}};
        if (!one.mask.empty()) entry["segmentation"] = detail::json_runs(one.mask);
        list.add(entry);
      }
    list.end();
    draft.write("\n");
  });
}

VITRAIL_FUNCTION void write_coco(const std::filesystem::path& folder, const ObjectSet& set) {
  detail::make_folder(folder / "images");
  write_atomically(folder / "annotations.json", [&](FileDraft& draft) { detail::write_coco_parts(draft, folder / "images", set); });
}

}  // namespace vitrail
