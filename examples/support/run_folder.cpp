#include "run_folder.hpp"

#include <csignal>

namespace {

volatile std::sig_atomic_t asked_to_stop = 0;
extern "C" void remember(int signal) {
  asked_to_stop = 1;
  std::signal(signal, SIG_DFL);
}

// Settings that change no result, only what is done beside it.
bool changes_nothing(const std::string& name) {
  for (const char* other : {"out", "threads", "card", "graphs", "tune", "workers", "checkpoint_every", "evaluate_every", "evaluate_images", "on_collapse", "fresh"})
    if (name == other) return true;
  return false;
}

}  // namespace

Interruption::Interruption() {
  asked_to_stop = 0;
  for (const int signal : {SIGINT, SIGTERM})
    if (std::signal(signal, remember) == SIG_IGN) std::signal(signal, SIG_IGN);  // as of a job in the background
}
Interruption::~Interruption() {
  for (const int signal : {SIGINT, SIGTERM})
    if (std::signal(signal, SIG_DFL) == SIG_IGN) std::signal(signal, SIG_IGN);
}
bool Interruption::asked() { return asked_to_stop != 0; }

// Settings go into a checkpoint under the names that they have on a command line: its own "steps" are those taken.
RunFolder::RunFolder(std::filesystem::path path, vitrail::Metadata who, const vitrail::Settings& settings, bool fresh)
    : path_(std::move(path)),
      checkpoint_(path_ / "checkpoint.safetensors"),
      identity_(std::move(who)),
      settings_(&settings),
      resumed_(!fresh && std::filesystem::exists(checkpoint_)) {
  for (const vitrail::Setting& setting : settings.all())
    if (!changes_nothing(setting.name())) identity_[option_name(setting.name())] = setting.text();
}

void RunFolder::check() const {
  const vitrail::Metadata found = vitrail::SafetensorsFile::read(checkpoint_).metadata();
  for (const auto& [key, value] : identity_) {
    const auto other = found.find(key);
    if (other == found.end() || other->second != value)
      throw vitrail::ConfigError("the checkpoint in " + path_.string() + " was made with " + key + " = " +
                                 (other == found.end() ? "(none)" : other->second) + ", this run has " + value +
                                 "; choose another --out, the same settings, or --fresh to start over");
  }
}

vitrail::JsonlLog& RunFolder::begin(std::int64_t step) {
  std::error_code failed;
  std::filesystem::create_directories(path_, failed);
  if (failed) throw vitrail::FileError("cannot create the run folder " + path_.string() + ": " + failed.message() + "; choose another --out");
  if (!resumed_) std::filesystem::remove(log_file()), std::filesystem::remove(checkpoint_);
  settings_->save(path_ / "config.json");
  log_.emplace(log_file());
  log_->resume_at(step);
  return *log_;
}

std::string RunFolder::what_is_kept() const {
  return kept_ < 0 ? "; no checkpoint was due before" : "; " + checkpoint_.string() + " keeps step " + std::to_string(kept_);
}
