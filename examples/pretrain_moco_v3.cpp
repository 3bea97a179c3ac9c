// Pre-trains a Vision Transformer with MoCo v3: a view's query must find the key of the image's other view. See pretrain.cpp.
#include <vitrail/objectives/moco_v3.hpp>
#include <vitrail/train/views.hpp>

#include "support/pretraining.hpp"

namespace {

// The encoder with its projection of patches frozen, as MoCo v3 trains it; its checkpoint is that of any other.
template <class P> constexpr vitrail::ViTConfig frozen_patches() {
  vitrail::ViTConfig config = P::config;
  config.patch_projection = vitrail::PatchProjection::frozen;
  return config;
}

struct MocoMethod {
  static constexpr const char* title = "MoCo v3";
  template <class P> using Pretext =
      vitrail::MocoV3<vitrail::ViT<frozen_patches<P>()>, vitrail::MocoV3Config{.hidden = 4 * P::config.dim, .out = 256, .predictor_hidden = 4 * P::config.dim}>;
  static constexpr const char* gauge = "teacher_variance";
  static constexpr std::array terms{Term{"loss", "contrastive", "nats"}, Term{"match_accuracy", "matching accuracy", "share"},
                                    Term{"teacher_variance", "teacher's variance", ""}};
  double temperature = 0.2, momentum = 0.99;

  void declare(vitrail::Settings& settings) {
    settings.add("temperature", temperature, "of the contrastive loss", vitrail::above(0));
    settings.add("momentum", momentum, "of the teacher at first; it grows to 1", vitrail::between(0, 1));
  }
  template <class Objective> void set(Objective& objective, std::int64_t) const { objective.temperature = temperature; }
  template <class> void views(vitrail::LoaderConfig& loader) const { loader.views = vitrail::moco_v3_views(loader.augment); }
  void training(vitrail::FitConfig& fit, double) const { fit.momentum_from = momentum; }
};

}  // namespace

int main(int argc, char** argv) { return pretraining::pretrain<MocoMethod>("pretrain_moco_v3", argc, argv); }
