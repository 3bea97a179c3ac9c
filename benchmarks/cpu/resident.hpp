// The most memory that this process ever held, in 10^6 bytes; 0 where the system does not say.
#pragma once
#include <fstream>
#include <string>

inline double peak_resident_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (double kib = 0; word == "VmHWM:" && status >> kib) return kib * 1024e-6;
  return 0;
}
