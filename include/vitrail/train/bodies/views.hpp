// Bodies of views.hpp.
#pragma once
#include "../views.hpp"

namespace vitrail {

VITRAIL_FUNCTION std::vector<ViewGroup> view_groups(int size, const std::vector<ViewConfig>& views) {
  if (views.empty()) return {{size, 1}};
  std::vector<ViewGroup> groups;
  for (const ViewConfig& view : views) {
    check(view.augment);
    const int own = view.size == 0 ? size : view.size;
    if (view.count < 1) throw ConfigError("views: each must be made at least once, found " + std::to_string(view.count));
    if (own < 1 || own > size)
      throw ConfigError("views: one of " + std::to_string(own) + " pixels is larger than the image of " + std::to_string(size) +
                        " pixels, or empty; choose 1 .. " + std::to_string(size));
    if (!groups.empty() && groups.back().size == own) {
      groups.back().count += view.count;
    } else {
      for (const ViewGroup& other : groups)
        if (other.size == own) throw ConfigError("views: those of " + std::to_string(own) + " pixels must follow one another");
      groups.push_back({own, view.count});
    }
  }
  return groups;
}

VITRAIL_FUNCTION std::string text(const std::vector<ViewGroup>& groups) {  // "2 of 96 pixels, 6 of 48 pixels"
  std::string out;
  for (const ViewGroup& group : groups)
    out += (out.empty() ? "" : ", ") + std::to_string(group.count) + " of " + std::to_string(group.size) + " pixels";
  return out;
}

}  // namespace vitrail
