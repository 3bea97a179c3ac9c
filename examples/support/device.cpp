#include "device.hpp"

#include <unistd.h>

#include <vitrail/core/error.hpp>

namespace {

#if defined(__CUDACC__)

constexpr const char* whose = "this card";
std::size_t memory(const Device&) {  // of the card that the device has selected; 0: it does not say
  std::size_t free = 0, all = 0;
  return cudaMemGetInfo(&free, &all) == cudaSuccess ? all : 0;
}

#else

constexpr const char* whose = "this machine";
std::size_t memory(const Device&) {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages <= 0 || page <= 0 ? 0 : static_cast<std::size_t>(pages) * static_cast<std::size_t>(page);
}

#endif

}  // namespace

void declare_device(vitrail::Settings& settings, DeviceOptions& o) {
#if defined(__CUDACC__)
  settings.add("card", o.card, "which card of this machine", vitrail::at_least(0));
  settings.add("graphs", o.graphs, "start each step as one CUDA graph");
  settings.add("epilogues", o.epilogues, "GELU and gradients of biases inside matrix products");
  settings.add("rendering", o.rendering, "who crops, scales and colours training views: the loader's threads, or the card (without RandAugment, erasing and mixing)",
               vitrail::one_of({"loader", "card"}));
  settings.add("tune", o.tune, "time some algorithms for each matrix product, at its first use; another run may then give other bits");
  settings.add("threads", o.threads, "of the processor, for what is evaluated there; 0: all; does not change results", vitrail::at_least(0));
#else
  settings.add("threads", o.threads, "0: all; does not change results", vitrail::at_least(0));
  settings.add("precision", o.precision, "of what matrix products multiply: float, or bfloat16, which is faster on processors that have it",
               vitrail::one_of({"full", "bf16"}));
#endif
}

void require_memory(const Device& device, std::size_t bytes) {
  const std::size_t there = memory(device);
  if (there == 0 || bytes <= there) return;
  const auto giga = [](std::size_t n) { return std::to_string((n + 999'999'999) / 1'000'000'000) + " GB"; };
  throw vitrail::ConfigError("a step needs " + giga(bytes) + " of memory, " + whose + " has " + giga(there) +
                             "; choose a smaller batch or preset (inspect prints what they need)");
}
