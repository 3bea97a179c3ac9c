// Bodies of log.hpp: what knows JSON.
#pragma once
#include <nlohmann/json.hpp>

#include "../log.hpp"

namespace vitrail {

namespace detail {

VITRAIL_FUNCTION std::string log_line(const std::vector<LogField>& fields) {
  const auto quote = [](const std::string& text) {  // what is not UTF-8 becomes a replacement character, never an error
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  std::string line = "{";
  for (const LogField& field : fields) {
    if (line.size() > 1) line += ',';  // by parts: g++ 12 warns of "," + a string (-Wrestrict, its PR 105651)
    line.append(quote(field.name)).append(":");
    if (const auto* text = std::get_if<std::string>(&field.value)) line += quote(*text);
    else if (const auto* whole = std::get_if<std::int64_t>(&field.value)) line += number_text(*whole);
    else line += number_text(std::get<double>(field.value));
  }
  return line + "}\n";
}
VITRAIL_FUNCTION std::optional<LogRecord> parse_log_line(std::string_view line) {
  const auto json = nlohmann::ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  LogRecord record;
  for (const auto& [name, value] : json.items()) {
    if (value.is_string()) record.fields.emplace_back(name, value.get<std::string>());
    else if (value.is_number_integer() || value.is_boolean())
      record.fields.emplace_back(name, value.get<std::int64_t>());
    else if (value.is_number()) record.fields.emplace_back(name, value.get<double>());
    else if (value.is_null()) record.fields.emplace_back(name, std::numeric_limits<double>::quiet_NaN());
    else return std::nullopt;
  }
  return record;
}

}  // namespace detail

VITRAIL_FUNCTION double LogRecord::number(std::string_view name) const {
  for (const LogField& field : fields) {
    if (field.name != name) continue;
    if (const auto* whole = std::get_if<std::int64_t>(&field.value)) return static_cast<double>(*whole);
    if (const auto* real = std::get_if<double>(&field.value)) return *real;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

VITRAIL_FUNCTION std::string LogRecord::text(std::string_view name) const {
  for (const LogField& field : fields) {
    const auto* kept = std::get_if<std::string>(&field.value);
    if (kept != nullptr && field.name == name) return *kept;
  }
  return "";
}

VITRAIL_FUNCTION std::vector<LogRecord> read_log(const std::filesystem::path& path) {
  std::vector<LogRecord> records;
  detail::for_each_log_line(path, [&](std::string_view, const LogRecord& record) { records.push_back(record); });
  return records;
}

VITRAIL_FUNCTION std::vector<std::pair<double, double>> log_curve(const std::vector<LogRecord>& records, std::string_view x,
                                                                  std::string_view y) {
  std::vector<std::pair<double, double>> points;
  for (const LogRecord& record : records)
    for (const LogField& field : record.fields)
      if (field.name == y && std::isfinite(record.number(x))) points.emplace_back(record.number(x), record.number(y));
  return points;
}

VITRAIL_FUNCTION JsonlLog::JsonlLog(std::filesystem::path path)
    : path_(std::move(path)), file_(-1) {
  std::error_code none;
  if (std::filesystem::exists(path_, none)) drop_torn_line();
  open();
}

VITRAIL_FUNCTION void JsonlLog::write(const std::vector<LogField>& fields) {
  const std::string line = detail::log_line(fields);
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t put = ::write(file_.get(), line.data() + done, line.size() - done);
    if (put < 0 && errno != EINTR) detail::fail_file("write", path_, errno);
    if (put > 0) done += static_cast<std::size_t>(put);
  }
}

VITRAIL_FUNCTION void JsonlLog::resume_at(std::int64_t step) {
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

VITRAIL_FUNCTION void JsonlLog::open() {
  file_ = detail::Descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!file_) detail::fail_file("write", path_, errno);
}

VITRAIL_FUNCTION void JsonlLog::drop_torn_line() {
  const std::string text = read_text(path_);
  const std::size_t end = text.rfind('\n') + 1;  // 0 if there is no line end
  if (end != text.size() && ::truncate(path_.c_str(), static_cast<off_t>(end)) != 0)
    detail::fail_file("write", path_, errno);
}

}  // namespace vitrail
