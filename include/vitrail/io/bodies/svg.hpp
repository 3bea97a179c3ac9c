// Bodies of svg.hpp.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "../html.hpp"
#include "../svg.hpp"
#include "../ticks.hpp"

namespace vitrail {

namespace detail {

class ChartWriter {
 public:
  ChartWriter(const Chart& chart, double width) : chart_(chart), width_(width), right_(width - 18) {
    for (const Series& series : chart.series)
      for (std::size_t i = 0; i < series.points.size(); ++i) {
        const auto [x, y] = series.points[i];
        const double spread = i < series.spread.size() ? series.spread[i] : 0;
        if (drawable(x, y - spread) && drawable(x, y + spread)) include(x, y - spread), include(x, y + spread);
        else if (drawable(x, y)) include(x, y);
      }
    const bool empty = x_low_ > x_high_;
    for (const Level& level : chart.levels)
      if (drawable(1, level.y)) y_low_ = std::min(y_low_, level.y), y_high_ = std::max(y_high_, level.y);
    if (empty) x_low_ = chart.log_x ? 1 : 0, x_high_ = chart.log_x ? 10 : 1;
    if (y_low_ > y_high_) y_low_ = chart.log_y ? 0.1 : 0, y_high_ = 1;
    x_ = chart.log_x ? log_axis(x_low_, x_high_) : linear_axis(x_low_, x_high_, 6);
    y_ = chart.log_y ? log_axis(y_low_, y_high_) : rounded_axis(y_low_, y_high_, 5);
    draw_frame();
    for (std::size_t i = 0; i < chart.series.size(); ++i) draw_series(chart.series[i], i % 8);
    for (const Level& level : chart.levels) draw_level(level);
    if (empty) text(middle_x(), (top + bottom) / 2, "middle", "no data yet", "axis");
    svg_ += "</svg>";
  }
  std::string take() { return std::move(svg_); }

 private:
  static constexpr double height = 320, left = 62, top = 14, bottom = 270;

  double middle_x() const { return (left + right_) / 2; }
  bool drawable(double x, double y) const {
    const bool has_logarithms = (!chart_.log_x || x > 1e-300) && (!chart_.log_y || y > 1e-300);
    return has_logarithms && std::abs(x) < 1e300 && std::abs(y) < 1e300;  // their span is finite, too
  }
  void include(double x, double y) {
    x_low_ = std::min(x_low_, x), x_high_ = std::max(x_high_, x);
    y_low_ = std::min(y_low_, y), y_high_ = std::max(y_high_, y);
  }
  static double share(double v, const Axis& axis, bool log) {
    return log ? (std::log(v) - std::log(axis.from)) / (std::log(axis.to) - std::log(axis.from)) : (v - axis.from) / (axis.to - axis.from);
  }
  double place_x(double x) const { return left + (right_ - left) * share(x, x_, chart_.log_x); }
  double place_y(double y) const { return bottom - (bottom - top) * share(y, y_, chart_.log_y); }

  void text(double x, double y, const char* anchor, const std::string& words, const char* kind, const char* more = "") {
    svg_ += "<text x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" text-anchor=\"" + anchor + "\" class=\"" + kind + "\"" + more +
            ">" + escape_html(words) + "</text>";
  }
  void line(double x1, double y1, double x2, double y2, const char* kind) {
    svg_ += "<line x1=\"" + coordinate(x1) + "\" y1=\"" + coordinate(y1) + "\" x2=\"" + coordinate(x2) + "\" y2=\"" + coordinate(y2) +
            "\" class=\"" + kind + "\"/>";
  }

  void draw_frame() {
    svg_ = "<svg viewBox=\"0 0 " + coordinate(width_) + " " + coordinate(height) + "\" role=\"img\" aria-label=\"" +
           escape_html(chart_.title) + "\">";
    const auto apart = [](const Axis& axis) { return axis.ticks.size() > 1 ? axis.ticks[1] - axis.ticks[0] : 0.0; };
    for (const double tick : y_.ticks) {
      line(left, place_y(tick), right_, place_y(tick), "grid");
      text(left - 8, place_y(tick) + 4, "end", tick_label(tick, chart_.log_y ? 0 : apart(y_)), "axis");
    }
    for (const double tick : x_.ticks) {
      line(place_x(tick), bottom, place_x(tick), bottom + 4, "base");
      text(place_x(tick), bottom + 19, "middle", tick_label(tick, chart_.log_x ? 0 : apart(x_)), "axis");
    }
    line(left, bottom, right_, bottom, "base");
    text(middle_x(), height - 8, "middle", chart_.x_label, "axis name");
    text(-(top + bottom) / 2, 14, "middle", chart_.y_label, "axis name", " transform=\"rotate(-90)\"");
  }

