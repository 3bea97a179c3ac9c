// Classification with labels: the supervised baseline, and fine-tuning of a pre-trained encoder.
#pragma once
#include "../ops/cross_entropy.hpp"
#include "../vit/vit.hpp"
#include "objective.hpp"

namespace vitrail {

template <class Loss> struct SupervisedLoss {
  Loss loss;  // (): cross-entropy, nats
  constexpr void report(auto&&) const {}
};

// The mean of the encoder's patches (or its class token), a normalisation, and one linear layer (spec of the paper's
// fine-tuning: mean pooling for SplitMask and BEiT). The head starts small, at a hundredth of the usual deviation.
template <class Encoder, int Classes, bool PoolClassToken = false> struct Supervised {
  static constexpr int D = Encoder::dim, classes = Classes;
  using encoder_type = Encoder;
  using images_shape = typename Encoder::images_shape;

  Encoder encoder{};
  LayerNorm<D> fc_norm{};
  Linear<D, Classes> head{.weight = {.scale = 0.01}};

  struct Draw {
    Indices<1> label;
  };
  constexpr Draw draw(Sampler& sampler, int batch, const int* labels) const {
    const Draw part{sampler.template indices<1>(batch)};
    if (!sampler.blank())
      for (int b = 0; b < batch; ++b) {
        if (labels[b] < 0 || labels[b] >= Classes)
          throw ConfigError("supervised: expected labels in 0 .. " + std::to_string(Classes - 1) + ", found " +
                            std::to_string(labels[b]) + "; choose a model with enough classes, and a labelled image set");
        part.label.at[b] = labels[b];
      }
    return part;
  }

  // images (B, C, I, I) -> (B, K), before softmax. With a Tensor: evaluation.
  constexpr auto logits(const Value auto& images) const {
    const auto features = encoder(images);  // (B, lead + N, D)
    if constexpr (PoolClassToken) return head(fc_norm(pool_class_token<Encoder>(features)));
    else return head(fc_norm(pool_patches<Encoder>(features)));
  }
  constexpr auto operator()(const Tracked auto& images, const Draw& part) const {
    const auto loss = cross_entropy(logits(images), part.label);  // ()
    return SupervisedLoss<decltype(loss)>{loss};
  }
  constexpr void visit(auto&& f) { f("encoder", encoder), f("fc_norm", fc_norm), f("head", head); }
};

}  // namespace vitrail
