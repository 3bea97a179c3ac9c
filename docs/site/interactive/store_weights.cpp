// Makes the interactive page's weights of a run's checkpoint: without the optimiser, in bfloat16.
// Usage: store_weights runs/page/checkpoint.safetensors weights.safetensors
#include <cstdio>

#include <vitrail/backends/cpu/bf16.hpp>
#include <vitrail/io/safetensors.hpp>

int main(int argc, char** argv) {
  using namespace vitrail;
  if (argc != 3) return std::fprintf(stderr, "usage: store_weights CHECKPOINT WEIGHTS\n"), 2;
  try {
    const SafetensorsFile file = SafetensorsFile::read(argv[1]);
    std::vector<TensorEntry> entries;
    std::vector<std::vector<std::uint16_t>> halves;
    halves.reserve(file.entries().size());
    for (const TensorEntry& entry : file.entries()) {
      if (entry.name.starts_with("optimizer.")) continue;
      std::vector<std::uint16_t>& half = halves.emplace_back();
      for (const float value : values_of<float>(entry)) half.push_back(static_cast<std::uint16_t>(cpu::bf16_bits(value)));
      entries.push_back({entry.name, "BF16", entry.shape, reinterpret_cast<const std::byte*>(half.data()), 2 * half.size()});
    }
    write_safetensors(argv[2], entries, {{"made_by", "vitrail pretrain"}});
  } catch (const Error& error) {
    return std::fprintf(stderr, "store_weights: %s\n", error.what()), 1;
  }
}
