// A part of an image set: what is held out, or the few images whose labels may be used.
#pragma once
#include <memory>
#include <utility>

#include "../core/error.hpp"
#include "../core/random.hpp"
#include "image_set.hpp"

namespace vitrail {

class Subset final : public ImageSet {
 public:
  Subset(std::shared_ptr<const ImageSet> whole, std::vector<int> indices) : whole_(std::move(whole)), indices_(std::move(indices)) {
    for (const int index : indices_)
      if (index < 0 || index >= whole_->size())
        throw ShapeError("subset: index " + std::to_string(index) + " is not in 0 .. " + std::to_string(whole_->size() - 1) +
                         "; take indices of the whole set");
  }
  int size() const override { return static_cast<int>(indices_.size()); }
  Image image(int index, int at_least = 0) const override { return whole_->image(index_of(index), at_least); }
  int label(int index) const override { return whole_->label(index_of(index)); }
  const std::vector<std::string>& classes() const override { return whole_->classes(); }
  std::string name(int index) const override { return whole_->name(index_of(index)); }
  // Its number in the whole set.
  int index_of(int index) const {
    if (index < 0 || index >= size())
      throw ShapeError("subset: image " + std::to_string(index) + " is not in 0 .. " + std::to_string(size() - 1) +
                       "; count from the subset's beginning, not the whole set's");
    return indices_[static_cast<std::size_t>(index)];
  }

 private:
  std::shared_ptr<const ImageSet> whole_;
  std::vector<int> indices_;
};

// All indices of a set in random order, taken from the classes in turn, so that any first n are as balanced as can be.
inline std::vector<int> balanced_order(const ImageSet& set, Random random) {
  std::vector<std::vector<int>> of_class(set.classes().size() + 1);  // the last: unlabelled
  for (int i = 0; i < set.size(); ++i) {
    const int label = set.label(i);
    of_class[label < 0 ? of_class.size() - 1 : static_cast<std::size_t>(label)].push_back(i);
  }
  for (std::vector<int>& members : of_class) random.shuffle(members.data(), static_cast<int>(members.size()));
  std::vector<int> order;
  for (std::size_t round = 0; static_cast<int>(order.size()) < set.size(); ++round)
    for (const std::vector<int>& members : of_class)
      if (round < members.size()) order.push_back(members[round]);
  return order;
}

}  // namespace vitrail
