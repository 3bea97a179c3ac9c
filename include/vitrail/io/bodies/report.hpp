// Bodies of report.hpp.
#pragma once
#include <algorithm>
#include <cctype>

#include "../base64.hpp"
#include "../html.hpp"
#include "../report.hpp"
#include "../report_style.hpp"

namespace vitrail {

namespace detail {
// "12", "0.5 %", "30.1 ± 0.4", "-": digits or a dash first, and at most one word of letters (a unit).
inline bool is_number(const std::string& text) {
  if (text.empty() || text == "-" || text == "–") return true;
  const std::size_t first = text.find_first_not_of("+-");
  const bool digits = first != std::string::npos && std::isdigit(static_cast<unsigned char>(text[first])) != 0;
  const auto letters = std::count_if(text.begin(), text.end(), [](unsigned char c) { return std::isalpha(c) != 0; });
  return digits && letters <= 4;
}

inline std::string legend(const Chart& chart) {
  std::string list = "<ul class=\"legend\">";
  for (std::size_t i = 0; i < chart.series.size(); ++i)
    list +=
        "<li><svg viewBox=\"0 0 22 8\" aria-hidden=\"true\"><line x1=\"1\" y1=\"4\" x2=\"21\" y2=\"4\" "
        "class=\"s" +
        std::to_string(i % 8) + "\"/></svg>" + escape_html(chart.series[i].name) + "</li>";
  return list + "</ul>";
}
}  // namespace detail

VITRAIL_FUNCTION Report::Report(std::string title, std::string subtitle) : title_(std::move(title)) {
  body_ = "<header><h1>" + detail::escape_html(title_) + "</h1>";
  if (!subtitle.empty()) body_ += "<p>" + detail::escape_html(subtitle) + "</p>";
  body_ += "</header>\n";
}

VITRAIL_FUNCTION Report& Report::section(const std::string& heading) { return put("<h2>" + detail::escape_html(heading) + "</h2>\n"); }

VITRAIL_FUNCTION Report& Report::paragraph(const std::string& text) { return put("<p>" + detail::escape_html(text) + "</p>\n"); }

VITRAIL_FUNCTION Report& Report::code(const std::string& text) {
  return put("<div class=\"card\"><pre>" + detail::escape_html(text) + "</pre></div>\n");
}

VITRAIL_FUNCTION Report& Report::facts(const std::vector<std::pair<std::string, std::string>>& all) {
  body_ += "<dl class=\"card facts\">";
  for (const auto& [name, value] : all)
    body_ += "<div><dt>" + detail::escape_html(name) + "</dt><dd>" + detail::escape_html(value) + "</dd></div>";
  return put("</dl>\n");
}

VITRAIL_FUNCTION Report& Report::table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows) {
  std::vector<const char*> kinds(head.size(), "");
  for (std::size_t column = 0; column < head.size(); ++column)
    if (!rows.empty() &&
        std::all_of(rows.begin(), rows.end(), [&](const auto& row) { return column >= row.size() || detail::is_number(row[column]); }))
      kinds[column] = " class=\"number\"";
  body_ += "<div class=\"card scroll\"><table><thead><tr>";
  for (std::size_t i = 0; i < head.size(); ++i) body_ += std::string("<th") + kinds[i] + ">" + detail::escape_html(head[i]) + "</th>";
  body_ += "</tr></thead><tbody>";
  for (const std::vector<std::string>& row : rows) {
    body_ += "<tr>";
    for (std::size_t i = 0; i < head.size(); ++i)
      body_ += std::string("<td") + kinds[i] + ">" + (i < row.size() ? detail::escape_html(row[i]) : "") + "</td>";
    body_ += "</tr>";
  }
  return put("</tbody></table></div>\n");
}

VITRAIL_FUNCTION Report& Report::charts(const std::vector<Chart>& all) {
  body_ += "<div class=\"charts\">";
  for (const Chart& one : all)
    body_ += "<figure class=\"card chart\"><h3>" + detail::escape_html(one.title) + "</h3>" + detail::legend(one) +
             line_chart_svg(one, all.size() == 1 ? 1040 : 640) + "</figure>";
  return put("</div>\n");
}

VITRAIL_FUNCTION Report& Report::pictures(const std::string& title, const std::vector<Picture>& all, int columns) {
  columns = std::max(1, columns);
  body_ += "<div class=\"card\">";
  if (!title.empty()) body_ += "<figcaption class=\"above\">" + detail::escape_html(title) + "</figcaption>";
  body_ += "<div class=\"pictures\" style=\"grid-template-columns:repeat(" + std::to_string(columns) +
           ",minmax(0,1fr));max-width:" + std::to_string(columns * 200) + "px\">";
  for (const Picture& picture : all) {
    const std::string words = detail::escape_html(picture.caption);
    body_ += "<figure><img alt=\"" + words + "\" src=\"data:image/png;base64," + base64(picture.png) + "\">";
    body_ += words.empty() ? "</figure>" : "<figcaption>" + words + "</figcaption></figure>";
  }
  return put("</div></div>\n");
}

VITRAIL_FUNCTION std::string Report::html() const {
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
         detail::escape_html(title_) + "</title>\n<style>" + detail::report_style + "</style>\n</head>\n<body>\n" + "<main>\n" + body_ +
         "</main>\n</body>\n</html>\n";
}

VITRAIL_FUNCTION void Report::write(const std::filesystem::path& path) const { write_atomically(path, html()); }

}  // namespace vitrail
