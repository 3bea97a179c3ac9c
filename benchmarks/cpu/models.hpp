// The models that the CPU's benchmarks are about: the configurations of torch_step.py beside this file, by the same names.
#pragma once
#include <vitrail/vit/config.hpp>

inline constexpr vitrail::ViTConfig tiny{.image = 32, .patch = 4, .dim = 192, .depth = 12, .heads = 3, .class_token = false};
inline constexpr vitrail::ViTConfig vits{.image = 224, .patch = 16, .dim = 384, .depth = 12, .heads = 6, .class_token = false};
inline constexpr vitrail::ViTConfig vitb{.image = 224, .patch = 16, .dim = 768, .depth = 12, .heads = 12, .class_token = false};  // on a GPU
inline constexpr vitrail::ViTConfig micro64{.image = 16, .patch = 4, .dim = 64, .depth = 4, .heads = 2, .class_token = false};
inline constexpr vitrail::ViTConfig micro96{.image = 32, .patch = 4, .dim = 96, .depth = 6, .heads = 3, .class_token = false};
