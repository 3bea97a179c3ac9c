// Whether a plan fits the machine, asked before the first step instead of found out in the middle.
#pragma once
#include <unistd.h>

#include <cstddef>
#include <string>

#include <vitrail/core/error.hpp>

// Throws ConfigError if a plan needs more bytes than the machine has in all. Says nothing where the machine does not tell.
inline void require_memory(std::size_t bytes) {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0) return;
  const auto there = static_cast<std::size_t>(pages) * static_cast<std::size_t>(page);
  if (bytes <= there) return;
  const auto giga = [](std::size_t n) { return std::to_string((n + 999'999'999) / 1'000'000'000) + " GB"; };
  throw vitrail::ConfigError("a step needs " + giga(bytes) + " of memory, this machine has " + giga(there) +
                             "; choose a smaller batch or preset (inspect prints what they need)");
}
