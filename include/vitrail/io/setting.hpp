// One setting of a program: a name, a help text, what values it may have, and the variable that it sets.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "../core/config.hpp"
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
  Setting(std::string name, Target target, std::string help, Limits limits);

  const std::string& name() const { return name_; }
  const std::string& help() const { return help_; }
  const std::string& default_text() const { return default_; }  // the value at registration, as set() reads it
  const std::vector<std::string>& choices() const { return limits_.choices; }
  bool given() const { return given_; }  // set, and be it to the default
  bool is_flag() const { return std::holds_alternative<bool*>(target_); }

  // "an integer from 1 to 64", "a number above 0", "true or false", "text", "one of random, block": for help and messages.
  std::string expected() const;

  // The present value as JSON, with floats as their shortest decimals.
  nlohmann::ordered_json json() const;
  // The present value as text that set() reads back.
  std::string text() const;

  // Sets the variable. Throws ConfigError, which says what was expected and found; the variable then keeps its value.
  void set(const nlohmann::json& value);
  void set_text(const std::string& text);

 private:
  bool is_integer() const {
    return std::holds_alternative<int*>(target_) || std::holds_alternative<std::int64_t*>(target_);
  }
  void assign(bool& target, const nlohmann::json& value) const;
  void assign(std::string& target, const nlohmann::json& value) const;
  template <class T> void assign(T& target, const nlohmann::json& value) const;
  bool within(double number) const;
  // An integer that fits; 1e5 is one as well.
  template <class T> static bool holds(const nlohmann::json& value);
  [[noreturn]] void refuse(const nlohmann::json& value) const;

  std::string name_, help_;
  Limits limits_;
  Target target_;
  std::string default_;
  bool given_ = false;
};

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/setting.hpp"
#endif
