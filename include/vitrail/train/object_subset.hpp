// A part of a set of annotated images.
#pragma once
#include <memory>
#include <utility>

#include "object_set.hpp"
#include "subset.hpp"

namespace vitrail {

class ObjectSubset final : public ObjectSet {
 public:
  ObjectSubset(std::shared_ptr<const ObjectSet> whole, std::vector<int> indices)
      : whole_(whole), part_(std::move(whole), std::move(indices)) {}
  int size() const override { return part_.size(); }
  Image image(int index, int at_least = 0) const override { return part_.image(index, at_least); }
  int label(int index) const override { return part_.label(index); }
  const std::vector<std::string>& classes() const override { return part_.classes(); }
  std::string name(int index) const override { return part_.name(index); }
  Objects objects(int index) const override { return whole_->objects(part_.index_of(index)); }

 private:
  std::shared_ptr<const ObjectSet> whole_;
  Subset part_;
};

}  // namespace vitrail
