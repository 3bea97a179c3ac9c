// What the multipliers can do: the library's own tiles on operands that stay in the first cache.
#pragma once
#include <vitrail/backends/cpu.hpp>

#if VITRAIL_X86
// Some milliseconds of it on every thread; returns the floating-point operations of all.
inline std::int64_t multiply_in_cache(vitrail::Cpu& device, const vitrail::cpu::TileSet& set) {
  constexpr std::int64_t k = 160, times = 4000;
  const std::int64_t size = vitrail::cpu::whole_lines<float>(set.rows * k + k * set.panel() + set.rows * set.panel());
  float* const all = device.scratch<float>(size * device.threads());
  device.fill(all, size * device.threads(), 1.0f);
  device.parallel(device.threads(), [&](int task, int) {
    float *const b = all + task * size, *const c = b + k * set.panel(), *const a = c + set.rows * set.panel();
    const vitrail::cpu::Tile tile{k, a, 1, set.rows, b, set.panel(), nullptr, nullptr, 0, c, set.panel()};
    for (std::int64_t i = 0; i < times; ++i) set.tile[set.rows - 1][1](tile);
  });
  return 2 * times * set.rows * set.panel() * k * set.pairs * device.threads();
}
#endif
