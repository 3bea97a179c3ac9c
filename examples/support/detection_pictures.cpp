#include "detection_pictures.hpp"

#include <algorithm>
#include <cmath>

namespace pictures {

namespace {

struct Rgb {
  std::uint8_t at[3];
};
// Ten colours that are told apart; an eleventh class has the first one again.
Rgb colour_of(int label) {
  static constexpr Rgb colours[] = {{{230, 25, 75}},  {{60, 180, 75}}, {{255, 190, 0}},  {{0, 110, 220}}, {{245, 130, 48}},
                                    {{145, 30, 180}}, {{0, 190, 200}}, {{240, 50, 230}}, {{128, 128, 0}}, {{100, 60, 20}}};
  return colours[label % 10];
}

}  // namespace

vitrail::Image enlarged(const vitrail::Image& from, int zoom) {
  vitrail::Image out(from.width * zoom, from.height * zoom, 3);
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x)
      for (int c = 0; c < 3; ++c) out.at(x, y)[c] = from.at(x / zoom, y / zoom)[std::min(c, from.channels - 1)];
  return out;
}

void draw_object(vitrail::Image& on, int zoom, int label, const vitrail::Box& box, const vitrail::RunLengthMask& mask) {
  const Rgb colour = colour_of(label);
  if (!mask.empty()) {
    const std::vector<std::uint8_t> inside = vitrail::decode_mask(mask);
    for (int y = 0; y < on.height; ++y)
      for (int x = 0; x < on.width; ++x)
        if (inside[static_cast<std::size_t>(y / zoom) * static_cast<std::size_t>(mask.width) + static_cast<std::size_t>(x / zoom)] != 0)
          for (int c = 0; c < 3; ++c) on.at(x, y)[c] = static_cast<std::uint8_t>((on.at(x, y)[c] + colour.at[c]) / 2);
  }
  const auto place = [&](float at, int most) {
    return std::clamp(static_cast<int>(std::lround(at * static_cast<float>(zoom))), 0, most - 1);
  };
  const int left = place(box.left, on.width), right = place(box.right, on.width);
  const int top = place(box.top, on.height), bottom = place(box.bottom, on.height);
  const auto paint = [&](int x, int y) { std::copy_n(colour.at, 3, on.at(x, y)); };
  for (int x = left; x <= right; ++x)
    for (int i = 0; i < 2; ++i) paint(x, std::min(top + i, on.height - 1)), paint(x, std::max(bottom - i, 0));
  for (int y = top; y <= bottom; ++y)
    for (int i = 0; i < 2; ++i) paint(std::min(left + i, on.width - 1), y), paint(std::max(right - i, 0), y);
}

}  // namespace pictures
