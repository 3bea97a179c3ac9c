// One training step of the configuration `tiny` of step.cpp with two images, for counting its instructions: see count.sh. Compiled
// without -march, so that the count depends on the code and the compiler alone. valgrind takes three minutes for all twelve blocks
// (argument "all"); without argument one of the encoder and one of the decoder stand for the others.
#include <cstdio>

#include "models.hpp"
#include "training.hpp"

using namespace vitrail;

// The name that valgrind is told to count.
extern "C" __attribute__((noinline)) void vitrail_counted_step(void (*step)(void*), void* training) { step(training); }

namespace {

constexpr ViTConfig one_block = [] {
  ViTConfig config = tiny;
  config.depth = 1;
  return config;
}();

template <class Objective> void count(const char* blocks) {
  Training<Objective> training({.threads = 1}, 2);
  vitrail_counted_step([](void* t) { static_cast<Training<Objective>*>(t)->step(); }, &training);
  std::printf("%s/%s\n", name(training.device.isa()), blocks);
}

}  // namespace

int main(int count_of_arguments, char**) {
  if (count_of_arguments > 1) count<Pretext<tiny, 1024>>("all");
  else count<Pretext<one_block, 1024, SplitMaskConfig{.decoder_depth = 1}>>("one");
}
