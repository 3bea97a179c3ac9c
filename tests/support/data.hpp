// Where the optional real data lies: $VITRAIL_DATA, else the folder that the build found. Tests run without it.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <optional>

inline std::optional<std::filesystem::path> shared_data() {
  const char* given = std::getenv("VITRAIL_DATA");
#if defined(VITRAIL_SHARED_DATA)
  if (given == nullptr) given = VITRAIL_SHARED_DATA;
#endif
  if (given == nullptr || !std::filesystem::is_directory(given)) return std::nullopt;
  return std::filesystem::path(given);
}
