// Pre-trains a Vision Transformer with DINO: a student learns what its slow average says of other crops of the same image. See pretrain.cpp.
#include <vitrail/objectives/dino.hpp>
#include <vitrail/train/views.hpp>

#include "support/pretraining.hpp"

namespace {

// A head for small sets: as wide as DINO's in proportion to the encoder, with eight prototypes for each word of the preset's tokenizer. Small
// crops are as large in proportion to the image as DINO's 96 of 224 pixels.
template <class P> constexpr vitrail::DinoConfig dino_config() {
  constexpr vitrail::ViTConfig vit = P::config;
  return {.local = (vit.image * 96 / 224 + vit.patch / 2) / vit.patch * vit.patch, .locals = 6, .hidden = 5 * vit.dim, .bottleneck = 256,
          .prototypes = 8 * P::vocabulary};
}

struct DinoMethod {
  static constexpr const char* title = "DINO";
  template <class P> using Pretext = vitrail::Dino<typename P::Encoder, dino_config<P>()>;
  static constexpr vitrail::Clipping clipping = vitrail::Clipping::each;
  static constexpr const char* gauge = "teacher_variance";
  static constexpr std::array terms{Term{"loss", "distillation", "nats"}, Term{"global", "distillation between large crops", "nats"},
                                    Term{"teacher_entropy", "teacher's entropy", "nats"}, Term{"teacher_variance", "teacher's variance", ""}};
  double temperature = 0.02, momentum = 0.996, last_weight_decay = 0.4, frozen_percent = 1;

  void declare(vitrail::Settings& settings) {
    using namespace vitrail;
    settings.add("teacher_temperature", temperature, "of the teacher's distributions; the paper's 0.04 to 0.07 is for large sets, small ones stay at the uniform one with it", above(0));
    settings.add("momentum", momentum, "of the teacher at first; it grows to 1", between(0, 1));
    settings.add("last_weight_decay", last_weight_decay, "which weight_decay grows to", at_least(0));
    settings.add("frozen_percent", frozen_percent, "share of the steps in which the prototypes stay as they are", between(0, 100));
  }
  template <class Objective> void set(Objective& objective, std::int64_t steps) const {
    objective.teacher_temperature = objective.first_teacher_temperature = temperature;
    objective.frozen_steps = static_cast<std::int64_t>(static_cast<double>(steps) * frozen_percent / 100);
  }
  template <class Objective> void views(vitrail::LoaderConfig& loader) const {
    loader.views = vitrail::dino_views(loader.augment, loader.size, Objective::config.local, Objective::config.locals);
  }
  void training(vitrail::FitConfig& fit, double weight_decay) const {
    fit.momentum_from = momentum;
    fit.weight_decay = [schedule = vitrail::CosineSchedule{.peak = weight_decay, .minimum = last_weight_decay, .warmup = 0, .steps = fit.steps}](std::int64_t step) {
      return schedule(step);
    };
  }
};

}  // namespace

int main(int argc, char** argv) { return pretraining::pretrain<DinoMethod>("pretrain_dino", argc, argv); }
