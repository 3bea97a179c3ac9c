#include "result.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <vitrail/io/file.hpp>
#include <vitrail/io/progress.hpp>

namespace {

nlohmann::ordered_json json_of(const Result::Value& value) {
  return std::visit([](const auto& own) { return nlohmann::ordered_json(own); }, value);
}

}  // namespace

Result& Result::add(std::string name, Value value) { return all_.emplace_back(std::move(name), std::move(value)), *this; }
Result& Result::add(std::string name, Entries entries) { return all_.emplace_back(std::move(name), std::move(entries)), *this; }

void Result::write(const std::filesystem::path& path) const {
  nlohmann::ordered_json out;
  for (const auto& [name, content] : all_) {
    if (const auto* value = std::get_if<Value>(&content)) {
      out[name] = json_of(*value);
      continue;
    }
    for (const auto& [inner, value] : std::get<Entries>(content)) out[name][inner] = json_of(value);
  }
  vitrail::write_atomically(path, out.dump(2) + "\n");
}

std::string percent(double share) { return share < 0 || std::isnan(share) ? "-" : vitrail::detail::printed("%.1f %%", 100 * share); }
