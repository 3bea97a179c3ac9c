// report.html: one self-contained page with text, tables, charts and pictures; no script, no other file.
#pragma once
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base64.hpp"
#include "file.hpp"
#include "html.hpp"
#include "report_style.hpp"
#include "svg.hpp"

namespace vitrail {

struct Picture {
  std::vector<std::uint8_t> png;  // the bytes of a PNG file
  std::string caption = "";       // under the picture; empty: none
};

// Blocks appear in the order of the calls. All text is plain: markup in it is shown, not obeyed.
class Report {
 public:
  explicit Report(std::string title, std::string subtitle = "") : title_(std::move(title)) {
    body_ = "<header><h1>" + detail::escape_html(title_) + "</h1>";
    if (!subtitle.empty()) body_ += "<p>" + detail::escape_html(subtitle) + "</p>";
    body_ += "</header>\n";
  }

  Report& section(const std::string& heading) { return put("<h2>" + detail::escape_html(heading) + "</h2>\n"); }
  Report& paragraph(const std::string& text) { return put("<p>" + detail::escape_html(text) + "</p>\n"); }
  // Text as it stands, in a fixed-width font: a configuration, a command.
  Report& code(const std::string& text) {
    return put("<div class=\"card\"><pre>" + detail::escape_html(text) + "</pre></div>\n");
  }

  // Names and values side by side: the figures that matter.
  Report& facts(const std::vector<std::pair<std::string, std::string>>& all) {
    body_ += "<dl class=\"card facts\">";
    for (const auto& [name, value] : all)
      body_ += "<div><dt>" + detail::escape_html(name) + "</dt><dd>" + detail::escape_html(value) + "</dd></div>";
    return put("</dl>\n");
  }

  // Columns of numbers are aligned right. Rows shorter than the head are filled up.
  Report& table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows) {
    std::vector<const char*> kinds(head.size(), "");
    for (std::size_t column = 0; column < head.size(); ++column)
      if (!rows.empty() && std::all_of(rows.begin(), rows.end(), [&](const auto& row) {
            return column >= row.size() || is_number(row[column]);
          }))
        kinds[column] = " class=\"number\"";
    body_ += "<div class=\"card scroll\"><table><thead><tr>";
    for (std::size_t i = 0; i < head.size(); ++i)
      body_ += std::string("<th") + kinds[i] + ">" + detail::escape_html(head[i]) + "</th>";
    body_ += "</tr></thead><tbody>";
    for (const std::vector<std::string>& row : rows) {
      body_ += "<tr>";
      for (std::size_t i = 0; i < head.size(); ++i)
        body_ += std::string("<td") + kinds[i] + ">" + (i < row.size() ? detail::escape_html(row[i]) : "") + "</td>";
      body_ += "</tr>";
    }
    return put("</tbody></table></div>\n");
  }

  // Charts side by side where the page is wide enough.
  Report& charts(const std::vector<Chart>& all) {
    body_ += "<div class=\"charts\">";
    for (const Chart& one : all)
      body_ += "<figure class=\"card chart\"><h3>" + detail::escape_html(one.title) + "</h3>" + legend(one) +
               line_chart_svg(one, all.size() == 1 ? 1040 : 640) + "</figure>";
    return put("</div>\n");
  }
  Report& chart(const Chart& one) { return charts({one}); }

  // Pictures in rows of `columns` (fewer on a narrow screen if that is more than 8), under a title.
  Report& pictures(const std::string& title, const std::vector<Picture>& all, int columns) {
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

  std::string html() const {
    return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
           detail::escape_html(title_) + "</title>\n<style>" + detail::report_style + "</style>\n</head>\n<body>\n" +
           "<main>\n" + body_ + "</main>\n</body>\n</html>\n";
  }
  // Atomically; throws FileError.
  void write(const std::filesystem::path& path) const { write_atomically(path, html()); }

 private:
  Report& put(const std::string& markup) { return body_ += markup, *this; }

  // "12", "0.5 %", "30.1 ± 0.4", "-": digits or a dash first, and at most one word of letters (a unit).
  static bool is_number(const std::string& text) {
    if (text.empty() || text == "-" || text == "–") return true;
    const std::size_t first = text.find_first_not_of("+-");
    const bool digits = first != std::string::npos && std::isdigit(static_cast<unsigned char>(text[first])) != 0;
    const auto letters = std::count_if(text.begin(), text.end(), [](unsigned char c) { return std::isalpha(c) != 0; });
    return digits && letters <= 4;
  }
  static std::string legend(const Chart& chart) {
    std::string list = "<ul class=\"legend\">";
    for (std::size_t i = 0; i < chart.series.size(); ++i)
      list += "<li><svg viewBox=\"0 0 22 8\" aria-hidden=\"true\"><line x1=\"1\" y1=\"4\" x2=\"21\" y2=\"4\" "
              "class=\"s" + std::to_string(i % 8) + "\"/></svg>" + detail::escape_html(chart.series[i].name) + "</li>";
    return list + "</ul>";
  }

  std::string title_, body_{};
};

}  // namespace vitrail
