// Bodies of cached_images.hpp.
#pragma once
#include "../cached_images.hpp"

namespace vitrail {

VITRAIL_FUNCTION CachedImages::CachedImages(std::shared_ptr<const ImageSet> source, int side, std::size_t budget)
    : source_(std::move(source)), side_(side), budget_(budget) {
  if (source_ == nullptr) throw ConfigError("cached images: expected a set of images, found none");
  if (side < 1) throw ConfigError("cached images: side is " + std::to_string(side) + ", expected at least 1 pixel");
  kept_.resize(static_cast<std::size_t>(source_->size()));
}

VITRAIL_FUNCTION Image CachedImages::image(int index, int at_least) const {
  if (at_least < 1 || at_least > side_) return source_->image(index, at_least);
  const std::size_t at = detail::checked_index("cached images", index, size());
  if (const auto found = kept(at)) return *found;
  // Outside the lock: two threads may both do it, with the same result.
  Image fresh = detail::reduced_to(source_->image(index, side_), side_);
  keep(at, fresh);
  return fresh;
}

VITRAIL_FUNCTION std::size_t CachedImages::bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return bytes_;
}

}  // namespace vitrail
