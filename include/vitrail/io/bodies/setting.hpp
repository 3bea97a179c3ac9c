// Bodies of setting.hpp: what knows JSON.
#pragma once
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "../setting.hpp"

namespace vitrail {

VITRAIL_FUNCTION void Setting::assign(bool& target, const nlohmann::json& value) const {
  if (!value.is_boolean()) refuse(value);
  target = value.get<bool>();
}
VITRAIL_FUNCTION void Setting::assign(std::string& target, const nlohmann::json& value) const {
  if (!value.is_string()) refuse(value);
  const std::string& text = value.get_ref<const std::string&>();
  const std::vector<std::string>& choices = limits_.choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) refuse(value);
  target = text;
}
template <class T> void Setting::assign(T& target, const nlohmann::json& value) const {
  if (!value.is_number() || !within(value.get<double>())) refuse(value);
  if constexpr (std::is_floating_point_v<T>) {
    const T number = static_cast<T>(value.get<double>());
    if (!std::isfinite(number)) refuse(value);
    target = number;
  } else {
    if (!holds<T>(value)) refuse(value);
    target = value.get<T>();
  }
}
VITRAIL_FUNCTION bool Setting::within(double number) const {
  return number <= limits_.most && (limits_.beyond_least ? number > limits_.least : number >= limits_.least);
}
template <class T> bool Setting::holds(const nlohmann::json& value) {
  constexpr std::int64_t most = std::numeric_limits<T>::max(), least = std::numeric_limits<T>::min();
  if (value.is_number_unsigned()) return value.get<std::uint64_t>() <= static_cast<std::uint64_t>(most);
  if (value.is_number_integer()) return value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most;
  const double number = value.get<double>();
  return number == std::floor(number) && std::abs(number) <= std::min(0x1p53, static_cast<double>(most));
}
[[noreturn]] VITRAIL_FUNCTION void Setting::refuse(const nlohmann::json& value) const {
  std::string near;
  if (value.is_string() && !limits_.choices.empty()) near = nearest_name(value.get<std::string>(), limits_.choices);
  const std::string found = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  throw ConfigError("config: '" + name_ + "' expects " + expected() + "; found " + found.substr(0, 80) +
                    (near.empty() ? "" : "; did you mean '" + near + "'?"));
}

VITRAIL_FUNCTION std::string Setting::expected() const {
  std::string text = is_flag() ? "true or false"
                     : std::holds_alternative<std::string*>(target_) ? (limits_.choices.empty() ? "text" : "one of")
                     : is_integer() ? "an integer" : "a number";
  for (const std::string& choice : limits_.choices)
    text += (&choice == limits_.choices.data() ? " " : ", ") + choice;
  const bool low = std::isfinite(limits_.least), high = std::isfinite(limits_.most);
  if (low)
    text += (limits_.beyond_least ? " above " : high ? " from " : " of at least ") + number_text(limits_.least);
  if (high) text += (low ? " to " : " of at most ") + number_text(limits_.most);
  return text;
}

VITRAIL_FUNCTION nlohmann::ordered_json Setting::json() const {
  return std::visit([](const auto* target) -> nlohmann::ordered_json {
    if constexpr (std::is_same_v<decltype(target), const float*>) return plain_double(*target);
    else return *target;
  }, target_);
}

VITRAIL_FUNCTION std::string Setting::text() const {
  const auto* kept = std::get_if<std::string*>(&target_);
  return kept != nullptr ? **kept : json().dump();
}

VITRAIL_FUNCTION void Setting::set(const nlohmann::json& value) {
  std::visit([&](auto* target) { assign(*target, value); }, target_);
  given_ = true;
}

VITRAIL_FUNCTION void Setting::set_text(const std::string& text) {
  if (std::holds_alternative<std::string*>(target_)) return set(nlohmann::json(text));
  const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  std::string plain = (text[0] == '-' ? "-" : "") + text.substr(sign);  // JSON knows no +5 and no .5
  if (text.size() > sign && text[sign] == '.') plain.insert(plain[0] == '-' ? 1 : 0, "0");
  const nlohmann::json value = nlohmann::json::parse(plain, nullptr, /*allow_exceptions=*/false);
  set(value.is_discarded() || value.is_structured() ? nlohmann::json(text) : value);
}

VITRAIL_FUNCTION Setting::Setting(std::string name, Target target, std::string help, Limits limits)
    : name_(std::move(name)), help_(std::move(help)), limits_(std::move(limits)), target_(target),
      default_(text()) {}

}  // namespace vitrail
