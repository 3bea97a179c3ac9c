// IDX files, plain or gzipped (link -lz): the format of MNIST, Fashion-MNIST and their relatives.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "../core/config.hpp"
#include "../core/error.hpp"
#include "../tensor/image.hpp"
#include "../train/image_set.hpp"
#include "file_bytes.hpp"
#include "image_limits.hpp"

namespace vitrail {

// An array of unsigned bytes, row-major.
struct IdxArray {
  std::vector<int> extents;
  std::vector<std::uint8_t> values;
};

// Reads an IDX file of unsigned bytes, gzipped or not (the content decides). The layout is described on the MNIST page
// (LeCun, Cortes, Burges): two zeros, type, number of axes, extents (32 bits, big end first), values. Throws FileError
// unless it holds exactly what its header says, at most 1 GiB.
VITRAIL_FUNCTION IdxArray read_idx(const std::filesystem::path& path);

// Grey images from an IDX file of shape (count, height, width), with labels from another of shape (count) if given.
class IdxImages final : public ImageSet {
 public:
  // `classes`: the labels' names; by default "0", "1", ... up to the largest label (give a test set the classes of its
  // training set). Throws FileError if a file is unreadable, the two disagree, or a label has no class.
  explicit IdxImages(const std::filesystem::path& images, const std::optional<std::filesystem::path>& labels = {},
                     std::vector<std::string> classes = {})
      : path_(images.string()), array_(read_idx(images)) {
    if (array_.extents.size() != 3)
      throw FileError("idx: " + path_ + " has " + std::to_string(array_.extents.size()) +
                      " axes, expected 3 (count, height, width): is it a file of labels?");
    detail::check_image_size("idx: " + path_, array_.extents[2], array_.extents[1]);
    if (labels) take_labels(*labels, std::move(classes));
  }

  int size() const override { return array_.extents[0]; }
  Image image(int index, int = 0) const override {
    const std::size_t at = detail::checked_index("idx", index, size());
    Image out(array_.extents[2], array_.extents[1], 1);
    std::copy_n(array_.values.data() + at * out.pixels.size(), out.pixels.size(), out.pixels.data());
    return out;
  }
  int label(int index) const override {
    const std::size_t at = detail::checked_index("idx", index, size());
    return labels_.empty() ? -1 : labels_[at];
  }
  const std::vector<std::string>& classes() const override { return classes_; }
  std::string name(int index) const override { return path_ + " #" + std::to_string(index); }

 private:
  void take_labels(const std::filesystem::path& path, std::vector<std::string> classes) {
    IdxArray labels = read_idx(path);
    if (labels.extents.size() != 1 || labels.extents[0] != size())
      throw FileError("idx: " + path.string() + " should hold one label for each of the " + std::to_string(size()) +
                      " images of " + path_ + ", found " + std::to_string(labels.values.size()) +
                      " values: do the files belong together?");
    const int largest = *std::max_element(labels.values.begin(), labels.values.end());
    if (classes.empty())
      for (int i = 0; i <= largest; ++i) classes.push_back(std::to_string(i));
    if (largest >= static_cast<int>(classes.size()))
      throw FileError("idx: " + path.string() + " holds the label " + std::to_string(largest) + ", there are " +
                      std::to_string(classes.size()) + " classes");
    labels_ = std::move(labels.values);
    classes_ = std::move(classes);
  }

  std::string path_;
  IdxArray array_;
  std::vector<std::uint8_t> labels_;
  std::vector<std::string> classes_;
};

struct IdxFiles {
  std::filesystem::path images;
  std::optional<std::filesystem::path> labels;
};
struct IdxFolder {
  IdxFiles train;
  std::optional<IdxFiles> test;
};

namespace detail {
// "train-images-idx3-ubyte" in `folder`, also spelt "train-images.idx3-ubyte", with or without ".gz".
inline std::optional<std::filesystem::path> find_idx_file(const std::filesystem::path& folder, const std::string& front,
                                                          const std::string& back) {
  for (const char* joint : {"-", "."})
    for (const char* end : {"", ".gz"})
      if (auto path = folder / (front + joint + back + end); is_file(path)) return path;
  return std::nullopt;
}
inline std::optional<IdxFiles> find_idx_files(const std::filesystem::path& folder, const std::string& part) {
  const auto images = find_idx_file(folder, part + "-images", "idx3-ubyte");
  if (!images) return std::nullopt;
  return IdxFiles{*images, find_idx_file(folder, part + "-labels", "idx1-ubyte")};
}
}  // namespace detail

// The files of MNIST or Fashion-MNIST in `folder` under their published names; nothing if there are no training images.
inline std::optional<IdxFolder> find_idx(const std::filesystem::path& folder) {
  auto train = detail::find_idx_files(folder, "train");
  if (!train) return std::nullopt;
  return IdxFolder{std::move(*train), detail::find_idx_files(folder, "t10k")};
}

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/idx.hpp"
#endif
