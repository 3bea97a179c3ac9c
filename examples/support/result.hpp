// What a run came to, as a JSON file for other programs.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// Names and values, in order; a number that is none becomes null.
class Result {
 public:
  using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string>;
  using Entries = std::vector<std::pair<std::string, Value>>;

  Result& add(std::string name, Value value);
  Result& add(std::string name, Entries entries);  // one value that has names and values of its own

  // Atomically; throws FileError.
  void write(const std::filesystem::path& path) const;

 private:
  std::vector<std::pair<std::string, std::variant<Value, Entries>>> all_{};
};

// A share as text, "12.3 %"; "-" for one that was not measured: negative, or no number.
std::string percent(double share);
