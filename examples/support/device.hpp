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

void declare_device(vitrail::Settings& settings, DeviceOptions& o);
