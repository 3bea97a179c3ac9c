// The folder of a training run: what it writes, and going on from its checkpoint, only with the settings that it was made with.
#pragma once
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

#include <vitrail/core/error.hpp>
#include <vitrail/io/checkpoint.hpp>
#include <vitrail/io/config.hpp>
#include <vitrail/io/progress.hpp>
#include <vitrail/io/training_log.hpp>
#include <vitrail/train/fit.hpp>

#include "command_line.hpp"

// While it lives, the first Ctrl-C (SIGINT) or SIGTERM is remembered; a second one ends the program at once.
class Interruption {
 public:
  Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();
  static bool asked();
};

class RunFolder {
 public:
  // A run is `who` it is and all settings that change results. Nothing is written yet. With `fresh` a checkpoint is as good as none.
  RunFolder(std::filesystem::path path, vitrail::Metadata who, const vitrail::Settings& settings, bool fresh);

  bool resumed() const { return resumed_; }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

  // Takes a checkpoint up, where there is one. Throws ConfigError if it was made with other settings.
  template <class Model, class Optimizer> void resume(Model& model, Optimizer& optimizer, std::int64_t steps) {
    if (!resumed_) return;
    check();
    vitrail::load_training(checkpoint_, model, optimizer);
    kept_ = optimizer.steps();
    std::cout << "goes on from step " << kept_ << " of " << steps << "\n";
  }

  // From here on the folder is written: its settings and its log, which goes on after `step`. What an earlier run left goes.
  vitrail::JsonlLog& begin(std::int64_t step);
  std::filesystem::path log_file() const { return path_ / "log.jsonl"; }

  // fit() with progress on the screen and a checkpoint now and then. Where a number is not finite any more, the error says what was kept;
  // after Ctrl-C, or when the system asks the program to end, a checkpoint is written and Interrupted thrown.
  template <class Model, class Optimizer, class Rate, class... Callbacks>
  vitrail::StepReport fit(Model& model, Optimizer& optimizer, const Rate& rate, vitrail::BatchLoader& loader, const vitrail::FitConfig& config,
                          std::int64_t checkpoint_every, Callbacks&&... callbacks) {
    const Interruption interruption;
    const auto keep = [&](const vitrail::StepReport& r) { vitrail::save_training(checkpoint_, model, optimizer, identity_), kept_ = r.step; };
    try {
      return vitrail::fit(model, optimizer, rate, loader, config, vitrail::progress_bar(std::cout, 1), callbacks...,
                          vitrail::every(checkpoint_every, keep), [&](const vitrail::StepReport& r) {
                            if (!Interruption::asked() || r.last()) return;
                            keep(r);
                            throw Interrupted("stopped after step " + std::to_string(r.step) + " of " + std::to_string(r.steps) +
                                              "; the same command goes on from there");
                          });
    } catch (const vitrail::NumericError& error) {
      throw vitrail::NumericError(std::string(error.what()) + what_is_kept());
    }
  }

 private:
  void check() const;
  std::string what_is_kept() const;

  std::filesystem::path path_, checkpoint_;
  vitrail::Metadata identity_;
  const vitrail::Settings* settings_;
  bool resumed_;
  std::int64_t kept_ = -1;  // the step of the checkpoint, if there is one
  std::optional<vitrail::JsonlLog> log_{};
};
