// Settings of a program: declared once, read from JSON files (comments allowed) and "key=value", written back resolved.
#pragma once
#include <deque>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "../core/config.hpp"
#include "file.hpp"
#include "nearest_name.hpp"
#include "setting.hpp"

namespace vitrail {

// Binds the members of a plain struct to names; their initial values are the defaults.
//
//   struct Run { double learning_rate = 1.5e-4; int steps = 1000; std::string mask = "block"; } run;
//   Settings settings;
//   settings.add("learning_rate", run.learning_rate, "peak of the schedule", above(0));
//   settings.add("steps", run.steps, "optimiser steps", at_least(1));
//   settings.add("mask", run.mask, "which patches are hidden", one_of({"block", "random"}));
//   settings.load("run.json");
//   settings.set("steps=200");
class Settings {
 public:
  // `target` (int, std::int64_t, float, double, bool or std::string) must outlive this object. Throws ConfigError if
  // the name is taken.
  Settings& add(std::string name, Setting::Target target, std::string help, Limits limits = {});
  template <class T> Settings& add(std::string name, T& target, std::string help, Limits limits = {}) {
    return add(std::move(name), Setting::Target(&target), std::move(help), std::move(limits));
  }

  // All settings in the order of their declaration. References stay valid: a program may register one option for each.
  std::deque<Setting>& all() { return settings_; }
  const std::deque<Setting>& all() const { return settings_; }

  // Reads a JSON object; comments are skipped, keys that are absent keep their values. Throws FileError if it cannot be
  // read, ConfigError for what is not JSON, an unknown or repeated key, a wrong type, a value out of range.
  void load(const std::filesystem::path& path) { parse(read_text(path), path.string()); }
  void parse(const std::string& text, const std::string& file = "(text)");

  // "key=value". Throws ConfigError.
  void set(const std::string& assignment);
  void set(const std::string& name, const std::string& value);

  // Whether it was set, by a file or by hand, since it was added. Throws ConfigError for a name that was never added.
  bool given(const std::string& name) const { return settings_[known(name, "")].given(); }

  // The resolved settings as JSON, in the order of declaration; load() reads it back to the same values.
  std::string dump() const;
  void save(const std::filesystem::path& path) const { write_atomically(path, dump()); }

 private:
  std::size_t place_of(const std::string& name) const;  // settings_.size(): nowhere
  std::size_t known(const std::string& name, const std::string& where) const;

  static nlohmann::json parse_object(const std::string& text, const std::string& file);

  std::deque<Setting> settings_;
};

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/config.hpp"
#endif
