#include "run_options.hpp"

#include <vitrail/io/safetensors.hpp>

#include "command_line.hpp"

void declare_run(vitrail::Settings& settings, RunOptions& o, const char* evaluation) {
  using vitrail::at_least;
  settings.add("seed", o.seed, "of everything random", at_least(0));
  declare_device(settings, o.device);
  settings.add("workers", o.workers, "threads that read and augment images", at_least(1));
  settings.add("checkpoint_every", o.checkpoint_every, "steps", at_least(1));
  settings.add("evaluate_every", o.evaluate_every, std::string("steps between ") + evaluation + "; 0: only at the end", at_least(0));
  settings.add("fresh", o.fresh, "start over even if the run folder has a checkpoint");
}

void take_preset(vitrail::Settings& settings, const std::filesystem::path& file) {
  if (file.empty() || settings.given("preset")) return;
  const auto found = vitrail::SafetensorsFile::read(file).metadata();
  auto preset = found.find("preset");
  if (preset == found.end()) preset = found.find(option_name("preset"));
  if (preset == found.end()) return;
  try {
    settings.set("preset", preset->second);
  } catch (const vitrail::ConfigError& error) {
    throw vitrail::ConfigError(file.string() + " is of a model that this program is not compiled for; " + error.what());
  }
}
