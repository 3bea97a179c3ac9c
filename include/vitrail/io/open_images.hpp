// What `--data DIR` means: looks into a folder and opens what it holds, training images and, if there are, others.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "../train/image_set.hpp"
#include "cifar.hpp"
#include "idx.hpp"
#include "image_folder.hpp"

namespace vitrail {

struct ImageSource {
  std::shared_ptr<const ImageSet> train;
  std::shared_ptr<const ImageSet> validation;  // null if the folder has no second part; labels as in train
};

// Opens `folder` as the first of these that it is: MNIST's IDX files (find_idx), CIFAR's binary files (find_cifar), a
// folder split in train/ and validation/ (find_splits), class folders, images. Throws FileError that says what it
// lacks.
inline ImageSource open_images(const std::filesystem::path& folder) {
  ImageSource source;
  if (const auto idx = find_idx(folder)) {
    source.train = std::make_shared<IdxImages>(idx->train.images, idx->train.labels);
    if (idx->test)
      source.validation = std::make_shared<IdxImages>(idx->test->images, idx->test->labels, source.train->classes());
    return source;
  }
  if (const auto cifar = find_cifar(folder)) {
    source.train = std::make_shared<CifarImages>(cifar->train, cifar->kind, cifar->classes);
    if (!cifar->test.empty())
      source.validation = std::make_shared<CifarImages>(cifar->test, cifar->kind, source.train->classes());
    return source;
  }
  const Splits splits = find_splits(folder);
  source.train = std::make_shared<ImageFolder>(splits.train);
  if (splits.validation) source.validation = std::make_shared<ImageFolder>(*splits.validation, source.train->classes());
  return source;
}

}  // namespace vitrail
