// Pre-trains a Vision Transformer with SplitMask on a folder of images or on the built-in shapes, and writes a run folder:
// config.json, log.jsonl, checkpoint.safetensors (to resume), encoder.safetensors (the result), report.html.
#include "support/pretraining.hpp"

namespace {

struct SplitMaskMethod {
  static constexpr const char* title = "SplitMask";
  template <class P> using Pretext = typename P::Pretext;
  static constexpr std::array terms{Term{"inpaint", "inpainting", "nats", true}, Term{"match", "matching", "nats"},
                                    Term{"match_accuracy", "matching accuracy", "share"}};
  double match_weight = 1, temperature = 0.2;

  void declare(vitrail::Settings& settings) {
    settings.add("match_weight", match_weight, "of the matching loss, beside inpainting", vitrail::at_least(0));
    settings.add("temperature", temperature, "of the matching loss", vitrail::above(0));
  }
  template <class Objective> void set(Objective& objective, std::int64_t) const {
    objective.match_weight = match_weight, objective.temperature = temperature;
  }
};

}  // namespace

int main(int argc, char** argv) { return pretraining::pretrain<SplitMaskMethod, Presets::all>("pretrain", argc, argv); }
