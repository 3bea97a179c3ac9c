#include "device.hpp"

void declare_device(vitrail::Settings& settings, DeviceOptions& o) {
  settings.add("threads", o.threads, "0: all; does not change results", vitrail::at_least(0));
  settings.add("precision", o.precision, "of what matrix products multiply: float, or bfloat16, which is faster on processors that have it",
               vitrail::one_of({"full", "bf16"}));
}
