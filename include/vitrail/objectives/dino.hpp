// DINO (Caron et al., "Emerging properties in self-supervised vision transformers", ICCV 2021): a student sees large and small crops of an
// image and learns what its own slow average, the teacher, says of the other large crop.
#pragma once
#include "../nn/ema.hpp"
#include "../nn/running_mean.hpp"
#include "../ops/collapse.hpp"
#include "../ops/distillation.hpp"
#include "../ops/normalize.hpp"
#include "../ops/ranks.hpp"
#include "../ops/weight_norm.hpp"
#include "../vit/vit.hpp"
#include "objective.hpp"

namespace vitrail {

struct DinoConfig {
  int local = 96, locals = 8;   // pixels and number of the small crops; the large ones are two, of the encoder's size
  int hidden = 2048, bottleneck = 256, prototypes = 65536;  // of the head
};

template <int Local, int Image, int Patch> struct LocalCropFits {
  static constexpr bool holds = Local > 0 && Local < Image && Local % Patch == 0;
  static_assert(holds, "DINO's local crop must be smaller than the image, and a multiple of patch");
};
template <int Locals, int Prototypes> struct SomethingToLearn {
  static constexpr bool holds = Locals > 0 && Prototypes > 0;
  static_assert(holds, "DINO needs at least one local crop and one prototype");
};

// Three layers with GELU, a vector of length one, and its cosines with the prototypes, whose length does not count. (B, In) -> (B, K)
template <int In, DinoConfig C> struct DinoHead {
  Linear<In, C.hidden> fc1{};
  Linear<C.hidden, C.hidden> fc2{};
  Linear<C.hidden, C.bottleneck> fc3{};
  // As PyTorch draws a layer, +-1 / sqrt(in): rows of about this length.
  Parameter<Shape<C.prototypes, C.bottleneck>> prototypes{.init = Init::unit_rows, .scale = 0.577};

  constexpr auto operator()(const Value auto& x) const {
    const auto hidden = gelu_linear(fc1(x), fc2.weight, fc2.bias);                            // (B, F)
    const auto unit = normalize(gelu_linear(hidden, fc3.weight, fc3.bias));                   // (B, bottleneck)
    return weight_norm_linear(unit, prototypes);                                              // (B, K)
  }
  constexpr void visit(auto&& f) {
    f("fc1", fc1), f("fc2", fc2), f("fc3", fc3);
    LastLayer last{*this};
    f("last_layer", last);
  }

 private:
  struct LastLayer {
    DinoHead& owner;
    constexpr void visit(auto&& f) { f("weight", owner.prototypes); }
  };
};

template <class Loss, class Number> struct DinoLoss {
  Loss loss;          // (): mean cross-entropy over all pairs of different crops, nats; ln K for a student that learned nothing
  Number global;      // (): over the pairs of large crops alone
  Number entropy;     // (): of the teacher's mean distribution, nats; falls to 0 where one prototype takes everything
  Number variance;    // (): of the teacher's distributions between crops; falls to 0 where all images look the same to it

  constexpr void report(auto&& f) const {
    f("global", global), f("teacher_entropy", entropy), f("teacher_variance", variance);
  }
};

// The objective. Encoder: a ViT with a class token. Its views are what dino_views() of train/views.hpp makes.
template <class Encoder, DinoConfig C>
  requires(LocalCropFits<C.local, Encoder::config.image, Encoder::config.patch>::holds && SomethingToLearn<C.locals, C.prototypes>::holds)
struct Dino {
  static constexpr int D = Encoder::dim, K = C.prototypes;
  static constexpr DinoConfig config = C;
  using encoder_type = Encoder;
  using Head = DinoHead<D, C>;
  using images_shape = typename Encoder::images_shape;
  using views = Views<View<images_shape, 2>, View<Shape<dyn, Encoder::config.channels, C.local, C.local>, C.locals>>;

  Encoder encoder{};
  Head head{};
  Ema<Encoder> teacher{};
  Ema<Head> teacher_head{};
  RunningMean<Shape<K>> center{};
  double student_temperature = 0.1, center_momentum = 0.9;
  double teacher_temperature = 0.07, first_teacher_temperature = 0.04;  // the latter at step 0, the former from teacher_warmup on
  std::int64_t teacher_warmup = 0;  // steps; DINO: those of 30 epochs
  std::int64_t frozen_steps = 0;    // of the prototypes, at first; DINO: those of 1 epoch
  double extra_position = 0.1;      // as DINO's code resamples positions for small crops: see ViT::resized

  struct Draw {};
  constexpr Draw draw(Sampler&, int) const { return {}; }

  void start() { follow(0); }
  void before_step(std::int64_t step) {
    const double done = step < teacher_warmup ? static_cast<double>(step) / static_cast<double>(teacher_warmup) : 1;
    temperature_ = first_teacher_temperature + done * (teacher_temperature - first_teacher_temperature);
    head.prototypes.frozen_steps = frozen_steps;
    head.prototypes.trained = step >= frozen_steps;
  }
  void after_step(StepScalar momentum) {
    follow(momentum);
    center.follow(center_momentum);
  }

  // large (2B, C, I, I), small (n B, C, J, J)
  constexpr auto operator()(const Tracked auto& large, const Tracked auto& small, const Draw&) const {
    const DistillationTemperatures temperatures{student_temperature, temperature_};
    const auto target = teacher_head(pool_class_token<Encoder>(teacher(detach(large))));              // (2B, K)
    const auto gauge = teacher_statistics(target, center.value, center.latest, temperature_);
    mean_over_ranks(target, center.latest);
    const auto from_large = head(pool_class_token<Encoder>(encoder(large)));                          // (2B, K)
    const auto from_small = head(pool_class_token<Encoder>(encoder.resized(small, extra_position)));  // (n B, K)
    constexpr DistillationViews among{.student = 2, .teacher = 2, .skip_same = true}, across{.student = C.locals, .teacher = 2};
    const auto global = distillation<among>(from_large, target, center.value, temperatures);          // ()
    const auto local = distillation<across>(from_small, target, center.value, temperatures);          // ()
    constexpr double share = 1.0 / (1 + C.locals);  // of the pairs: 2 against 2 n
    const auto first = share * global;                                                                // ()
    const auto second = (1 - share) * local;                                                          // ()
    const auto loss = first + second;                                                                 // ()
    return DinoLoss<decltype(loss), decltype(detach(global))>{loss, detach(global), gauge.entropy, gauge.variance};
  }

  constexpr void visit(auto&& f) {
    f("encoder", encoder), f("head", head), f("teacher", teacher), f("teacher_head", teacher_head);
    f("center", center.value), f("latest_center", center.latest);
  }

 private:
  void follow(double momentum) { teacher.follow(encoder, momentum), teacher_head.follow(head, momentum); }

  double temperature_ = 0.07;
};

}  // namespace vitrail
