// Bodies of open_images.hpp.
#pragma once
#include "../open_images.hpp"

namespace vitrail {

VITRAIL_FUNCTION ImageSource open_images(const std::filesystem::path& folder) {
  ImageSource source;
  if (const auto idx = find_idx(folder)) {
    source.train = std::make_shared<IdxImages>(idx->train.images, idx->train.labels);
    if (idx->test) source.validation = std::make_shared<IdxImages>(idx->test->images, idx->test->labels, source.train->classes());
    return source;
  }
  if (const auto cifar = find_cifar(folder)) {
    source.train = std::make_shared<CifarImages>(cifar->train, cifar->kind, cifar->classes);
    if (!cifar->test.empty()) source.validation = std::make_shared<CifarImages>(cifar->test, cifar->kind, source.train->classes());
    return source;
  }
  const Splits splits = find_splits(folder);
  const auto open = [&](const std::filesystem::path& part, std::vector<std::string> classes) {
    auto images = std::make_shared<ImageFolder>(part, std::move(classes));
    source.other_formats.insert(source.other_formats.end(), images->other_formats().begin(), images->other_formats().end());
    return images;
  };
  source.train = open(splits.train, {});
  if (splits.validation) source.validation = open(*splits.validation, source.train->classes());
  return source;
}

}  // namespace vitrail
