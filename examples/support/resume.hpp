// Going on from a checkpoint: only with the settings that it was made with.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include <vitrail/io/checkpoint.hpp>
#include <vitrail/io/config.hpp>

// What a run writes into its checkpoint: its program, and the settings of these names.
inline vitrail::Metadata identity(const std::string& program, const vitrail::Settings& settings, const std::vector<std::string>& names) {
  vitrail::Metadata out{{"program", program}};
  for (const vitrail::Setting& setting : settings.all())
    if (std::find(names.begin(), names.end(), setting.name()) != names.end()) out[setting.name()] = setting.text();
  return out;
}

// Throws ConfigError if the checkpoint at this path was made with other settings.
inline void check_resumable(const std::filesystem::path& path, const vitrail::Metadata& wanted) {
  const vitrail::Metadata found = vitrail::SafetensorsFile::read(path).metadata();
  for (const auto& [key, value] : wanted) {
    const auto other = found.find(key);
    if (other == found.end() || other->second != value)
      throw vitrail::ConfigError("the checkpoint in " + path.parent_path().string() + " was made with " + key + " = " +
                                 (other == found.end() ? "(none)" : other->second) + ", this run has " + value +
                                 "; choose another --out, the same settings, or --fresh to start over");
  }
}
