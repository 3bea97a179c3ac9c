// Round numbers for the axes of a chart, and their labels.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace vitrail {

// What an axis shows: from < to, and the values that get a line and a label.
struct Axis {
  double from = 0, to = 1;
  std::vector<double> ticks{};
};

// About `wanted` ticks at multiples of 1, 2 or 5 times a power of ten (Heckbert, "Nice numbers for graph labels",
// Graphics Gems 1990). A constant series gets some room on both sides. least <= most, both finite.
inline Axis linear_axis(double least, double most, int wanted) {
  if (!(most - least > 1e-12 * std::max(std::abs(least), std::abs(most)))) {
    const double room = least == 0 ? 1 : std::abs(least) * 0.1;
    least -= room, most += room;
  }
  const double rough = (most - least) / wanted;
  const double power = std::pow(10, std::floor(std::log10(rough))), lead = rough / power;
  const double step = power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
  Axis axis{least, most};
  for (double i = std::ceil(least / step - 1e-9); i * step <= most + 1e-9 * step; ++i)
    axis.ticks.push_back(i * step + 0.0);
  return axis;
}

// The same with the ends moved outward to ticks, for the axis on which the curves' heights are read.
inline Axis rounded_axis(double least, double most, int wanted) {
  Axis axis = linear_axis(least, most, wanted);
  if (axis.ticks.size() < 2) return axis;
  const double step = axis.ticks[1] - axis.ticks[0];
  if (axis.from < axis.ticks.front() - 1e-9 * step) axis.ticks.insert(axis.ticks.begin(), axis.ticks.front() - step);
  if (axis.to > axis.ticks.back() + 1e-9 * step) axis.ticks.push_back(axis.ticks.back() + step);
  axis.from = axis.ticks.front(), axis.to = axis.ticks.back();
  return axis;
}

// Powers of ten, with 2 and 5 between them where there are few. 0 < least <= most.
inline Axis log_axis(double least, double most) {
  least = std::max(least, 1e-300);
  if (most <= least * 1.0001) least /= 2, most *= 2;
  const int low = static_cast<int>(std::floor(std::log10(least))), high = static_cast<int>(std::ceil(std::log10(most)));
  const int stride = std::max(1, (high - low + 5) / 6);
  Axis axis{least, most};
  for (int exponent = low; exponent <= high; exponent += stride)
    for (const double lead : {1.0, 2.0, 5.0}) {
      const double tick = lead * std::pow(10, exponent);
      const bool inside = tick >= least * 0.9999 && tick <= most * 1.0001;
      if (inside && (lead == 1.0 || high - low <= 3)) axis.ticks.push_back(tick);
    }
  return axis;
}

// "0.25", "2k", "1.5M", "1e-5": as many digits as tell neighbours apart; `step` is their distance (0: four digits).
inline std::string tick_label(double value, double step = 0) {
  const double size = std::abs(value);
  char text[40];
  if (size != 0 && (size < 1e-3 || size >= 1e9 || (step > 0 && step < 1e-4 && size < 1e-2))) {
    const int exponent = static_cast<int>(std::floor(std::log10(size) + 1e-9));
    std::snprintf(text, sizeof text, "%.4ge%d", value / std::pow(10, exponent), exponent);
    return text;
  }
  const double thousands = step >= 500 ? 1e3 : 1e4;  // "1k" beside "10k", but "1250" beside "1300"
  const double unit = size >= 1e6 ? 1e6 : size >= thousands ? 1e3 : 1;
  const char* suffix = unit > 1e3 ? "M" : unit > 1 ? "k" : "";
  const double scaled = value / unit, apart = step / unit;
  int digits = apart > 0 ? static_cast<int>(std::ceil(-std::log10(apart) - 1e-9)) : 4;
  digits = std::clamp(digits, 0, 6);
  std::snprintf(text, sizeof text, "%.*f", digits, scaled);
  std::string label = text;
  if (label.find('.') != std::string::npos) {
    label.erase(label.find_last_not_of('0') + 1);
    if (label.back() == '.') label.pop_back();
  }
  return (label == "-0" ? "0" : label) + suffix;
}

}  // namespace vitrail
