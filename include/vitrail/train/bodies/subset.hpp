// Bodies of subset.hpp.
#pragma once
#include <algorithm>

#include "../subset.hpp"

namespace vitrail {

VITRAIL_FUNCTION Subset::Subset(std::shared_ptr<const ImageSet> whole, std::vector<int> indices)
    : whole_(std::move(whole)), indices_(std::move(indices)) {
  for (const int index : indices_)
    if (index < 0 || index >= whole_->size())
      throw ShapeError("subset: index " + std::to_string(index) + " is not in 0 .. " + std::to_string(whole_->size() - 1) +
                       "; take indices of the whole set");
}

VITRAIL_FUNCTION Image Subset::image(int index, int at_least) const { return whole_->image(index_of(index), at_least); }

VITRAIL_FUNCTION int Subset::label(int index) const { return whole_->label(index_of(index)); }

VITRAIL_FUNCTION std::string Subset::name(int index) const { return whole_->name(index_of(index)); }

VITRAIL_FUNCTION int Subset::index_of(int index) const {
  if (index < 0 || index >= size())
    throw ShapeError("subset: image " + std::to_string(index) + " is not in 0 .. " + std::to_string(size() - 1) +
                     "; count from the subset's beginning, not the whole set's");
  return indices_[static_cast<std::size_t>(index)];
}

VITRAIL_FUNCTION std::vector<int> balanced_order(const ImageSet& set, Random random) {
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

VITRAIL_FUNCTION std::vector<int> balanced_choice(const ImageSet& set, int count, Random random) {
  std::vector<int> order = balanced_order(set, random);
  order.resize(static_cast<std::size_t>(std::min(count, set.size())));
  return order;
}

}  // namespace vitrail
