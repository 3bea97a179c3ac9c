// The log of a run: one JSON object a line (JSONL), each flushed, so that a killed run loses at most
// the line it was writing.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "../core/config.hpp"
#include "file.hpp"
#include "number_text.hpp"

namespace vitrail {

// A name with an integer, a number or a text: {"loss", 0.25}. Numbers that are not finite are written as null.
struct LogField {
  std::string name;
  std::variant<std::int64_t, double, std::string> value;

  template <std::integral T> LogField(std::string n, T v) : name(std::move(n)), value(static_cast<std::int64_t>(v)) {}
  LogField(std::string n, double v) : name(std::move(n)), value(v) {}
  LogField(std::string n, float v) : name(std::move(n)), value(plain_double(v)) {}
  LogField(std::string n, std::string v) : name(std::move(n)), value(std::move(v)) {}
  LogField(std::string n, const char* v) : name(std::move(n)), value(std::string(v)) {}
};

struct LogRecord {
  std::vector<LogField> fields;  // in the order of the line

  // The field's number; not-a-number if it is absent, null or text.
  double number(std::string_view name) const;
  // The field's text; empty if it is absent or a number.
  std::string text(std::string_view name) const;
};

namespace detail {

VITRAIL_FUNCTION std::string log_line(const std::vector<LogField>& fields);

// The record of one line; nothing if it is not one flat JSON object.
VITRAIL_FUNCTION std::optional<LogRecord> parse_log_line(std::string_view line);

// Calls use(line, record) for every complete line of a log. A last line without its end is torn and left out.
template <class Use>
void for_each_log_line(const std::filesystem::path& path, const Use& use) {
  const std::string text = read_text(path);
  std::size_t number = 1;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1, ++number) {
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::optional<LogRecord> record = parse_log_line(line);
    if (!record)
      throw FileError("log: " + path.string() + ", line " + std::to_string(number) +
                      " is not a flat JSON object; remove it");
    use(line, *record);
  }
}

}  // namespace detail

// All records of a log; a torn last line is left out. Throws FileError if it cannot be read or another line is damaged.
VITRAIL_FUNCTION std::vector<LogRecord> read_log(const std::filesystem::path& path);

// The points (x, y) of the records that have both fields, for a chart; a null y becomes not-a-number, a gap.
VITRAIL_FUNCTION std::vector<std::pair<double, double>> log_curve(const std::vector<LogRecord>& records, std::string_view x,
                                                                  std::string_view y);

class JsonlLog {
 public:
  // Opens for appending; creates the file if needed, and drops a torn last line that a killed run left. Throws
  // FileError.
  explicit JsonlLog(std::filesystem::path path);

  // Appends one line, in one write: {"step": 10, "loss": 0.25}. Throws FileError (full disk …).
  void write(const std::vector<LogField>& fields);

  // A run resumes after `step`: drops the records of later steps, and from the first of them on those without a step.
  void resume_at(std::int64_t step);

 private:
  void open();
  void drop_torn_line();

  std::filesystem::path path_;
  detail::Descriptor file_;
};

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/log.hpp"
#endif
