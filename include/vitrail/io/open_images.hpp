// What `--data DIR` means: looks into a folder and opens what it holds, training images and, if there are, others.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "../core/config.hpp"
#include "../train/image_set.hpp"
#include "cifar.hpp"
#include "idx.hpp"
#include "image_folder.hpp"

namespace vitrail {

struct ImageSource {
  std::shared_ptr<const ImageSet> train;
  std::shared_ptr<const ImageSet> validation;  // null if the folder has no second part; labels as in train
  std::vector<std::filesystem::path> other_formats{};  // pictures that were left out, see ImageFolder
};

// Opens `folder` as the first of these that it is: MNIST's IDX files (find_idx), CIFAR's binary files (find_cifar), a
// folder split in train/ and validation/ (find_splits), class folders, images. Throws FileError that says what it
// lacks.
VITRAIL_FUNCTION ImageSource open_images(const std::filesystem::path& folder);

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/open_images.hpp"
#endif
