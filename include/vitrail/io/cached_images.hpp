// Decoded once, then from memory: an ImageSet that keeps reduced images of another up to a budget of bytes.
#pragma once
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "../core/config.hpp"
#include "../core/error.hpp"
#include "../tensor/image.hpp"
#include "../train/image_set.hpp"
#include "box_filter.hpp"
#include "image_limits.hpp"

namespace vitrail {

// Keeps images whose shorter side is reduced to `side` pixels (or up to an eighth more, where that is how they come), filled as they
// are asked for, by any number of threads; when `budget` bytes are full, the rest are decoded again each time (no image is thrown
// out: an epoch asks for every image once, and then the oldest is as useful as the newest).
class CachedImages final : public ImageSet {
 public:
  // `side` in pixels, at least 1, else ConfigError: the largest `at_least` that will be asked for. `budget` in bytes.
  CachedImages(std::shared_ptr<const ImageSet> source, int side, std::size_t budget = std::size_t{1} << 30);

  int size() const override { return source_->size(); }
  // For 1 <= at_least <= side the reduced image, the same whether it was kept or not; for others (0: full size) what
  // the source gives, which is not kept. What cannot be read throws the source's FileError every time.
  Image image(int index, int at_least = 0) const override;
  int label(int index) const override { return source_->label(index); }
  const std::vector<std::string>& classes() const override { return source_->classes(); }
  std::string name(int index) const override { return source_->name(index); }

  // Bytes of the images kept so far; never above the budget.
  std::size_t bytes() const;

 private:
  std::shared_ptr<const Image> kept(std::size_t at) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return kept_[at];
  }
  void keep(std::size_t at, const Image& image) const {
    const std::size_t cost = sizeof(Image) + image.pixels.size();
    const std::lock_guard<std::mutex> lock(mutex_);
    if (kept_[at] != nullptr || cost > budget_ - bytes_) return;
    kept_[at] = std::make_shared<const Image>(image);
    bytes_ += cost;
  }

  std::shared_ptr<const ImageSet> source_;
  int side_;
  std::size_t budget_;
  mutable std::mutex mutex_;
  mutable std::size_t bytes_ = 0;
  mutable std::vector<std::shared_ptr<const Image>> kept_;
};

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/cached_images.hpp"
#endif
