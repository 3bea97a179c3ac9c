// The shape families of the built-in image set, as outlines within the unit circle, and the clutter around them.
#pragma once
#include <string>
#include <utility>

#include "../../core/random.hpp"
#include "polygon.hpp"

namespace vitrail::shapes {

inline const std::vector<std::string>& family_names() {
  static const std::vector<std::string> names = {"circle", "triangle", "square",  "star",  "ring",
                                                 "cross",  "crescent", "hexagon", "arrow", "ell"};
  return names;
}

namespace detail {
inline constexpr double full_turn = 6.283185307179586;

// `count` points of an arc around (x, 0), from one angle to the other, without the last.
inline void add_arc(std::vector<Point>& contour, double x, double radius, double from, double to, int count) {
  for (int i = 0; i < count; ++i) {
    const double angle = from + (to - from) * i / count;
    contour.push_back({x + radius * std::cos(angle), radius * std::sin(angle)});
  }
}
inline std::vector<Point> regular(int corners, double radius, double direction = 1) {
  std::vector<Point> contour;
  add_arc(contour, 0, radius, 0, direction * full_turn, corners);
  return contour;
}
inline std::vector<Point> star(int tips, double inner) {
  std::vector<Point> contour = regular(2 * tips, 1);
  for (std::size_t i = 1; i < contour.size(); i += 2) contour[i] = {inner * contour[i].x, inner * contour[i].y};
  return contour;
}
// A disc of radius 0.95 without another of radius 0.8, whose centre lies at (0.5, 0).
inline std::vector<Point> crescent() {
  const double outer = 0.95, inner = 0.8, apart = 0.5;
  const double x = (apart * apart + outer * outer - inner * inner) / (2 * apart);  // where the circles meet
  const double at_outer = std::acos(x / outer), at_inner = std::acos((x - apart) / inner);
  std::vector<Point> contour;
  add_arc(contour, 0, outer, at_outer, full_turn - at_outer, 40);
  add_arc(contour, apart, inner, full_turn - at_inner, at_inner, 40);
  return contour;
}
}  // namespace detail

// The outline of family_names()[shape], of radius about 1 around (0, 0), unrotated.
inline Outline family_outline(int shape) {
  using detail::regular;
  constexpr double side = 0.76, arm = 0.3, reach = 0.95, bar = 0.24;
  switch (shape) {
    case 0:
      return {regular(60, 0.86)};
    case 1:
      return {regular(3, 1)};
    case 2:
      return {{{side, side}, {-side, side}, {-side, -side}, {side, -side}}};
    case 3:
      return {detail::star(5, 0.42)};
    case 4:
      return {regular(60, 0.92), regular(60, 0.52, -1)};
    case 5:
      return {{{arm, arm},
               {arm, reach},
               {-arm, reach},
               {-arm, arm},
               {-reach, arm},
               {-reach, -arm},
               {-arm, -arm},
               {-arm, -reach},
               {arm, -reach},
               {arm, -arm},
               {reach, -arm},
               {reach, arm}}};
    case 6:
      return {detail::crescent()};
    case 7:
      return {regular(6, 0.94)};
    case 8:
      return {{{1, 0}, {0.15, 0.75}, {0.15, bar}, {-0.95, bar}, {-0.95, -bar}, {0.15, -bar}, {0.15, -0.75}}};
    default:
      return {{{-0.6, -0.8}, {-0.1, -0.8}, {-0.1, 0.35}, {0.7, 0.35}, {0.7, 0.8}, {-0.6, 0.8}}};
  }
}

// A pebble or a splinter that belongs to no family: corners at irregular angles and distances.
inline Outline clutter_outline(Random& random) {
  const int corners = 3 + random.below(6);
  const double squeeze = random.uniform(0.25, 1);
  std::vector<Point> contour;
  for (int i = 0; i < corners; ++i) {
    const double angle = detail::full_turn * (i + random.uniform(-0.35, 0.35)) / corners;
    const double radius = random.uniform(0.45, 1);
    contour.push_back({radius * std::cos(angle), squeeze * radius * std::sin(angle)});
  }
  return {std::move(contour)};
}

// Where an outline goes: turned by `angle`, `stretch` times as wide as high before that, scaled and moved.
struct Placement {
  double x, y, radius, angle, stretch;
};
inline Outline placed(Outline outline, const Placement& at) {
  const double wide = at.radius * std::sqrt(at.stretch), high = at.radius / std::sqrt(at.stretch);
  const double c = std::cos(at.angle), s = std::sin(at.angle);
  for (auto& contour : outline)
    for (Point& p : contour) p = {at.x + c * wide * p.x - s * high * p.y, at.y + s * wide * p.x + c * high * p.y};
  return outline;
}

}  // namespace vitrail::shapes
