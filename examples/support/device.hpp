// The device that the programs' options describe.
#pragma once
#include <string>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/config.hpp>

struct DeviceOptions {
  int threads = 0;
  std::string precision = "full";

  vitrail::CpuConfig config() const {
    return {.threads = threads, .precision = precision == "bf16" ? vitrail::Precision::bf16 : vitrail::Precision::full};
  }
};

inline void declare_device(vitrail::Settings& settings, DeviceOptions& o) {
  settings.add("threads", o.threads, "0: all; does not change results", vitrail::at_least(0));
  settings.add("precision", o.precision, "of what matrix products multiply: float, or bfloat16, which is faster on processors that have it",
               vitrail::one_of({"full", "bf16"}));
}
