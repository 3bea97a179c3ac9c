// CIFAR-10 and CIFAR-100 in their binary version (Krizhevsky, "Learning multiple layers of features", 2009).
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "../tensor/image.hpp"
#include "../train/image_set.hpp"
#include "file_bytes.hpp"
#include "image_limits.hpp"

namespace vitrail {

enum class CifarKind { ten, hundred };  // hundred: labelled by the fine classes

// 32 x 32 RGB images from binary files: a record is a label (CIFAR-100: the coarse, then the fine label) and 3 planes.
class CifarImages final : public ImageSet {
 public:
  // `classes`: the 10 or 100 names in the order of the labels; by default "0", "1", ... Throws FileError if a file is
  // unreadable or not made of whole records, a label is out of range, or the number of names is another.
  CifarImages(const std::vector<std::filesystem::path>& files, CifarKind kind, std::vector<std::string> classes = {})
      : kind_(kind), classes_(std::move(classes)) {
    const std::size_t count = kind == CifarKind::ten ? 10 : 100;
    if (classes_.empty())
      for (std::size_t i = 0; i < count; ++i) classes_.push_back(std::to_string(i));
    if (classes_.size() != count)
      throw FileError("cifar: expected " + std::to_string(count) + " class names, found " +
                      std::to_string(classes_.size()));
    for (const auto& file : files) add(file);
    if (records_.empty()) throw FileError("cifar: no file was given, expected at least one");
  }

  int size() const override { return static_cast<int>(records_.size() / record()); }
  Image image(int index, int = 0) const override {
    const std::uint8_t* planes = at(index) + labels();
    Image out(side, side, 3);
    for (std::size_t i = 0; i < plane; ++i)
      for (std::size_t c = 0; c < 3; ++c) out.pixels[3 * i + c] = planes[c * plane + i];
    return out;
  }
  int label(int index) const override { return at(index)[labels() - 1]; }
  const std::vector<std::string>& classes() const override { return classes_; }
  std::string name(int index) const override {
    detail::checked_index("cifar", index, size());
    auto part = parts_.begin();
    for (; index >= part->count; ++part) index -= part->count;
    return part->path + " #" + std::to_string(index);
  }

 private:
  static constexpr int side = 32;
  static constexpr std::size_t plane = std::size_t{side} * side;
  struct Part {
    std::string path;
    int count;
  };

  std::size_t labels() const { return kind_ == CifarKind::ten ? 1 : 2; }  // bytes before the pixels; the last counts
  std::size_t record() const { return labels() + 3 * plane; }
  const std::uint8_t* at(int index) const {
    return records_.data() + record() * detail::checked_index("cifar", index, size());
  }
  void add(const std::filesystem::path& path) {
    const std::vector<std::uint8_t> bytes = read_bytes(path);
    if (bytes.empty() || bytes.size() % record() != 0)
      throw FileError("cifar: " + path.string() + " has " + std::to_string(bytes.size()) +
                      " bytes, expected a multiple of " + std::to_string(record()) +
                      ": is it incomplete, or of the other CIFAR?");
    for (std::size_t i = labels() - 1; i < bytes.size(); i += record())
      if (bytes[i] >= classes_.size())
        throw FileError("cifar: " + path.string() + " holds the label " + std::to_string(bytes[i]) + ", there are " +
                        std::to_string(classes_.size()) + " classes: is it the other CIFAR, or damaged?");
    records_.insert(records_.end(), bytes.begin(), bytes.end());
    parts_.push_back({path.string(), static_cast<int>(bytes.size() / record())});
  }

  CifarKind kind_;
  std::vector<std::string> classes_;
  std::vector<std::uint8_t> records_;
  std::vector<Part> parts_;
};

struct CifarFolder {
  CifarKind kind;
  std::vector<std::filesystem::path> train, test;  // test: empty if there is none
  std::vector<std::string> classes;                // empty if the list of names is missing
};

namespace detail {
// The lines of a list of names that are not blank.
inline std::vector<std::string> read_names(const std::filesystem::path& path) {
  std::vector<std::string> names;
  if (!is_file(path)) return names;
  std::string line;
  for (const std::uint8_t byte : read_bytes(path, 65536)) {
    if (byte == '\r') continue;
    if (byte != '\n') {
      line.push_back(static_cast<char>(byte));
    } else if (!line.empty()) {
      names.push_back(std::exchange(line, {}));
    }
  }
  if (!line.empty()) names.push_back(line);
  return names;
}
}  // namespace detail

// The files of CIFAR-10 (data_batch_1.bin ...) or CIFAR-100 (train.bin) in `folder`; nothing if there are none.
inline std::optional<CifarFolder> find_cifar(const std::filesystem::path& folder) {
  const auto present = [&](const std::string& name) { return detail::is_file(folder / name); };
  CifarFolder found{CifarKind::ten, {}, {}, {}};
  for (int i = 1; i <= 5; ++i)
    if (const std::string name = "data_batch_" + std::to_string(i) + ".bin"; present(name))
      found.train.push_back(folder / name);
  if (!found.train.empty()) {
    if (present("test_batch.bin")) found.test = {folder / "test_batch.bin"};
    found.classes = detail::read_names(folder / "batches.meta.txt");
    return found;
  }
  if (!present("train.bin")) return std::nullopt;
  found.kind = CifarKind::hundred;
  found.train = {folder / "train.bin"};
  if (present("test.bin")) found.test = {folder / "test.bin"};
  found.classes = detail::read_names(folder / "fine_label_names.txt");
  return found;
}

}  // namespace vitrail
