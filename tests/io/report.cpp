// The report page: self-contained, escaped, and its charts draw whatever a run may have logged.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../../include/vitrail/io/base64.hpp"
#include "../../include/vitrail/io/report.hpp"
#include "../../include/vitrail/io/ticks.hpp"

using namespace vitrail;

namespace {
int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}
constexpr double gap = std::numeric_limits<double>::quiet_NaN();
}  // namespace

TEST_SUITE("io report") {
  TEST_CASE("base64 gives the vectors of RFC 4648") {
    const auto of = [](const std::string& text) { return base64(std::vector<std::uint8_t>(text.begin(), text.end())); };
    CHECK(of("") == "");
    CHECK(of("f") == "Zg==");
    CHECK(of("fo") == "Zm8=");
    CHECK(of("foobar") == "Zm9vYmFy");
    CHECK(base64(std::vector<std::uint8_t>{0xFB, 0xFF, 0xFE}) == "+//+");
  }

  TEST_CASE("axes have a few round ticks inside their range, for any range") {
    for (const double size : {1e-9, 3e-4, 0.7, 1.0, 12.0, 9999.0, 4e8})
      for (const double start : {-1.0, 0.0, 0.37}) {
        const Axis axis = rounded_axis(start * size, (start + 1) * size, 5);
        CHECK(axis.ticks.size() >= 3);
        CHECK(axis.ticks.size() <= 10);
        CHECK(axis.from <= start * size + 1e-9 * size);
        CHECK(axis.to >= (start + 1) * size - 1e-9 * size);
      }
    CHECK(linear_axis(0, 10, 5).ticks == std::vector<double>{0, 2, 4, 6, 8, 10});
    CHECK(linear_axis(9, 9, 5).ticks.size() >= 2);
    CHECK(log_axis(0.1, 1000).ticks.size() >= 4);
    CHECK(tick_label(12000, 2000) == "12k");
    CHECK(tick_label(0.25, 0.05) == "0.25");
    CHECK(tick_label(2, 0.5) == "2");
    CHECK(tick_label(1.4e-4, 2e-5) == "1.4e-4");
  }

  TEST_CASE("a chart draws gaps, single points, constants and nothing at all") {
    const auto draw = [](std::vector<std::pair<double, double>> points, bool log_y = false) {
      const std::string svg = line_chart_svg({.title = "t", .x_label = "x", .y_label = "y",
                                              .series = {{"s", std::move(points)}}, .log_y = log_y});
      CHECK(count(svg, "nan") == 0);
      CHECK(count(svg, "inf") == 0);
      return svg;
    };
    CHECK(count(draw({}), "no data yet") == 1);
    CHECK(count(draw({{1, gap}}), "no data yet") == 1);
    CHECK(count(draw({{1, 2}}), "<circle") == 1);
    CHECK(count(draw({{0, 5}, {1, 5}, {2, 5}}), "<polyline") == 1);
    CHECK(count(draw({{0, 1}, {1, 2}, {2, gap}, {3, 1}, {4, 2}}), "<polyline") == 2);
    CHECK(count(draw({{0, 1}, {1, 0}, {2, -1}, {3, 4}, {4, 2}}, true), "<polyline") == 1);
    draw({{0, 1e300}, {1, -1e300}});
    draw({{0, 5e-324}, {1, 1e308}}, true);
  }

  TEST_CASE("a long log becomes a short chart that keeps its spikes") {
    Series series{"loss", {}};
    for (int i = 0; i < 200'000; ++i) series.points.emplace_back(i, i == 123'456 ? 100.0 : 1.0 + 0.1 * std::sin(i));
    const std::string svg = line_chart_svg({.title = "", .x_label = "", .y_label = "", .series = {series}});
    CHECK(svg.size() < 60'000);
    CHECK(count(svg, ",14.0 ") == 1);  // the spike reaches the top, where the axis ends
  }

  TEST_CASE("a report escapes what it is given and loads nothing") {
    Report report("<script>alert(1)</script>", "a & b");
    report.section("Losses").paragraph("1 < 2").facts({{"steps", "<b>"}}).code("a\n<i>");
    report.table({"name", "value"}, {{"k-NN", "30.5 %"}, {"linear"}});
    report.chart({.title = "\"loss\"", .x_label = "step", .y_label = "nats", .series = {{"<s>", {{0, 1}, {1, 2}}}},
                  .levels = {{"entropy", 1.5}}});
    report.pictures("masks", {{{1, 2, 3}, "it's"}}, 4);
    const std::string html = report.html();
    CHECK(count(html, "<script") == 0);
    CHECK(count(html, "http") == 0);
    CHECK(count(html, "src=\"data:image/png;base64,AQID\"") == 1);
    CHECK(count(html, "&lt;s&gt;") == 1);
    CHECK(count(html, "it&#39;s") == 2);
    CHECK(count(html, "<td class=\"number\">30.5 %</td>") == 1);
    CHECK(count(html, "<td") == count(html, "</td>"));
    CHECK(count(html, "<div") == count(html, "</div>"));
    CHECK(count(html, "<svg") == count(html, "</svg>"));
    CHECK(count(html, "entropy") == 1);
  }
}
