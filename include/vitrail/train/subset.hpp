// A part of an image set: what is held out, or the few images whose labels may be used.
#pragma once
#include <memory>
#include <utility>

#include "../core/config.hpp"
#include "../core/error.hpp"
#include "../core/random.hpp"
#include "image_set.hpp"

namespace vitrail {

class Subset final : public ImageSet {
 public:
  Subset(std::shared_ptr<const ImageSet> whole, std::vector<int> indices);
  int size() const override { return static_cast<int>(indices_.size()); }
  Image image(int index, int at_least = 0) const override;
  int label(int index) const override;
  const std::vector<std::string>& classes() const override { return whole_->classes(); }
  std::string name(int index) const override;
  // Its number in the whole set.
  int index_of(int index) const;

 private:
  std::shared_ptr<const ImageSet> whole_;
  std::vector<int> indices_;
};

// All indices of a set in random order, taken from the classes in turn, so that any first n are as balanced as can be.
VITRAIL_FUNCTION std::vector<int> balanced_order(const ImageSet& set, Random random);
// The first `count` of them, or all.
VITRAIL_FUNCTION std::vector<int> balanced_choice(const ImageSet& set, int count, Random random);

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/subset.hpp"
#endif
