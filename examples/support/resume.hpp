// Going on from a checkpoint: only with the settings that it was made with.
#pragma once
#include <filesystem>

#include <vitrail/io/checkpoint.hpp>
#include <vitrail/io/config.hpp>

// What a run writes into its checkpoint: `who` it is, and all settings that change results, under the names that they have on a command line:
// a checkpoint's own "steps" are those taken.
vitrail::Metadata identity(vitrail::Metadata who, const vitrail::Settings& settings);

// Throws ConfigError if the checkpoint at this path was made with other settings.
void check_resumable(const std::filesystem::path& path, const vitrail::Metadata& wanted);
