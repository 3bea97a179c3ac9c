// A folder of JPEG and PNG files as an ImageSet: class sub-folders, or flat and unlabelled.
#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../core/config.hpp"
#include "../core/error.hpp"
#include "../tensor/image.hpp"
#include "../train/image_set.hpp"
#include "image_limits.hpp"

namespace vitrail {

// The images of a folder in sorted order. Sub-folders that hold images, at any depth, are classes, labelled by their
// sorted names; without such sub-folders the images directly in the folder are an unlabelled set. Files whose name is
// hidden or does not end in jpg, jpeg, jfif or png are left out.
class ImageFolder final : public ImageSet {
 public:
  // Throws FileError if `folder` is missing, unreadable, holds no image, or holds images beside class folders. With
  // `classes`, labels are positions in it, and a class folder of another name is refused: give a validation folder the
  // classes of its training folder, so that their labels agree even where one lacks a class.
  explicit ImageFolder(const std::filesystem::path& folder, std::vector<std::string> classes = {});

  int size() const override { return static_cast<int>(files_.size()); }
  Image image(int index, int at_least = 0) const override;
  int label(int index) const override { return file(index).label; }
  const std::vector<std::string>& classes() const override { return classes_; }
  std::string name(int index) const override;
  // What was left out although its name is that of a picture: .webp, .heic, .gif and the like.
  const std::vector<std::filesystem::path>& other_formats() const { return other_formats_; }

 private:
  struct File {
    std::filesystem::path path;
    int label;
  };
  const File& file(int index) const { return files_[detail::checked_index("image folder", index, size())]; }

  void scan(const std::filesystem::path& folder, bool classes_given);
  int label_of(const std::filesystem::path& folder, const std::string& name, bool classes_given);

  std::vector<std::string> classes_;
  std::vector<File> files_;
  std::vector<std::filesystem::path> other_formats_;
};

struct Splits {
  std::filesystem::path train;
  std::optional<std::filesystem::path> validation;
};

// Where in `folder` the training and validation images lie. With train/ and one of validation/, valid/, val/, test/
// (the first that exists): those; train/ as the only sub-folder: that; otherwise `folder` itself, without validation,
// so that a class called "train" stays a class. Throws FileError if `folder` is not a readable folder.
VITRAIL_FUNCTION Splits find_splits(const std::filesystem::path& folder);

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/image_folder.hpp"
#endif
