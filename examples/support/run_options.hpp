// The settings that all programs that train have, beside what they learn and how.
#pragma once
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>

#include <vitrail/core/random.hpp>
#include <vitrail/io/config.hpp>
#include <vitrail/train/fit.hpp>

#include "device.hpp"

struct RunOptions {
  DeviceOptions device;
  std::string data = "shapes", out, preset;
  std::int64_t steps = 0, seed = 0, checkpoint_every = 100, evaluate_every = 0;
  int batch = 64, workers = 1;
  bool fresh = false;

  vitrail::Random random() const { return vitrail::Random(static_cast<std::uint64_t>(seed)); }

  // Whether something is read in the middle of a run; at its end it is in any case.
  bool evaluates_after(const vitrail::StepReport& r) const { return evaluate_every > 0 && r.step % evaluate_every == 0 && !r.last(); }

  // A batch that nobody asked for takes no more images than there are, but at least so many.
  void fit_batch(const vitrail::Settings& settings, int images, int least = 1) {
    if (!settings.given("batch")) batch = std::clamp(images, least, batch);
  }
};

// The last settings of a program: how it is run. `evaluation`: what evaluate_every counts.
void declare_run(vitrail::Settings& settings, RunOptions& o, const char* evaluation);

// A model that was not asked for is that of the file, an encoder or a checkpoint, if it says which it was.
void take_preset(vitrail::Settings& settings, const std::filesystem::path& file);
