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

#include <zlib.h>

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

namespace detail {

// A plain or gzipped file, read from the front. Every error names the file.
class GzipFile {
 public:
  explicit GzipFile(const std::filesystem::path& path) : name_(path.string()) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) throw FileError("idx: " + name_ + " is a folder");
    file_.reset(gzopen(name_.c_str(), "rb"));
    if (file_ == nullptr) throw FileError("idx: cannot open " + name_);
  }

  // Up to `count` bytes appended to `bytes`; returns how many there were. Memory grows with what is found, not with
  // what a header claims.
  std::size_t read(std::size_t count, std::vector<std::uint8_t>& bytes) {
    constexpr std::size_t chunk = std::size_t{1} << 20;
    std::size_t total = 0;
    while (total < count) {
      const std::size_t filled = bytes.size(), wanted = std::min(chunk, count - total);
      bytes.resize(filled + wanted);
      const int got = gzread(file_.get(), bytes.data() + filled, static_cast<unsigned>(wanted));
      int status = Z_OK;
      const char* said = gzerror(file_.get(), &status);
      if (got < 0 || status != Z_OK)  // a file cut short gives its last bytes and Z_BUF_ERROR
        fail(std::string("is damaged or incomplete (") + said + "): replace it");
      bytes.resize(filled + static_cast<std::size_t>(got));
      total += static_cast<std::size_t>(got);
      if (static_cast<std::size_t>(got) < wanted) break;
    }
    return total;
  }
  [[noreturn]] void fail(const std::string& what) const { throw FileError("idx: " + name_ + " " + what); }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  std::string name_;
  std::unique_ptr<gzFile_s, Close> file_;
};

inline std::size_t idx_number(const std::vector<std::uint8_t>& bytes, std::size_t at) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes[at + i];
  return value;
}

inline const char* idx_type_name(std::uint8_t code) {
  switch (code) {
    case 0x09:
      return "signed bytes";
    case 0x0B:
      return "16-bit integers";
    case 0x0C:
      return "32-bit integers";
    case 0x0D:
      return "32-bit floats";
    case 0x0E:
      return "64-bit floats";
    default:
      return "an unknown type";
  }
}

// The extents in the header; their product is at most `limit`.
inline std::vector<int> idx_extents(GzipFile& file, std::size_t limit) {
  std::vector<std::uint8_t> head;
  if (file.read(4, head) < 4) file.fail("is shorter than an IDX header: replace it");
  if (head[0] != 0 || head[1] != 0 || head[3] < 1 || head[3] > 4)
    file.fail("does not begin like an IDX file of 1 to 4 axes: is it another kind of file?");
  if (head[2] != 0x08) file.fail(std::string("holds ") + idx_type_name(head[2]) + ", expected unsigned bytes");
  const std::size_t axes = head[3];
  head.clear();
  if (file.read(4 * axes, head) < 4 * axes) file.fail("ends within its header: replace it");
  std::vector<int> extents;
  std::size_t product = 1;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    const std::size_t extent = idx_number(head, 4 * axis);
    if (extent == 0) file.fail("says that it is empty: replace it");
    if (extent > limit / product)
      file.fail("says that it holds more than " + std::to_string(limit) + " bytes, the most that is read");
    product *= extent;
    extents.push_back(static_cast<int>(extent));
  }
  return extents;
}

}  // namespace detail

// Reads an IDX file of unsigned bytes, gzipped or not (the content decides). The layout is described on the MNIST page
// (LeCun, Cortes, Burges): two zeros, type, number of axes, extents (32 bits, big end first), values. Throws FileError
// unless it holds exactly what its header says, at most 1 GiB.
inline IdxArray read_idx(const std::filesystem::path& path) {
  detail::GzipFile file(path);
  IdxArray array;
  array.extents = detail::idx_extents(file, std::size_t{1} << 30);
  std::size_t wanted = 1;
  for (const int extent : array.extents) wanted *= static_cast<std::size_t>(extent);
  const std::size_t found = file.read(wanted + 1, array.values);  // one more, to see the end
  if (found != wanted)
    file.fail("should hold " + std::to_string(wanted) + " values by its header, found " +
              (found < wanted ? std::to_string(found) : std::string("more")) + ": replace it");
  return array;
}

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
