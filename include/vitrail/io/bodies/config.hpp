// Bodies of config.hpp: what knows JSON.
#pragma once
#include <algorithm>
#include <nlohmann/json.hpp>

#include "../config.hpp"

namespace vitrail {

VITRAIL_FUNCTION void Settings::parse(const std::string& text, const std::string& file) {
  const nlohmann::json root = parse_object(text, file);
  for (const auto& [name, value] : root.items()) settings_[known(name, " in " + file)].set(value);
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

VITRAIL_FUNCTION Settings& Settings::add(std::string name, Setting::Target target, std::string help, Limits limits) {
  if (place_of(name) < settings_.size()) throw ConfigError("config: the key '" + name + "' is declared twice; rename one");
  settings_.emplace_back(std::move(name), target, std::move(help), std::move(limits));
  return *this;
}

VITRAIL_FUNCTION void Settings::set(const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos) throw ConfigError("config: '" + assignment + "' should have the form key=value");
  set(assignment.substr(0, equals), assignment.substr(equals + 1));
}

VITRAIL_FUNCTION void Settings::set(const std::string& name, const std::string& value) { settings_[known(name, "")].set_text(value); }

VITRAIL_FUNCTION std::size_t Settings::place_of(const std::string& name) const {
  const auto found = std::find_if(settings_.begin(), settings_.end(), [&](const Setting& setting) { return setting.name() == name; });
  return static_cast<std::size_t>(found - settings_.begin());
}

VITRAIL_FUNCTION std::size_t Settings::known(const std::string& name, const std::string& where) const {
  if (const std::size_t place = place_of(name); place < settings_.size()) return place;
  std::vector<std::string> names;
  for (const Setting& setting : settings_) names.push_back(setting.name());
  throw ConfigError("config: unknown key '" + name.substr(0, 80) + "'" + where + suggestion(name, names));
}

}  // namespace vitrail
