// MoCo v3 (Chen, Xie and He, "An empirical study of training self-supervised vision transformers", ICCV 2021): a query of one view must
// find the key of the image's other view among those of the batch; keys come from a slow average of the encoder.
#pragma once
#include <cmath>

#include "../core/dual.hpp"
#include "../nn/batch_norm.hpp"
#include "../nn/ema.hpp"
#include "../ops/collapse.hpp"
#include "../ops/info_nce.hpp"
#include "../ops/map.hpp"
#include "../ops/ranks.hpp"
#include "../vit/vit.hpp"
#include "objective.hpp"

namespace vitrail {

struct MocoV3Config {
  int hidden = 4096, out = 256;  // of the projector
  int predictor_hidden = 4096;
};

template <int Hidden> struct HasPredictor {
  static constexpr bool holds = Hidden > 0;
  static_assert(holds, "MoCo v3 needs a predictor: without one the student falls onto its teacher");
};

// A linear map without bias, and batch normalisation of what it gives, of two views.
template <int In, int Out, bool Last> struct NormalizedLinear {
  Parameter<Shape<Out, In>> weight{.init = Init::xavier};
  BatchNorm<Out, !Last, 2> norm{};

  constexpr auto operator()(const Value auto& x) const { return finish(norm(linear(x, weight))); }  // (2B, In) -> (2B, Out)
  constexpr auto in_batch(const Value auto& x) const { return finish(norm.in_batch(linear(x, weight))); }  // the same, see BatchNorm
  constexpr void visit(auto&& f) { f("weight", weight), f("norm", norm); }

 private:
  static constexpr auto finish(const Value auto& x) {
    if constexpr (Last) return x;
    else return map(Relu{}, x);
  }
};

// (2B, In) -> (2B, out): three layers, ReLU between them, the last normalisation without gain and shift.
template <int In, MocoV3Config C> struct MocoProjector {
  NormalizedLinear<In, C.hidden, false> first{};
  NormalizedLinear<C.hidden, C.hidden, false> second{};
  NormalizedLinear<C.hidden, C.out, true> third{};

  constexpr auto operator()(const Value auto& x) const { return third(second(first(x))); }
  constexpr auto in_batch(const Value auto& x) const { return third.in_batch(second.in_batch(first.in_batch(x))); }
  void follow() { first.norm.follow(), second.norm.follow(), third.norm.follow(); }
  constexpr void visit(auto&& f) { f("0", first), f("1", second), f("2", third); }
};
// (2B, out) -> (2B, out): two layers.
template <MocoV3Config C> struct MocoPredictor {
  NormalizedLinear<C.out, C.predictor_hidden, false> first{};
  NormalizedLinear<C.predictor_hidden, C.out, true> second{};

  constexpr auto operator()(const Value auto& x) const { return second(first(x)); }
  void follow() { first.norm.follow(), second.norm.follow(); }
  constexpr void visit(auto&& f) { f("0", first), f("1", second); }
};

template <class Loss, class Number> struct MocoV3Loss {
  Loss loss;        // (): 2 temperature (InfoNCE of view 1 against the keys of view 2 + the other way round), nats
  Number accuracy;  // (): share of queries whose nearest key is the right one
  Number variance;  // (): of the teacher's class tokens, scaled to length one; falls to 0 where all images look the same to it.
                    // Not of the keys: batch normalisation spreads them whatever is left to spread

  constexpr void report(auto&& f) const { f("match_accuracy", accuracy), f("teacher_variance", variance); }
};

// The objective. Encoder: a ViT with a class token; the paper's has PatchProjection::frozen and Positions::sincos. Two views of each
// image: moco_v3_views() of train/views.hpp. A teacher's momentum from 0.99: FitConfig::momentum_from.
template <class Encoder, MocoV3Config C = MocoV3Config{}>
  requires(HasPredictor<C.predictor_hidden>::holds)
struct MocoV3 {
  static constexpr int D = Encoder::dim;
  static constexpr MocoV3Config config = C;
  using encoder_type = Encoder;
  using Projector = MocoProjector<D, C>;
  using images_shape = typename Encoder::images_shape;
  using views = Views<View<images_shape, 2>>;

  Encoder encoder{};
  Projector projector{};
  MocoPredictor<C> predictor{};
  Ema<Encoder> teacher{};
  Ema<Projector> teacher_projector{};
  double temperature = 0.2;

  constexpr MocoV3() { begin_as_published(); }

  struct Draw {};
  constexpr Draw draw(Sampler&, int) const { return {}; }

  void start() { follow(0); }
  void after_step(StepScalar momentum) {
    projector.follow(), predictor.follow();
    follow(momentum);
  }

  // images (2B, C, I, I): rows 2i and 2i + 1 are the views of image i.
  constexpr auto operator()(const Tracked auto& images, const Draw&) const {
    const auto seen = pool_class_token<Encoder>(teacher(detach(images)));                    // (2B, D)
    const auto variance = unit_variance(all_rows(seen));                                           // ()
    const auto keys = teacher_projector->in_batch(seen);                                     // (2B, out)
    const auto queries = predictor(projector(pool_class_token<Encoder>(encoder(images))));   // (2B, out)
    const auto all_keys = all_rows(keys);                                                    // (2B, out), B of all ranks
    const auto all_queries = all_rows(queries);                                              // (2B, out)
    const auto matched = info_nce(all_queries, all_keys, temperature);
    const auto loss = 4 * temperature * matched.loss;                                        // ()
    return MocoV3Loss<decltype(loss), decltype(variance)>{loss, matched.accuracy, variance};
  }

  constexpr void visit(auto&& f) {
    f("encoder", encoder), f("projector", projector), f("predictor", predictor);
    f("teacher", teacher), f("teacher_projector", teacher_projector);
  }

 private:
  void follow(double momentum) { teacher.follow(encoder, momentum), teacher_projector.follow(projector, momentum); }

  // Xavier for the encoder's maps, q, k and v one by one; a class token of almost nothing.
  constexpr void begin_as_published() {
    if (std::is_constant_evaluated()) return;  // a plan has no weights
    encoder.patch_embed.weight.init = Init::xavier;
    if constexpr (Encoder::lead > 0) encoder.cls.token.scale = 1e-6 / 0.02;
    for (auto& block : encoder.transformer.blocks) {
      block.attn.qkv.weight.init = block.attn.proj.weight.init = Init::xavier;
      block.attn.qkv.weight.scale = std::sqrt(2.0);
      block.mlp.fc1.weight.init = block.mlp.fc2.weight.init = Init::xavier;
    }
  }
};

}  // namespace vitrail
