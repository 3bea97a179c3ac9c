#include "memory.hpp"

#include <unistd.h>

#include <string>
#include <vitrail/core/error.hpp>

void require_memory(std::size_t bytes) {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0) return;
  const auto there = static_cast<std::size_t>(pages) * static_cast<std::size_t>(page);
  if (bytes <= there) return;
  const auto giga = [](std::size_t n) { return std::to_string((n + 999'999'999) / 1'000'000'000) + " GB"; };
  throw vitrail::ConfigError("a step needs " + giga(bytes) + " of memory, this machine has " + giga(there) +
                             "; choose a smaller batch or preset (inspect prints what they need)");
}
