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
  double number(std::string_view name) const {
    for (const LogField& field : fields) {
      if (field.name != name) continue;
      if (const auto* whole = std::get_if<std::int64_t>(&field.value)) return static_cast<double>(*whole);
      if (const auto* real = std::get_if<double>(&field.value)) return *real;
    }
    return std::numeric_limits<double>::quiet_NaN();
  }
  // The field's text; empty if it is absent or a number.
  std::string text(std::string_view name) const {
    for (const LogField& field : fields) {
      const auto* kept = std::get_if<std::string>(&field.value);
      if (kept != nullptr && field.name == name) return *kept;
    }
    return "";
  }
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
inline std::vector<LogRecord> read_log(const std::filesystem::path& path) {
  std::vector<LogRecord> records;
  detail::for_each_log_line(path, [&](std::string_view, const LogRecord& record) { records.push_back(record); });
  return records;
}

// The points (x, y) of the records that have both fields, for a chart; a null y becomes not-a-number, a gap.
inline std::vector<std::pair<double, double>> log_curve(const std::vector<LogRecord>& records, std::string_view x,
                                                        std::string_view y) {
  std::vector<std::pair<double, double>> points;
  for (const LogRecord& record : records)
    for (const LogField& field : record.fields)
      if (field.name == y && std::isfinite(record.number(x))) points.emplace_back(record.number(x), record.number(y));
  return points;
}

class JsonlLog {
 public:
  // Opens for appending; creates the file if needed, and drops a torn last line that a killed run left. Throws
  // FileError.
  explicit JsonlLog(std::filesystem::path path) : path_(std::move(path)), file_(-1) {
    std::error_code none;
    if (std::filesystem::exists(path_, none)) drop_torn_line();
    open();
  }

  // Appends one line, in one write: {"step": 10, "loss": 0.25}. Throws FileError (full disk …).
  void write(const std::vector<LogField>& fields) {
    const std::string line = detail::log_line(fields);
    for (std::size_t done = 0; done < line.size();) {
      const ssize_t put = ::write(file_.get(), line.data() + done, line.size() - done);
      if (put < 0 && errno != EINTR) detail::fail_file("write", path_, errno);
      if (put > 0) done += static_cast<std::size_t>(put);
    }
  }

  // A run resumes after `step`: drops the records of later steps, and from the first of them on those without a step.
  void resume_at(std::int64_t step) {
    std::string kept;
    bool cut = false;
    detail::for_each_log_line(path_, [&](std::string_view line, const LogRecord& record) {
      const double at = record.number("step");
      if (at > static_cast<double>(step)) cut = true;
      if (std::isnan(at) ? !cut : at <= static_cast<double>(step)) kept.append(line).append("\n");
    });
    if (!cut) return;
    write_atomically(path_, kept);
    open();  // the old descriptor belongs to the file that was replaced
  }

 private:
  void open() {
    file_ = detail::Descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (!file_) detail::fail_file("write", path_, errno);
  }
  void drop_torn_line() {
    const std::string text = read_text(path_);
    const std::size_t end = text.rfind('\n') + 1;  // 0 if there is no line end
    if (end != text.size() && ::truncate(path_.c_str(), static_cast<off_t>(end)) != 0)
      detail::fail_file("write", path_, errno);
  }

  std::filesystem::path path_;
  detail::Descriptor file_;
};

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/log.hpp"
#endif
