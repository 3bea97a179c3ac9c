// Bodies of image_folder.hpp.
#pragma once
#include <algorithm>

#include "../image_file.hpp"
#include "../image_folder.hpp"

namespace vitrail {

namespace detail {

// What a name promises, by its ending, in any case. Hidden ones (macOS leaves "._photo.jpg" files) promise nothing.
enum class Named { image, other_format, nothing };
inline Named named(const std::filesystem::path& path) {
  if (path.filename().string().front() == '.') return Named::nothing;
  std::string extension = path.extension().string();
  for (char& letter : extension)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  for (const char* one : {".jpg", ".jpeg", ".jfif", ".png"})
    if (extension == one) return Named::image;
  for (const char* one : {".webp", ".heic", ".heif", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".jp2", ".jxl", ".pgm", ".ppm", ".tga"})
    if (extension == one) return Named::other_format;
  return Named::nothing;
}

// Sorted by bytes, so that the order is the same on every machine and in every language.
inline void sort_paths(std::vector<std::filesystem::path>& paths) {
  std::sort(paths.begin(), paths.end(),
            [](const auto& a, const auto& b) { return a.generic_string() < b.generic_string(); });
}

// The sub-folders that are not hidden, sorted.
inline std::vector<std::filesystem::path> sub_folders(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_directory() && entry.path().filename().string().front() != '.') found.push_back(entry.path());
  sort_paths(found);
  return found;
}

// The image files directly in `folder`, sorted; then with `deep` also those of its sub-folders. Pictures of other formats go to `others`.
inline std::vector<std::filesystem::path> image_files(const std::filesystem::path& folder, bool deep,
                                                      std::vector<std::filesystem::path>& others) {
  std::vector<std::filesystem::path> found;
  const auto take = [&](const std::filesystem::directory_entry& entry) {
    const Named what = named(entry.path());
    if (what != Named::nothing && entry.is_regular_file()) (what == Named::image ? found : others).push_back(entry.path());
  };
  if (deep) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) take(entry);
  } else {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) take(entry);
  }
  sort_paths(found);
  return found;
}

// Runs `scan`, which walks through `folder`, and turns the file system's errors into FileErrors.
template <class Scan>
auto scanned(const std::filesystem::path& folder, const Scan& scan) {
  try {
    if (!std::filesystem::is_directory(folder))
      throw FileError("image folder: " + folder.string() + " is not a folder: give a folder of JPEG or PNG files");
    return scan();
  } catch (const std::filesystem::filesystem_error& error) {
    throw FileError("image folder: cannot look through " + folder.string() + ": " + error.what());
  }
}

}  // namespace detail

VITRAIL_FUNCTION ImageFolder::ImageFolder(const std::filesystem::path& folder, std::vector<std::string> classes)
    : classes_(std::move(classes)) {
  detail::scanned(folder, [&] { scan(folder, !classes_.empty()); });
  detail::sort_paths(other_formats_);
  if (files_.empty())
    throw FileError("image folder: " + folder.string() + " holds no image: expected files ending in jpg, jpeg or png, in it or in class " +
                    "sub-folders" + (other_formats_.empty() ? "" : "; convert its other pictures, such as " + other_formats_[0].string()));
}

VITRAIL_FUNCTION Image ImageFolder::image(int index, int at_least) const { return read_image(file(index).path, at_least); }
VITRAIL_FUNCTION std::string ImageFolder::name(int index) const { return file(index).path.string(); }
VITRAIL_FUNCTION void ImageFolder::scan(const std::filesystem::path& folder, bool classes_given) {
  for (auto& path : detail::image_files(folder, false, other_formats_)) files_.push_back({std::move(path), -1});
  const bool loose = !files_.empty();
  for (const auto& sub : detail::sub_folders(folder)) {
    auto paths = detail::image_files(sub, true, other_formats_);
    if (paths.empty()) continue;
    if (loose)
      throw FileError("image folder: " + folder.string() + " holds images beside the class folder '" +
                      sub.filename().string() + "': move one or the other away");
    const int label = label_of(folder, sub.filename().string(), classes_given);
    for (auto& path : paths) files_.push_back({std::move(path), label});
  }
  if (loose) classes_.clear();
}

VITRAIL_FUNCTION int ImageFolder::label_of(const std::filesystem::path& folder, const std::string& name, bool classes_given) {
  const auto at = std::find(classes_.begin(), classes_.end(), name);
  if (at == classes_.end() && classes_given)
    throw FileError("image folder: " + folder.string() + " has a class '" + name + "' that is not among the " +
                    std::to_string(classes_.size()) + " classes of training: rename its folder, or take it away");
  const auto label = at - classes_.begin();
  if (at == classes_.end()) classes_.push_back(name);
  return static_cast<int>(label);
}

VITRAIL_FUNCTION Splits find_splits(const std::filesystem::path& folder) {
  return detail::scanned(folder, [&]() -> Splits {
    const auto train = folder / "train";
    if (!std::filesystem::is_directory(train)) return {folder, std::nullopt};
    for (const char* name : {"validation", "valid", "val", "test"})
      if (std::filesystem::is_directory(folder / name)) return {train, folder / name};
    if (detail::sub_folders(folder).size() == 1) return {train, std::nullopt};
    return {folder, std::nullopt};
  });
}

}  // namespace vitrail
