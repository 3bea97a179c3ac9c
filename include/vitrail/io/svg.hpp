// Line charts as inline SVG. Colours come from the page's style sheet, so that one chart suits light and dark pages.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "../core/config.hpp"

namespace vitrail {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  // (x, y) in the order of the line; a y that is not finite is a gap
  // 0: the points as they are. Otherwise they are drawn faintly, under their running mean with this memory (in points).
  int smooth = 0;
  std::vector<double> spread = {};  // of each point: a bar from y - spread to y + spread; empty: none
};

// A dashed horizontal line to compare with: chance, an entropy, a floor.
struct Level {
  std::string name;
  double y = 0;
};

struct Chart {
  std::string title, x_label, y_label;  // labels carry their units: "loss (nats)"
  std::vector<Series> series;           // up to 8 are told apart by colour and dashes, further ones repeat them
  std::vector<Level> levels = {};
  bool log_y = false, log_x = false;    // values of zero or less are then gaps
};

// The picture alone, an <svg> element without title and legend; see Report::chart. It is scaled to the width it gets;
// `width`, against a height of 320, sets its proportions and so the size of its text.
VITRAIL_FUNCTION std::string line_chart_svg(const Chart& chart, double width = 640);

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/svg.hpp"
#endif
