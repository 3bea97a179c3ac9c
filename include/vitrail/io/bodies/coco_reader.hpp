// Body of coco.hpp: what reads annotation files.
#pragma once
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../../core/error.hpp"
#include "../coco.hpp"
#include "../coco_masks.hpp"
#include "../file.hpp"

namespace vitrail {

namespace detail {

// Reads an annotation file entry by entry: of the text's tree there is never more than one picture or annotation in memory.
class CocoReader {
 public:
  explicit CocoReader(const std::filesystem::path& path) : path_(path.string()) {
    std::string section;
    const auto watch = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
      if (event == nlohmann::json::parse_event_t::key && depth == 1) section = value.get<std::string>();
      if (event != nlohmann::json::parse_event_t::object_end || depth != 2) return true;
      take(section, value);
      return false;  // the tree does without it
    };
    try {
      check_rest(nlohmann::json::parse(read_text(path), watch));
    } catch (const nlohmann::json::exception& error) {
      const std::string what = error.what();  // "[json.exception.parse_error.101] parse error at line 2, column 5: …"
      throw FileError("coco: " + path_ + " is not valid JSON: " + what.substr(std::min(what.find("] ") + 2, what.size())) +
                      "; it is damaged, get it again");
    }
  }

  CocoData finish(CocoPictures taken) {
    sort_by_id(data_.pictures, "image", [](const CocoPicture& picture) { return picture.id; });
    sort_by_id(categories_, "category", [](const Category& category) { return category.id; });
    for (Category& category : categories_) {
      data_.classes.push_back(std::move(category.name));
      data_.category_ids.push_back(category.id);
    }
    for (Entry& entry : entries_) resolve(entry);
    std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.picture < b.picture; });
    hand_out(taken);
    if (data_.pictures.empty())
      throw FileError("coco: " + path_ + " has no image" + (taken == CocoPictures::all ? "" : " with an object that is no crowd") +
                      "; give another file of annotations");
    return std::move(data_);
  }

 private:
  using Json = nlohmann::json;
  struct Category {
    std::int64_t id;
    std::string name;
  };
  struct Entry {
    std::int64_t id, image_id, category_id;
    CocoThing thing{};
    std::size_t picture = 0;
    int width = 0, height = 0;  // of its runs
  };

  [[noreturn]] void refuse(const std::string& where, const std::string& found) const {
    throw FileError("coco: " + path_ + ": " + where + " has " + found);
  }

  void take(const std::string& section, const Json& entry) {
    if (section == "images") take_picture(entry);
    else if (section == "categories") take_category(entry);
    else if (section == "annotations") take_annotation(entry);
  }
  // What is left of the tree: the lists, empty if all that was in them are objects.
  void check_rest(const Json& root) const {
    for (const char* key : {"images", "categories", "annotations"})
      if (!root.is_object() || !root.contains(key) || !root[key].is_array() || !root[key].empty())
        throw FileError("coco: " + path_ + " has no list of " + key +
                        ", expected a file of annotations with images, categories and "
                        "annotations; is it one of results or captions?");
  }

  const Json& value(const Json& entry, const char* key, const std::string& where) const {
    const auto found = entry.find(key);
    if (found == entry.end()) refuse(where, std::string("no ") + key + ", which every entry of its kind needs; complete it");
    return *found;
  }
  std::int64_t whole(const Json& entry, const char* key, const std::string& where) const {
    const Json& number = value(entry, key, where);
    if (!number.is_number_integer()) refuse(where, std::string("the ") + key + " " + shown(number) + ", expected a whole number");
    return number.get<std::int64_t>();
  }
  std::string words(const Json& entry, const char* key, const std::string& where) const {
    const Json& text = value(entry, key, where);
    if (!text.is_string()) refuse(where, std::string("the ") + key + " " + shown(text) + ", expected text");
    return text.get<std::string>();
  }
  static std::string shown(const Json& found) { return found.dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 60); }
  // "annotation 17"; without an id its place in the file.
  std::string place(const char* kind, const Json& entry, std::size_t count) const {
    const auto id = entry.find("id");
    const bool named = id != entry.end() && id->is_number_integer();
    return named ? std::string(kind) + " " + shown(*id) : std::string(kind) + " number " + std::to_string(count + 1);
  }
  void check_size(const std::string& where, std::int64_t width, std::int64_t height) const {
    check_image_size("coco: " + path_ + ": " + where, width, height);
  }

  void take_picture(const Json& entry) {
    const std::string where = place("image", entry, data_.pictures.size());
    CocoPicture picture;
    picture.id = whole(entry, "id", where);
    picture.file = words(entry, "file_name", where);
    const std::int64_t width = whole(entry, "width", where), height = whole(entry, "height", where);
    check_size(where, width, height);
    picture.width = static_cast<int>(width), picture.height = static_cast<int>(height);
    data_.pictures.push_back(std::move(picture));
  }

  void take_category(const Json& entry) {
    const std::string where = place("category", entry, categories_.size());
    categories_.push_back({whole(entry, "id", where), words(entry, "name", where)});
  }

  void take_annotation(const Json& entry) {
    const std::string where = place("annotation", entry, entries_.size());
    Entry own{whole(entry, "id", where), whole(entry, "image_id", where), whole(entry, "category_id", where)};
    const Json& box = value(entry, "bbox", where);
    if (!are_numbers(box) || box.size() != 4) refuse(where, "the bbox " + shown(box) + ", expected four numbers: x, y, width, height");
    const double x = box[0].get<double>(), y = box[1].get<double>(), width = box[2].get<double>(), height = box[3].get<double>();
    if (!(width >= 0 && height >= 0)) refuse(where, "the bbox " + shown(box) + ", whose width or height is negative; correct it");
    if (std::max({std::abs(x), std::abs(y), width, height}) > largest_coordinate)
      refuse(where, "the bbox " + shown(box) + ", which is far outside every picture; correct it");
    own.thing.box = {static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + width), static_cast<float>(y + height)};
    if (const auto area = entry.find("area"); area != entry.end()) {
      if (!area->is_number()) refuse(where, "the area " + shown(*area) + ", expected a number");
      own.thing.area = area->get<double>();
    }
    if (const auto crowd = entry.find("iscrowd"); crowd != entry.end()) {
      if (!crowd->is_number_integer() && !crowd->is_boolean()) refuse(where, "the iscrowd " + shown(*crowd) + ", expected 0 or 1");
      own.thing.crowd = crowd->is_boolean() ? crowd->get<bool>() : crowd->get<std::int64_t>() != 0;
    }
    own.thing.outline_at = data_.numbers.size();
    if (const auto outline = entry.find("segmentation"); outline != entry.end() && !outline->is_null()) take_outline(*outline, own, where);
    own.thing.outline_size = data_.numbers.size() - own.thing.outline_at;
    entries_.push_back(own);
  }

  static bool are_numbers(const Json& list) {
    return list.is_array() && std::all_of(list.begin(), list.end(), [](const Json& one) { return one.is_number(); });
  }

  void take_outline(const Json& outline, Entry& own, const std::string& where) {
    if (outline.is_object()) return take_runs(outline, own, where);
    if (!outline.is_array()) refuse(where, "the segmentation " + shown(outline) + ", expected polygons or runs");
    if (!outline.empty()) own.thing.outline = CocoOutline::polygons;
    for (const Json& polygon : outline) {
      if (!are_numbers(polygon)) refuse(where, "the polygon " + shown(polygon) + ", expected a list of numbers");
      if (polygon.size() < 6 || polygon.size() % 2 != 0)
        refuse(where, "a polygon of " + std::to_string(polygon.size()) + " numbers, expected x and y of at least 3 points; remove it");
      data_.numbers.push_back(static_cast<std::int32_t>(polygon.size()));
      for (const Json& number : polygon) {
        const double coordinate = number.get<double>();
        if (!(std::abs(coordinate) <= largest_coordinate))
          refuse(where, "a polygon with the coordinate " + shown(number) + ", which is far outside every picture; correct it");
        data_.numbers.push_back(to_fifths(coordinate));
      }
    }
  }

  void take_runs(const Json& outline, Entry& own, const std::string& where) {
    const Json &size = value(outline, "size", where + " (segmentation)"), &counts = value(outline, "counts", where + " (segmentation)");
    if (!are_numbers(size) || size.size() != 2 || !size[0].is_number_integer() || !size[1].is_number_integer())
      refuse(where, "a segmentation of the size " + shown(size) + ", expected two whole numbers: height, width");
    check_size(where + " (segmentation)", size[1].get<std::int64_t>(), size[0].get<std::int64_t>());
    own.width = size[1].get<int>(), own.height = size[0].get<int>(), own.thing.outline = CocoOutline::runs;
    RunLengthMask mask{own.width, own.height, {}};
    try {
      if (counts.is_string()) mask = expand_runs(counts.get<std::string>(), own.width, own.height);
      else mask.runs = listed_runs(counts, where), check_runs(mask, "mask");
    } catch (const ShapeError& error) {
      throw FileError("coco: " + path_ + ": " + where + ": " + error.what());
    }
    data_.numbers.insert(data_.numbers.end(), mask.runs.begin(), mask.runs.end());
  }
  std::vector<std::uint32_t> listed_runs(const Json& counts, const std::string& where) const {
    std::vector<std::uint32_t> out;
    if (!counts.is_array()) refuse(where, "a segmentation with the counts " + shown(counts) + ", expected text or a list of numbers");
    for (const Json& count : counts) {
      if (!count.is_number_integer() || count.get<std::int64_t>() < 0 || count.get<std::int64_t>() > max_image_pixels)
        refuse(where, "a segmentation with the run " + shown(count) + ", expected a number of pixels");
      out.push_back(count.get<std::uint32_t>());
    }
    return out;
  }

  template <class List, class Id>
  void sort_by_id(List& list, const std::string& kind, const Id& id) const {
    std::stable_sort(list.begin(), list.end(), [&](const auto& a, const auto& b) { return id(a) < id(b); });
    const auto twice = std::adjacent_find(list.begin(), list.end(), [&](const auto& a, const auto& b) { return id(a) == id(b); });
    if (twice != list.end()) refuse(kind + " " + std::to_string(id(*twice)), "an id that occurs twice; keep one of the two");
  }
  // The place of an id in a list that is sorted by it.
  template <class List, class Id>
  static std::optional<std::size_t> find(const List& list, std::int64_t wanted, const Id& id) {
    const auto at = std::partition_point(list.begin(), list.end(), [&](const auto& one) { return id(one) < wanted; });
    if (at == list.end() || id(*at) != wanted) return std::nullopt;
    return static_cast<std::size_t>(at - list.begin());
  }

  void resolve(Entry& entry) const {
    const std::string where = "annotation " + std::to_string(entry.id);
    const auto picture = find(data_.pictures, entry.image_id, [](const CocoPicture& one) { return one.id; });
    const auto category = find(data_.category_ids, entry.category_id, [](std::int64_t id) { return id; });
    if (!picture) refuse(where, "the image_id " + std::to_string(entry.image_id) + ", which is not among the images; remove it");
    if (!category) refuse(where, "the category_id " + std::to_string(entry.category_id) + ", which is not among the categories; remove it");
    const CocoPicture& own = data_.pictures[*picture];
    if (entry.thing.outline == CocoOutline::runs && (entry.width != own.width || entry.height != own.height))
      refuse(where, "a mask of " + mask_size(entry.width, entry.height) + " pixels for an image of " + mask_size(own.width, own.height) +
                        "; remove it");
    entry.picture = *picture;
    entry.thing.label = static_cast<int>(*category);
  }

  // Gives each picture its entries, which are sorted by picture, and keeps the pictures that are taken.
  void hand_out(CocoPictures taken) {
    std::vector<CocoPicture> kept;
    std::size_t at = 0;
    for (std::size_t i = 0; i < data_.pictures.size(); ++i) {
      CocoPicture& picture = data_.pictures[i];
      picture.first = data_.things.size();
      double largest = -1;
      for (; at < entries_.size() && entries_[at].picture == i; ++at) {
        const CocoThing& thing = entries_[at].thing;
        const double area = thing.area > 0 ? thing.area : static_cast<double>(thing.box.area());
        if (!thing.crowd && area > largest) largest = area, picture.label = thing.label;
        data_.things.push_back(thing);
      }
      picture.end = data_.things.size();
      if (taken == CocoPictures::all || picture.label >= 0) kept.push_back(std::move(picture));
    }
    data_.pictures = std::move(kept);
  }

  std::string path_;
  CocoData data_{};
  std::vector<Category> categories_{};
  std::vector<Entry> entries_{};
};

VITRAIL_FUNCTION CocoData read_coco(const std::filesystem::path& annotations, CocoPictures taken) {
  return CocoReader(annotations).finish(taken);
}

}  // namespace detail

}  // namespace vitrail
