// report.html: one self-contained page with text, tables, charts and pictures; no script, no other file.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "../core/config.hpp"
#include "file.hpp"
#include "svg.hpp"

namespace vitrail {

struct Picture {
  std::vector<std::uint8_t> png;  // the bytes of a PNG file
  std::string caption = "";       // under the picture; empty: none
};

// Blocks appear in the order of the calls. All text is plain: markup in it is shown, not obeyed.
class Report {
 public:
  explicit Report(std::string title, std::string subtitle = "");

  Report& section(const std::string& heading);
  Report& paragraph(const std::string& text);
  // Text as it stands, in a fixed-width font: a configuration, a command.
  Report& code(const std::string& text);

  // Names and values side by side: the figures that matter.
  Report& facts(const std::vector<std::pair<std::string, std::string>>& all);

  // Columns of numbers are aligned right. Rows shorter than the head are filled up.
  Report& table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows);

  // Charts side by side where the page is wide enough.
  Report& charts(const std::vector<Chart>& all);
  Report& chart(const Chart& one) { return charts({one}); }

  // Pictures in rows of `columns` (fewer on a narrow screen if that is more than 8), under a title.
  Report& pictures(const std::string& title, const std::vector<Picture>& all, int columns);

  std::string html() const;
  // Atomically; throws FileError.
  void write(const std::filesystem::path& path) const;

 private:
  Report& put(const std::string& markup) { return body_ += markup, *this; }

  std::string title_, body_{};
};

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/report.hpp"
#endif
