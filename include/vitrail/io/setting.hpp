// One setting of a program: a name, a help text, what values it may have, and the variable that it sets.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "../core/error.hpp"
#include "nearest_name.hpp"
#include "number_text.hpp"

namespace vitrail {

// What a setting may be. Bounds are compared as double.
struct Limits {
  double least = -std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::infinity();
  bool beyond_least = false;              // the lower bound itself is refused
  std::vector<std::string> choices = {};  // for text; empty: any
};
inline Limits at_least(double least) { return {.least = least}; }
inline Limits above(double bound) { return {.least = bound, .beyond_least = true}; }
inline Limits between(double least, double most) { return {.least = least, .most = most}; }
inline Limits one_of(std::vector<std::string> choices) { return {.choices = std::move(choices)}; }

class Setting {
 public:
  using Target = std::variant<int*, std::int64_t*, float*, double*, bool*, std::string*>;

  // `target` keeps its present value until it is set: that is the default.
  Setting(std::string name, Target target, std::string help, Limits limits)
      : name_(std::move(name)), help_(std::move(help)), limits_(std::move(limits)), target_(target),
        default_(text()) {}

  const std::string& name() const { return name_; }
  const std::string& help() const { return help_; }
  const std::string& default_text() const { return default_; }  // the value at registration, as set() reads it
  const std::vector<std::string>& choices() const { return limits_.choices; }
  bool is_flag() const { return std::holds_alternative<bool*>(target_); }

  // "integer in [1, 64]", "number above 0", "true or false", "text": for help and messages.
  std::string expected() const {
    std::string text = is_flag() ? "true or false"
                       : std::holds_alternative<std::string*>(target_) ? "text"
                       : is_integer() ? "an integer" : "a number";
    for (const std::string& choice : limits_.choices)
      text += (&choice == limits_.choices.data() ? ": " : ", ") + choice;
    const bool low = std::isfinite(limits_.least), high = std::isfinite(limits_.most);
    if (low)
      text += (limits_.beyond_least ? " above " : high ? " from " : " of at least ") + number_text(limits_.least);
    if (high) text += (low ? " to " : " of at most ") + number_text(limits_.most);
    return text;
  }

  // The present value as JSON, with floats as their shortest decimals.
  nlohmann::ordered_json json() const {
    return std::visit([](const auto* target) -> nlohmann::ordered_json {
      if constexpr (std::is_same_v<decltype(target), const float*>) return plain_double(*target);
      else return *target;
    }, target_);
  }
  // The present value as text that set() reads back.
  std::string text() const {
    const auto* kept = std::get_if<std::string*>(&target_);
    return kept != nullptr ? **kept : json().dump();
  }

  // Sets the variable. Throws ConfigError, which says what was expected and found; the variable then keeps its value.
  void set(const nlohmann::json& value) {
    std::visit([&](auto* target) { assign(*target, value); }, target_);
  }
  void set_text(const std::string& text) {
    if (std::holds_alternative<std::string*>(target_)) return set(nlohmann::json(text));
    const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    std::string plain = (text[0] == '-' ? "-" : "") + text.substr(sign);  // JSON knows no +5 and no .5
    if (text.size() > sign && text[sign] == '.') plain.insert(plain[0] == '-' ? 1 : 0, "0");
    const nlohmann::json value = nlohmann::json::parse(plain, nullptr, /*allow_exceptions=*/false);
    set(value.is_discarded() || value.is_structured() ? nlohmann::json(text) : value);
  }

 private:
  bool is_integer() const {
    return std::holds_alternative<int*>(target_) || std::holds_alternative<std::int64_t*>(target_);
  }
  void assign(bool& target, const nlohmann::json& value) const {
    if (!value.is_boolean()) refuse(value);
    target = value.get<bool>();
  }
  void assign(std::string& target, const nlohmann::json& value) const {
    if (!value.is_string()) refuse(value);
    const std::string& text = value.get_ref<const std::string&>();
    const std::vector<std::string>& choices = limits_.choices;
    if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) refuse(value);
    target = text;
  }
  template <class T> void assign(T& target, const nlohmann::json& value) const {
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
  bool within(double number) const {
    return number <= limits_.most && (limits_.beyond_least ? number > limits_.least : number >= limits_.least);
  }
  // An integer that fits; 1e5 is one as well.
  template <class T> static bool holds(const nlohmann::json& value) {
    constexpr std::int64_t most = std::numeric_limits<T>::max(), least = std::numeric_limits<T>::min();
    if (value.is_number_unsigned()) return value.get<std::uint64_t>() <= static_cast<std::uint64_t>(most);
    if (value.is_number_integer()) return value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most;
    const double number = value.get<double>();
    return number == std::floor(number) && std::abs(number) <= std::min(0x1p53, static_cast<double>(most));
  }
  [[noreturn]] void refuse(const nlohmann::json& value) const {
    std::string near;
    if (value.is_string() && !limits_.choices.empty()) near = nearest_name(value.get<std::string>(), limits_.choices);
    const std::string found = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    throw ConfigError("config: '" + name_ + "' expects " + expected() + "; found " + found.substr(0, 80) +
                      (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }

  std::string name_, help_;
  Limits limits_;
  Target target_;
  std::string default_;
};

}  // namespace vitrail
