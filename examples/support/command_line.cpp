#include "command_line.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <new>
#include <vector>

std::string option_name(std::string key) {
  for (char& c : key)
    if (c == '_') c = '-';
  return "--" + key;
}

struct CommandLine::Parser {
  Parser(std::string description, vitrail::Settings& all) : app(std::move(description)), settings(&all) {
    app.add_option("--config", config, "JSON file with any of the keys below; comments are allowed")->type_name("FILE");
    given.resize(all.all().size());
    std::size_t i = 0;
    for (vitrail::Setting& setting : all.all()) {
      std::string& value = given[i++];
      const std::string expected = setting.is_flag() || setting.expected() == "text" ? "" : " (" + setting.expected() + ")";
      const std::string help = setting.help() + expected;
      if (setting.is_flag()) app.add_flag(option_name(setting.name()), value, help);
      else app.add_option(option_name(setting.name()), value, help)->default_str(setting.default_text())->type_name("")->take_last();
    }
    app.allow_extras();
  }

  int parse(int argc, char** argv) {
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return app.exit(error);
      throw vitrail::ConfigError(error.what());
    }
    const std::vector<std::string> extra = app.remaining();
    if (!extra.empty()) refuse(extra[0]);
    if (!config.empty()) settings->load(config);
    std::size_t i = 0;
    for (vitrail::Setting& setting : settings->all()) {
      const std::string& value = given[i++];
      if (app.count(option_name(setting.name())) > 0) setting.set_text(value);
    }
    return -1;
  }

  [[noreturn]] void refuse(const std::string& word) const {
    if (word.rfind("--", 0) != 0) throw vitrail::ConfigError("unexpected argument '" + word + "'; options begin with --, see --help");
    std::vector<std::string> names{"config", "help"};
    for (const vitrail::Setting& setting : settings->all()) names.push_back(option_name(setting.name()).substr(2));
    const std::string name = word.substr(2, word.find('=') - 2), near = vitrail::nearest_name(name, names);
    throw vitrail::ConfigError("unknown option --" + name + (near.empty() ? "; see --help" : "; did you mean --" + near + "?"));
  }

  CLI::App app;
  vitrail::Settings* settings;
  std::string config{};
  std::vector<std::string> given{};
};

CommandLine::CommandLine(std::string description, vitrail::Settings& settings)
    : parser_(std::make_unique<Parser>(std::move(description), settings)) {}
CommandLine::~CommandLine() = default;

int CommandLine::parse(int argc, char** argv) { return parser_->parse(argc, argv); }

void say(const std::string& line) { std::cout << (isatty(1) == 1 ? "\r\x1b[K" : "") << line << std::endl; }

int guarded(const char* program, const std::function<int()>& body) {
  try {
    return body();
  } catch (const Interrupted& interrupted) {
    std::cerr << program << ": " << interrupted.what() << "\n";
    return 130;
  } catch (const vitrail::Error& error) {
    std::cerr << program << ": " << error.what() << "\n";
  } catch (const std::bad_alloc&) {
    std::cerr << program << ": out of memory; choose a smaller batch or preset (inspect prints what a model needs)\n";
  } catch (const std::filesystem::filesystem_error& error) {
    std::cerr << program << ": " << error.what() << "\n";
  }
  return 1;
}
