// Settings on a command line: one option per key, a JSON file before them, and errors in words.
#pragma once
#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <vector>

#include <vitrail/io/config.hpp>

// "learning_rate" as it is given: "--learning-rate".
inline std::string option_name(std::string key) {
  for (char& c : key)
    if (c == '_') c = '-';
  return "--" + key;
}

// Registers --key for every setting, and --config FILE. What the command line says wins over the file, what it says last over
// what it said before.
class CommandLine {
 public:
  CommandLine(std::string description, vitrail::Settings& settings) : app_(std::move(description)), settings_(&settings) {
    app_.add_option("--config", config_, "JSON file with any of the keys below; comments are allowed")->type_name("FILE");
    given_.resize(settings.all().size());
    std::size_t i = 0;
    for (vitrail::Setting& setting : settings.all()) {
      std::string& value = given_[i++];
      const std::string help = setting.help() + " (" + setting.expected() + ")";
      if (setting.is_flag()) app_.add_flag(option_name(setting.name()) + "{true}", value, help)->default_str(setting.default_text());
      else app_.add_option(option_name(setting.name()), value, help)->default_str(setting.default_text())->type_name("")->take_last();
    }
    app_.allow_extras();
  }

  // Fills the settings. Returns an exit code when the program should end (after --help), else -1. Throws ConfigError.
  int parse(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return app_.exit(error);
      throw vitrail::ConfigError(error.what());
    }
    const std::vector<std::string> extra = app_.remaining();
    if (!extra.empty()) refuse(extra[0]);
    if (!config_.empty()) settings_->load(config_);
    std::size_t i = 0;
    for (vitrail::Setting& setting : settings_->all()) {
      const std::string& value = given_[i++];
      if (app_.count(option_name(setting.name())) > 0) setting.set_text(value);
    }
    return -1;
  }

  // Whether the command line itself names the key.
  bool names(const std::string& key) const { return app_.count(option_name(key)) > 0; }

 private:
  [[noreturn]] void refuse(const std::string& word) const {
    if (word.rfind("--", 0) != 0)
      throw vitrail::ConfigError("unexpected argument '" + word + "'; options begin with --, see --help");
    std::vector<std::string> names{"config", "help"};
    for (const vitrail::Setting& setting : settings_->all()) names.push_back(option_name(setting.name()).substr(2));
    const std::string name = word.substr(2, word.find('=') - 2), near = vitrail::nearest_name(name, names);
    throw vitrail::ConfigError("unknown option --" + name + (near.empty() ? "; see --help" : "; did you mean --" + near + "?"));
  }

  CLI::App app_;
  vitrail::Settings* settings_;
  std::string config_;
  std::vector<std::string> given_;
};

// Runs a program's body; an error of the library becomes one line and exit code 1.
template <class Body> int guarded(const char* program, Body body) {
  try {
    return body();
  } catch (const vitrail::Error& error) {
    std::cerr << program << ": " << error.what() << "\n";
  } catch (const std::bad_alloc&) {
    std::cerr << program << ": out of memory; choose a smaller batch or preset (inspect prints what a model needs)\n";
  } catch (const std::filesystem::filesystem_error& error) {
    std::cerr << program << ": " << error.what() << "\n";
  }
  return 1;
}