  void draw_level(const Level& level) {
    if (!drawable(1, level.y)) return;
    line(left, place_y(level.y), right_, place_y(level.y), "level");
    const bool room = place_y(level.y) > top + 14;
    text(right_ - 2, place_y(level.y) + (room ? -5 : 14), "end", level.name, "axis halo");
  }

  void draw_series(const Series& series, std::size_t colour) {
    const std::string kind = "s" + std::to_string(colour);
    if (series.smooth > 0) {
      draw_runs(series.points, kind + " faint");
      draw_runs(smoothed(series), kind);
    } else {
      draw_runs(series.points, kind);
    }
    for (std::size_t i = 0; i < std::min(series.spread.size(), series.points.size()); ++i) {
      const auto [x, y] = series.points[i];
      if (drawable(x, y - series.spread[i]) && drawable(x, y + series.spread[i]))
        line(place_x(x), place_y(y - series.spread[i]), place_x(x), place_y(y + series.spread[i]), kind.c_str());
    }
  }

  // Stretches without a gap; a point alone is a dot, and so is every point of a short line, with its value on hover.
  void draw_runs(const std::vector<std::pair<double, double>>& points, const std::string& kind) {
    const bool dots = points.size() <= 40;
    for (std::size_t i = 0; i < points.size();) {
      std::size_t end = i;
      while (end < points.size() && drawable(points[end].first, points[end].second)) ++end;
      if (end - i > 1) draw_run(points, i, end, kind);
      for (std::size_t k = i; k < end && (dots || end - i == 1); ++k)
        svg_ += "<circle cx=\"" + coordinate(place_x(points[k].first)) + "\" cy=\"" + coordinate(place_y(points[k].second)) +
                "\" r=\"3\" class=\"" + kind + "\"><title>" + tick_label(points[k].first) + ": " + tick_label(points[k].second) +
                "</title></circle>";
      i = end + 1;
    }
  }

  // Of the points that fall on the same half unit of x, the lowest and the highest are enough: a log of a million steps
  // stays a small page, and no spike is lost.
  void draw_run(const std::vector<std::pair<double, double>>& points, std::size_t i, std::size_t end, const std::string& kind) {
    svg_ += "<polyline class=\"" + kind + "\" points=\"";
    const auto put = [&](std::size_t k) {
      svg_ += coordinate(place_x(points[k].first)) + "," + coordinate(place_y(points[k].second)) + " ";
    };
    while (i < end) {
      std::size_t low = i, high = i, next = i;
      const double column = std::floor(2 * place_x(points[i].first));
      for (; next < end && std::floor(2 * place_x(points[next].first)) == column; ++next) {
        if (points[next].second < points[low].second) low = next;
        if (points[next].second > points[high].second) high = next;
      }
      put(std::min(low, high));
      if (low != high) put(std::max(low, high));
      i = next;
    }
    svg_ += "\"/>";
  }

  // The exponential running mean, without the bias towards its start; gaps stay gaps.
  std::vector<std::pair<double, double>> smoothed(const Series& series) const {
    std::vector<std::pair<double, double>> out = series.points;
    const double keep = 1.0 - 1.0 / series.smooth;
    double sum = 0, weight = 0;
    for (auto& [x, y] : out) {
      if (!drawable(x, y)) continue;
      sum = keep * sum + y, weight = keep * weight + 1;
      y = sum / weight;
    }
    return out;
  }

  const Chart& chart_;
  double width_, right_;
  double x_low_ = std::numeric_limits<double>::infinity(), x_high_ = -x_low_, y_low_ = x_low_, y_high_ = -x_low_;
  Axis x_, y_;
  std::string svg_;
};

}  // namespace detail

VITRAIL_FUNCTION std::string line_chart_svg(const Chart& chart, double width) { return detail::ChartWriter(chart, width).take(); }

}  // namespace vitrail
