// COCO's files: data sets of annotated pictures, read and written, and the results of a detector. Format:
// https://cocodataset.org/#format-data and #format-results; where these are silent, as cocodataset/cocoapi reads them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "../core/config.hpp"
#include "../tensor/image.hpp"
#include "../tensor/objects.hpp"
#include "../train/object_set.hpp"
#include "image_limits.hpp"

namespace vitrail {

// Which pictures of an annotation file are taken: all (to evaluate), or those with an object that is no crowd (to train).
enum class CocoPictures { all, with_objects };

namespace detail {

enum class CocoOutline : std::uint8_t { none, polygons, runs };

struct CocoThing {
  int label = 0;
  Box box{};
  double area = 0;
  std::size_t outline_at = 0, outline_size = 0;  // where in CocoData::numbers
  CocoOutline outline = CocoOutline::none;
  bool crowd = false;
};
struct CocoPicture {
  std::int64_t id = 0;
  std::string file{};
  int width = 0, height = 0;
  std::size_t first = 0, end = 0;  // of CocoData::things
  int label = -1;
};

// What an annotation file holds. Outlines lie one after the other in `numbers`: a polygon as the count of its coordinates, then these in
// fifths of a pixel, as PolygonFiller wants them; runs as they are.
struct CocoData {
  std::vector<CocoPicture> pictures{};  // by id
  std::vector<CocoThing> things{};      // picture by picture, in the file's order
  std::vector<std::int32_t> numbers{};
  std::vector<std::string> classes{};
  std::vector<std::int64_t> category_ids{};  // ascending
};

// Throws FileError.
VITRAIL_FUNCTION CocoData read_coco(const std::filesystem::path& annotations, CocoPictures taken);

}  // namespace detail

// The pictures of an annotation file ("instances_val2017.json") in the order of their ids. Labels count the categories in the order of
// their ids, which may have gaps: COCO's 90 ids are 80 labels.
class CocoImages final : public ObjectSet {
 public:
  // Throws FileError, which names the annotation, for a file that is missing, damaged or lacks a key, ids that are unknown or occur twice,
  // boxes that are not four numbers, polygons of fewer than three points, runs that do not fill their picture, pictures that are not in
  // the folder `images`. An annotation needs id, image_id, category_id and bbox; it may lack segmentation, iscrowd and area. Masks are
  // drawn when they are asked for.
  CocoImages(const std::filesystem::path& annotations, const std::filesystem::path& images, CocoPictures taken = CocoPictures::all);

  int size() const override { return static_cast<int>(data_.pictures.size()); }
  // Throws FileError also if the picture is not of the size that its annotations are for.
  Image image(int index, int at_least = 0) const override;
  // The class of the largest object that is no crowd, by its area in the file or else its box; -1: there is none.
  int label(int index) const override { return picture(index).label; }
  const std::vector<std::string>& classes() const override { return data_.classes; }
  std::string name(int index) const override { return (folder_ / picture(index).file).string(); }
  // Boxes and areas as they are in the file, crowds included, in the file's order; no mask where it has none.
  Objects objects(int index) const override;

  // The file's ids. Throw ShapeError for an image or a label that is out of range.
  std::int64_t image_id(int index) const { return picture(index).id; }
  std::int64_t category_id(int label) const;

 private:
  const detail::CocoPicture& picture(int index) const { return data_.pictures[detail::checked_index("coco", index, size())]; }

  std::filesystem::path annotations_, folder_;
  detail::CocoData data_{};
};

// Where in `folder` annotated pictures lie, for training and, if there are any, for validation.
struct CocoFolders {
  struct Part {
    std::filesystem::path annotations, images;
  };
  Part train;
  std::optional<Part> validation;
};
// COCO's own layout: annotations/instances_train2017.json (any year) with pictures in train2017/, likewise for val2017; or train/ and one
// of validation/, valid/, val/, test/, or the folder itself, each with annotations.json or _annotations.coco.json, and pictures in images/
// or beside it. Throws FileError if there is none of these.
VITRAIL_FUNCTION CocoFolders find_coco(const std::filesystem::path& folder);

// Writes what was found in each picture of `set` in COCO's format for results: a list of {image_id, category_id, bbox, score} and, for what
// has a mask, segmentation. pycocotools' loadRes takes it. (It takes areas from the boxes where there are some: to have masks evaluated by
// their own sizes, as AveragePrecision does, remove "bbox" from the entries first.) Throws FileError; ShapeError unless there is one list
// for each picture and labels are in range.
VITRAIL_FUNCTION void write_coco_results(const std::filesystem::path& path, const CocoImages& set,
                                         const std::vector<std::vector<Detection>>& found);

// Writes any set as a COCO data set: folder/images/000001.png, ... and folder/annotations.json, with masks as compressed runs. Image and
// annotation ids count from 1, a category's id is its label + 1. The folder is made if need be. CocoImages reads the same objects back,
// each with its area. Throws FileError; ShapeError if a picture is not of the size of its objects, or labels are out of range.
VITRAIL_FUNCTION void write_coco(const std::filesystem::path& folder, const ObjectSet& set);

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/coco.hpp"
#endif
