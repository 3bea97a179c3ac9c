#include "data.hpp"

#include <iostream>

#include <vitrail/io/cached_images.hpp>
#include <vitrail/io/open_images.hpp>
#include <vitrail/io/textured_shapes.hpp>
#include <vitrail/train/subset.hpp>

void Images::use(int count, vitrail::Random random) {
  if (count <= 0 || count >= train->size()) return;
  train = std::make_shared<vitrail::Subset>(train, vitrail::balanced_choice(*train, count, random));
  description += ", of which " + std::to_string(count) + " are used";
}

namespace {

std::string counted(int n, const char* one, const char* more) { return std::to_string(n) + " " + (n == 1 ? one : more); }

// A labelled set without a validation part gives a fifth of its images to validation, before anything is trained on them.
void hold_out(Images& images, std::uint64_t seed) {
  const std::vector<int> order = vitrail::balanced_order(*images.train, vitrail::Random(seed).stream(0x401D));
  const auto fifth = static_cast<std::ptrdiff_t>(order.size() / 5);
  if (fifth == 0) return;
  images.validation = std::make_shared<vitrail::Subset>(images.train, std::vector<int>(order.begin(), order.begin() + fifth));
  images.train = std::make_shared<vitrail::Subset>(images.train, std::vector<int>(order.begin() + fifth, order.end()));
  images.description += " (a fifth held out)";
}

}  // namespace

Images open_data(const std::string& data, int size, int count, std::uint64_t seed) {
  using namespace vitrail;
  Images images;
  if (data == "shapes") {
    images.train = std::make_shared<TexturedShapes>(ShapesConfig{.count = count, .size = size, .seed = seed});
    images.validation =
        std::make_shared<TexturedShapes>(ShapesConfig{.count = std::max(10, count / 5), .size = size, .seed = seed + 1'000'003});
    images.description = "built-in textured shapes";
  } else {
    const ImageSource source = open_images(data);
    const auto cached = [&](std::shared_ptr<const ImageSet> set) -> std::shared_ptr<const ImageSet> {
      return set == nullptr ? nullptr : std::make_shared<CachedImages>(std::move(set), 2 * size);
    };
    images.train = cached(source.train), images.validation = cached(source.validation);
    images.description = data;
    if (const std::size_t others = source.other_formats.size(); others > 0)
      images.description += " (without " + std::to_string(others) + " that are no JPEG or PNG: " + source.other_formats[0].string() + (others > 1 ? ", ...)" : ")");
  }
  if (images.validation == nullptr && !images.train->classes().empty()) hold_out(images, seed);
  images.description += ": " + counted(images.train->size(), "training image", "training images");
  if (images.validation != nullptr) images.description += ", " + counted(images.validation->size(), "validation image", "validation images");
  if (!images.train->classes().empty()) images.description += ", " + counted(static_cast<int>(images.train->classes().size()), "class", "classes");
  return images;
}

void say_unreadable(const vitrail::BatchLoader& loader) {
  if (loader.unreadable() > 0)
    std::cout << "could not be read, replaced by others: " << loader.unreadable() << "; the first: " << loader.first_unreadable() << "\n";
}

void say_unreadable(int evaluated) {
  if (evaluated > 0) std::cout << "could not be read, left out of the evaluation: " << evaluated << "\n";
}
