// The models that the programs are compiled for, and the choice among them at run time. One line adds one.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/objectives/supervised.hpp>
#include <vitrail/tokenizers/random_projection.hpp>
#include <vitrail/vit/presets.hpp>

template <vitrail::ViTConfig C, int Vocabulary, bool Quarters = false> struct Preset {
  static constexpr vitrail::ViTConfig config = C;
  static constexpr int vocabulary = Vocabulary;
  static constexpr bool quarters = Quarters;
  using Encoder = vitrail::ViT<C>;
  using Split = std::conditional_t<Quarters, vitrail::RandomSplit<C.tokens(), 75>, vitrail::BlockSplit<C.grid(), 50>>;
  using Tokenizer = vitrail::RandomProjection<C, Vocabulary>;
  using Pretext = vitrail::SplitMask<Encoder, Split, Tokenizer>;
};

// Which of them a program is compiled for. Each costs it some ten seconds: a build that only checks the programs defines VITRAIL_FIRST_PRESET_ONLY.
enum class Presets { all, small };
#ifdef VITRAIL_FIRST_PRESET_ONLY
inline constexpr bool first_preset_only = true;
#else
inline constexpr bool first_preset_only = false;
#endif

using DefaultPreset = Preset<vitrail::vit_nano_patch4_32, 512>;

// Calls f(name, preset) for each; the first is the default.
template <Presets which = Presets::all, class F> void each_preset(F&& f) {
  f("vit_nano_patch4_32", DefaultPreset{});
  if constexpr (!first_preset_only) {
    f("vit_pico_patch4_28_grey", Preset<vitrail::vit_pico_patch4_28_grey, 512>{});
    f("vit_micro_patch8_64", Preset<vitrail::vit_micro_patch8_64, 1024>{});
  }
  if constexpr (which == Presets::all && !first_preset_only) {
    f("vit_pico_patch8_64", Preset<vitrail::vit_pico_patch8_64, 512>{});
    f("vit_tiny_patch8_96", Preset<vitrail::vit_tiny_patch8_96, 2048>{});
    f("vit_small_patch16_224", Preset<vitrail::vit_small_patch16_224, 8192>{});
  }
}

template <Presets which = Presets::all> std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  each_preset<which>([&](const char* name, auto) { names.emplace_back(name); });
  return names;
}

// Calls f(preset) for the one of that name, which preset_names() has, and returns what it returns.
template <Presets which = Presets::all, class F> int with_preset(const std::string& wanted, F&& f) {
  int code = 1;
  each_preset<which>([&](const char* name, auto preset) {
    if (wanted == name) code = f(preset);
  });
  return code;
}
