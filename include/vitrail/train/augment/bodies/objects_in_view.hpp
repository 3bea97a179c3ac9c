// Bodies of objects_in_view.hpp.
#pragma once
#include "../objects_in_view.hpp"

namespace vitrail {

VITRAIL_FUNCTION std::vector<ViewObject> objects_in_view(const Objects& objects, int width, int height, const ViewPlan& plan) {
  const int across = plan.across.size, down = plan.down.size;
  const detail::ViewAxis x_axis{plan.across, static_cast<double>(objects.width) / width, plan.flip};
  const detail::ViewAxis y_axis{plan.down, static_cast<double>(objects.height) / height, false};
  std::vector<int> columns, rows;
  for (int x = 0; x < across; ++x) columns.push_back(x_axis.from_view(x, objects.width));
  for (int y = 0; y < down; ++y) rows.push_back(y_axis.from_view(y, objects.height));

  std::vector<ViewObject> out;
  for (const Object& object : objects.all) {
    if (object.crowd) continue;
    const float left = x_axis.to_view(static_cast<double>(object.box.left)), right = x_axis.to_view(static_cast<double>(object.box.right));
    ViewObject seen{object.label,
                    {std::min(left, right), y_axis.to_view(static_cast<double>(object.box.top)), std::max(left, right),
                     y_axis.to_view(static_cast<double>(object.box.bottom))}};
    if (seen.box.width() < 1 || seen.box.height() < 1) continue;
    const std::vector<std::uint8_t> mask = object.mask.empty() ? std::vector<std::uint8_t>{} : decode_mask(object.mask);
    const auto inside = [&](int x, int y) {
      if (columns[static_cast<std::size_t>(x)] < 0 || rows[static_cast<std::size_t>(y)] < 0) return false;
      if (mask.empty()) return true;
      return mask[static_cast<std::size_t>(rows[static_cast<std::size_t>(y)]) * static_cast<std::size_t>(objects.width) +
                  static_cast<std::size_t>(columns[static_cast<std::size_t>(x)])] != 0;
    };
    seen.mask.resize((static_cast<std::size_t>(across) * static_cast<std::size_t>(down) + 31) / 32);
    bool any = false;
    // Pixels whose middle lies in the box.
    const auto first = [](float edge) { return static_cast<int>(std::ceil(edge - 0.5f)); };
    for (int y = first(seen.box.top); y < first(seen.box.bottom); ++y)
      for (int x = first(seen.box.left); x < first(seen.box.right); ++x)
        if (inside(x, y)) {
          const std::size_t at = static_cast<std::size_t>(y) * static_cast<std::size_t>(across) + static_cast<std::size_t>(x);
          seen.mask[at / 32] |= std::uint32_t{1} << (at % 32), any = true;
        }
    if (any) out.push_back(std::move(seen));
  }
  return out;
}

}  // namespace vitrail
