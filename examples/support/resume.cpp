#include "resume.hpp"

#include "command_line.hpp"

vitrail::Metadata identity(vitrail::Metadata who, const vitrail::Settings& settings) {
  const auto changes_nothing = [](const std::string& name) {
    for (const char* other : {"out", "threads", "card", "graphs", "tune", "workers", "checkpoint_every", "evaluate_every", "evaluate_images", "on_collapse", "fresh"})
      if (name == other) return true;
    return false;
  };
  for (const vitrail::Setting& setting : settings.all())
    if (!changes_nothing(setting.name())) who[option_name(setting.name())] = setting.text();
  return who;
}

void check_resumable(const std::filesystem::path& path, const vitrail::Metadata& wanted) {
  const vitrail::Metadata found = vitrail::SafetensorsFile::read(path).metadata();
  for (const auto& [key, value] : wanted) {
    const auto other = found.find(key);
    if (other == found.end() || other->second != value)
      throw vitrail::ConfigError("the checkpoint in " + path.parent_path().string() + " was made with " + key + " = " +
                                 (other == found.end() ? "(none)" : other->second) + ", this run has " + value +
                                 "; choose another --out, the same settings, or --fresh to start over");
  }
}
