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

}  // namespace vitrail
