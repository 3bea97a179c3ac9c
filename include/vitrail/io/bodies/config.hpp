// Bodies of config.hpp: what knows JSON.
#pragma once
#include <algorithm>
#include <nlohmann/json.hpp>

#include "../config.hpp"

namespace vitrail {

VITRAIL_FUNCTION void Settings::parse(const std::string& text, const std::string& file) {
  const nlohmann::json root = parse_object(text, file);
  for (const auto& [name, value] : root.items()) known(name, " in " + file).set(value);
}

VITRAIL_FUNCTION std::string Settings::dump() const {
  nlohmann::ordered_json root = nlohmann::ordered_json::object();
  for (const Setting& setting : settings_) root[setting.name()] = setting.json();
  return root.dump(2) + "\n";
}

VITRAIL_FUNCTION nlohmann::json Settings::parse_object(const std::string& text, const std::string& file) {
  std::vector<std::string> seen;  // the parser keeps the last of two equal keys in silence
  const auto watch = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    if (event != nlohmann::json::parse_event_t::key || depth != 1) return true;
    const std::string name = value.get<std::string>();
    if (std::find(seen.begin(), seen.end(), name) != seen.end())
      throw ConfigError("config: the key '" + name + "' occurs twice in " + file + "; keep one");
    seen.push_back(name);
    return true;
  };
  try {
    nlohmann::json root = nlohmann::json::parse(text, watch, /*allow_exceptions=*/true, /*ignore_comments=*/true);
    if (!root.is_object()) throw ConfigError("config: " + file + " should hold one JSON object, {\"key\": value, …}");
    return root;
  } catch (const nlohmann::json::exception& error) {
    const std::string what = error.what();  // "[json.exception.parse_error.101] parse error at line 2, column 5: …"
    throw ConfigError("config: " + file + " is not valid JSON: " +
                      what.substr(std::min(what.find("] ") + 2, what.size())));
  }
}

}  // namespace vitrail
