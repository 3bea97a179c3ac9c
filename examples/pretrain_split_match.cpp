// Pre-trains a Vision Transformer with the second half of SplitMask: split and match, nothing is inpainted. See pretrain.cpp.
#include "support/pretraining.hpp"

namespace {

struct MatchMethod {
  static constexpr const char* title = "SplitMask without inpainting";
  template <class P> using Pretext = vitrail::SplitMatch<typename P::Encoder, typename P::Split>;
  static constexpr std::array terms{Term{"loss", "matching", "nats"}, Term{"match_accuracy", "matching accuracy", "share"}};
  double temperature = 0.2;

  void declare(vitrail::Settings& settings) { settings.add("temperature", temperature, "of the matching loss", vitrail::above(0)); }
  template <class Objective> void set(Objective& objective, std::int64_t) const { objective.temperature = temperature; }
};

}  // namespace

int main(int argc, char** argv) { return pretraining::pretrain<MatchMethod>("pretrain_split_match", argc, argv); }
