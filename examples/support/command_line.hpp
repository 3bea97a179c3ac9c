// Settings on a command line: one option per key, a JSON file before them, and errors in words.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include <vitrail/io/config.hpp>

// "learning_rate" as it is given: "--learning-rate".
std::string option_name(std::string key);

// Registers --key for every setting, and --config FILE. What the command line says wins over the file, what it says last over
// what it said before.
class CommandLine {
 public:
  CommandLine(std::string description, vitrail::Settings& settings);
  ~CommandLine();

  // Fills the settings. Returns an exit code when the program should end (after --help), else -1. Throws ConfigError.
  int parse(int argc, char** argv);

 private:
  struct Parser;  // of a library that takes seconds to compile: only command_line.cpp sees it
  std::unique_ptr<Parser> parser_;
};

// Writes a line between those of a progress bar.
void say(const std::string& line);

// A run was stopped from outside, and nothing is lost.
struct Interrupted : vitrail::Error {
  using vitrail::Error::Error;
};

// Runs a program's body; an error of the library becomes one line and exit code 1, Interrupted exit code 130.
int guarded(const char* program, const std::function<int()>& body);
