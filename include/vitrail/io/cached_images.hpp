// Decoded once, then from memory: an ImageSet that keeps reduced images of another up to a budget of bytes.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "../tensor/image.hpp"
#include "../train/image_set.hpp"
#include "image_limits.hpp"

namespace vitrail {

namespace detail {

// The pixels of one row or column of the source that lie in one pixel of the result, in units of 1/`to` of a pixel.
struct BoxSpan {
  int first, last;
  std::int64_t first_part, last_part;  // how much of the two end pixels; those between count whole

  BoxSpan(int index, int from, int to) {
    const std::int64_t begin = std::int64_t{index} * from, end = begin + from;
    first = static_cast<int>(begin / to);
    last = static_cast<int>((end - 1) / to);
    last_part = end - std::int64_t{last} * to;
    first_part = to - begin % to;  // a span is at least one pixel long: if first is last, all of it
  }
  std::int64_t part(int at, int to) const { return at == first ? first_part : at == last ? last_part : to; }
};

// Means over areas (a box filter), exact in integers and rounded once, to a size that is not larger in either axis.
inline Image box_reduced(const Image& source, int width, int height) {
  const std::size_t row = static_cast<std::size_t>(width) * static_cast<std::size_t>(source.channels);
  const std::int64_t area = std::int64_t{source.width} * source.height;
  Image out(width, height, source.channels);
  std::vector<std::int64_t> sums(row);
  std::vector<BoxSpan> columns;
  for (int x = 0; x < width; ++x) columns.emplace_back(x, source.width, width);
  for (int y = 0; y < height; ++y) {
    std::fill(sums.begin(), sums.end(), 0);
    const BoxSpan rows(y, source.height, height);
    for (int from_y = rows.first; from_y <= rows.last; ++from_y) {
      const std::int64_t weight = rows.part(from_y, height);
      std::int64_t* sum = sums.data();
      for (const BoxSpan& span : columns) {
        const std::uint8_t* from = source.at(span.first, from_y);
        for (int from_x = span.first; from_x <= span.last; ++from_x)
          for (int c = 0; c < source.channels; ++c) sum[c] += weight * span.part(from_x, width) * *from++;
        sum += source.channels;
      }
    }
    std::transform(sums.begin(), sums.end(), out.at(0, y),
                   [area](std::int64_t sum) { return static_cast<std::uint8_t>((sum + area / 2) / area); });
  }
  return out;
}

// `image` with its shorter side reduced to `side` pixels and its proportions kept; as it is if that is not less.
inline Image reduced_to(Image image, int side) {
  const int shorter = std::min(image.width, image.height);
  if (shorter <= side) return image;
  const auto scaled = [&](int length) {
    return static_cast<int>((std::int64_t{length} * side + shorter / 2) / shorter);
  };
  return box_reduced(image, scaled(image.width), scaled(image.height));
}

}  // namespace detail

// Keeps images whose shorter side is reduced to `side` pixels, filled as they are asked for, by any number of threads;
// when `budget` bytes are full, the rest are decoded again each time (no image is thrown out: an epoch asks for every
// image once, and then the oldest is as useful as the newest).
class CachedImages final : public ImageSet {
 public:
  // `side` in pixels, at least 1, else ConfigError: the largest `at_least` that will be asked for. `budget` in bytes.
  CachedImages(std::shared_ptr<const ImageSet> source, int side, std::size_t budget = std::size_t{1} << 30)
      : source_(std::move(source)), side_(side), budget_(budget) {
    if (source_ == nullptr) throw ConfigError("cached images: expected a set of images, found none");
    if (side < 1) throw ConfigError("cached images: side is " + std::to_string(side) + ", expected at least 1 pixel");
    kept_.resize(static_cast<std::size_t>(source_->size()));
  }

  int size() const override { return source_->size(); }
  // For 1 <= at_least <= side the reduced image, the same whether it was kept or not; for others (0: full size) what
  // the source gives, which is not kept. What cannot be read throws the source's FileError every time.
  Image image(int index, int at_least = 0) const override {
    if (at_least < 1 || at_least > side_) return source_->image(index, at_least);
    const std::size_t at = detail::checked_index("cached images", index, size());
    if (const auto found = kept(at)) return *found;
    // Outside the lock: two threads may both do it, with the same result.
    const auto fresh = std::make_shared<const Image>(detail::reduced_to(source_->image(index, side_), side_));
    keep(at, fresh);
    return *fresh;
  }
  int label(int index) const override { return source_->label(index); }
  const std::vector<std::string>& classes() const override { return source_->classes(); }
  std::string name(int index) const override { return source_->name(index); }

  // Bytes of the images kept so far; never above the budget.
  std::size_t bytes() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return bytes_;
  }

 private:
  std::shared_ptr<const Image> kept(std::size_t at) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return kept_[at];
  }
  void keep(std::size_t at, const std::shared_ptr<const Image>& image) const {
    const std::size_t cost = sizeof(Image) + image->pixels.capacity();
    const std::lock_guard<std::mutex> lock(mutex_);
    if (kept_[at] != nullptr || cost > budget_ - bytes_) return;
    kept_[at] = image;
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
