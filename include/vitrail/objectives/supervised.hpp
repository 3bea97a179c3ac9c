// Classification with labels: the supervised baseline (DeiT; Touvron et al. 2021), and fine-tuning of a pre-trained encoder.
#pragma once
#include "../ops/cross_entropy.hpp"
#include "../vit/vit.hpp"
#include "objective.hpp"

namespace vitrail {

// Pools: how a classifier makes one vector of an image's features, (B, lead + N, D) -> (B, D). One of your own is a module with
// this operator.
// The mean of the patches, normalised once more: for encoders whose patches were trained (SplitMask, BEiT, MAE), as BEiT fine-tunes.
template <class Encoder> struct MeanPool {
  LayerNorm<Encoder::dim> fc_norm{};

  constexpr auto operator()(const Value auto& features) const { return fc_norm(pool_patches<Encoder>(features)); }
  constexpr void visit(auto&& f) { f("fc_norm", fc_norm); }
};
// The class token: for encoders that trained it (DINO, MoCo v3, DeiT).
template <class Encoder> struct ClassTokenPool {
  static_assert(Encoder::lead == 1, "this encoder has no class token: use pool_patches, or set class_token in its config");
  constexpr auto operator()(const Value auto& features) const { return pool_class_token<Encoder>(features); }
  constexpr void visit(auto&&) {}
};

template <class Loss> struct SupervisedLoss {
  Loss loss;  // (): cross-entropy, nats
  constexpr void report(auto&&) const {}
};

// The encoder's features, pooled, and one linear layer, which starts small, at a hundredth of the usual deviation. Drop path is the
// encoder's; images are augmented and mixed by the loader, which says so in the labels.
template <class Encoder, int Classes, template <class> class Pool = MeanPool> struct Supervised {
  static constexpr int classes = Classes;
  using encoder_type = Encoder;
  using images_shape = typename Encoder::images_shape;

  Encoder encoder{};
  Pool<Encoder> pool{};
  Linear<Encoder::dim, Classes> head{.weight = {.scale = 0.01}};
  double smoothing = 0;  // of labels: DeiT and the paper's fine-tuning (table 9) take 0.1
  int classes_used = Classes;  // the first so many are all that there are: for a program that learns how many at run time

  struct Draw {
    Indices<1> label, other;  // of each image, and of what was mixed into it
    double share;             // of its own
  };
  constexpr Draw draw(Sampler& sampler, int batch, const Labels& labels) const {
    const Draw part{sampler.template indices<1>(batch), sampler.template indices<1>(batch), labels.share};
    if (!sampler.blank())
      for (int b = 0; b < batch; ++b) part.label.at[b] = checked(labels.own[b]), part.other.at[b] = checked(labels.other[b]);
    return part;
  }

  // images (B, C, I, I) -> (B, K), before softmax. With a Tensor: evaluation.
  constexpr auto logits(const Value auto& images) const { return head(pool(encoder(images))); }
  constexpr auto operator()(const Tracked auto& images, const Draw& part) const {
    const auto loss = cross_entropy(logits(images), part.label, part.other, TargetMix{part.share, smoothing, classes_used});  // ()
    return SupervisedLoss<decltype(loss)>{loss};
  }
  constexpr void visit(auto&& f) { f("encoder", encoder), pool.visit(f), f("head", head); }

 private:
  constexpr int checked(int label) const {
    if (label < 0 || label >= classes_used)
      throw ConfigError("supervised: expected labels in 0 .. " + std::to_string(classes_used - 1) + ", found " + std::to_string(label) +
                        "; choose a model with enough classes, and a labelled image set");
    return label;
  }
};

}  // namespace vitrail
