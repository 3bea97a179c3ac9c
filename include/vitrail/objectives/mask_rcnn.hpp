// Mask R-CNN (He et al. 2017) on a plain ViT: what the paper evaluates pre-trained encoders with (El-Nouby et al. 2021, section 5.2.1). The
// pyramid is that of XCiT (El-Nouby et al. 2021, section 4.3), and numbers are those of Swin's configuration (Liu et al. 2021).
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "../core/dual.hpp"
#include "../nn/ema.hpp"
#include "../ops/cross_entropy.hpp"
#include "../ops/reduce.hpp"
#include "../ops/regions.hpp"
#include "../ops/tokens.hpp"
#include "../ops/widen.hpp"
#include "../vit/feature_pyramid.hpp"
#include "objective.hpp"

namespace vitrail {

// The defaults are the paper's for COCO.
struct DetectorConfig {
  int classes = 80;
  int objects = 100;               // annotated objects of an image that are learned, at most: the largest ones
  int width = 256, hidden = 1024;  // channels of the pyramid, and of the box head
  int proposals = 1000;            // boxes of an image that reach the heads
  int per_level = 2000;            // of each level before those that overlap better ones are left out; half as many in evaluation
  int regions = 512;               // boxes of an image from which the heads learn; the masks, from a quarter
  int detections = 100;            // objects that are found in an image, at most
};

template <class Loss> struct MaskRcnnLoss {
  Loss loss;                                             // (): the sum of the parts
  Loss anchor_class, anchor_box, box_class, box, mask;   // (): cross-entropies in nats; mean absolute errors of deltas

  constexpr void report(auto&& f) const {
    f("anchor_class", anchor_class), f("anchor_box", anchor_box), f("box_class", box_class), f("box", box), f("mask", mask);
  }
};

namespace detail {
// weight (ln(1 + e^z) - target z): the cross-entropy of a yes or no, of which z is the score.
struct WeightedCrossEntropy {
  template <class X> VITRAIL_HD X operator()(const X& z, const X& target, const X& weight) const {
    return weight * (math::softplus(z) - target * z);
  }
};
struct WeightedDistance {
  template <class X> VITRAIL_HD X operator()(const X& x, const X& target, const X& weight) const {
    return weight * (math::relu(x - target) + math::relu(target - x));
  }
};
}  // namespace detail

// What a head says of boxes: how likely they hold something, and where in them it is.
template <Value S, Value X> struct BoxScores {
  S scores;
  X deltas;
};
namespace detail {
template <Value S, Value X> constexpr BoxScores<S, X> box_scores(const S& scores, const X& deltas) { return {scores, deltas}; }

// What a layer says of maps (B, W, S, S), one behind the other: (B, all of it, 1).
template <class Layer, Value X, Value... Xs> constexpr auto said_of(const Layer& layer, const X& x, const Xs&... xs) {
  const auto y = layer(x);  // (B, C, S, S)
  const auto first = view(y, Shape<dyn, static_cast<int>(shape_of<decltype(y)>::inner), 1>(y.shape.leading()));
  if constexpr (sizeof...(Xs) == 0) return first;
  else return concat(first, said_of(layer, xs...));
}
}  // namespace detail

// Says of every anchor whether it holds an object, and where: five levels -> scores (B, A) and deltas (B, 4 A), in the order of AnchorGrid.
// Floats where values are bfloat16, as targets are.
template <int Width> struct RegionProposals {
  static constexpr int shapes = AnchorGrid::shapes;
  Conv<Width, Width, 3> conv{.weight = {.init = Init::normal, .scale = 0.5}};  // deviation 0.01, as of the other two
  Conv<Width, shapes, 1> score{.weight = {.init = Init::normal, .scale = 0.5}};
  Conv<Width, 4 * shapes, 1> delta{.weight = {.init = Init::normal, .scale = 0.5}};

  constexpr auto operator()(const auto& levels) const {
    const auto h0 = hidden(levels.l0);
    const auto h1 = hidden(levels.l1);
    const auto h2 = hidden(levels.l2);
    const auto h3 = hidden(levels.l3);
    const auto h4 = hidden(levels.l4);
    const auto scores = widen(detail::said_of(score, h0, h1, h2, h3, h4));
    const auto deltas = widen(detail::said_of(delta, h0, h1, h2, h3, h4));
    constexpr int A = shape_of<decltype(scores)>::template extent<1>();
    const int batch = scores.shape.leading();
    return detail::box_scores(view(scores, Shape<dyn, A>(batch)), view(deltas, Shape<dyn, 4 * A>(batch)));
  }
  constexpr void visit(auto&& f) { f("conv", conv), f("score", score), f("delta", delta); }

 private:
  constexpr auto hidden(const Value auto& x) const { return map(Relu{}, conv(x)); }
};

// Says of a region which class it holds, or none, and where in it: (R, W, 7, 7) -> scores (R, K + 1) and deltas (R, 4 K), in deviations.
template <int Width, int Hidden, int Classes> struct BoxHead {
  static constexpr int cells = 7, inputs = Width * cells * cells;
  Linear<inputs, Hidden> fc1{.weight = {.init = Init::xavier}};
  Linear<Hidden, Hidden> fc2{.weight = {.init = Init::xavier}};
  Linear<Hidden, Classes + 1> score{.weight = {.scale = 0.5}};   // deviation 0.01; the last is none
  Linear<Hidden, 4 * Classes> delta{.weight = {.scale = 0.05}};  // deviation 0.001

  constexpr auto operator()(const Value auto& regions) const {
    const auto first = map(Relu{}, fc1(view(regions, Shape<dyn, inputs>(regions.shape.leading()))));  // (R, H)
    const auto second = map(Relu{}, fc2(first));                                                      // (R, H)
    const auto scores = score(second);
    return detail::box_scores(scores, delta(second));
  }
  constexpr void visit(auto&& f) { f("fc1", fc1), f("fc2", fc2), f("score", score), f("delta", delta); }
};

// Says of every cell of a region, for each class, whether it belongs to the object.
template <int Width, int Classes> struct MaskHead {
  static constexpr int cells = 14, size = 2 * cells;
  std::array<Conv<Width, Width, 3>, 4> convs{};
  DoublingConv<Width, Width> up{};
  Conv<Width, Classes, 1> score{};

  template <Value X> constexpr auto operator()(X x) const {  // (R, W, 14, 14) -> (R, K, 28, 28)
    for (const auto& conv : convs) x = map(Relu{}, conv(x));
    return score(map(Relu{}, up(x)));
  }
  constexpr void visit(auto&& f) { f("convs", convs), f("up", up), f("score", score); }
};

// A detector that learns from boxes and masks: an objective for `fit`, with a loader that has `objects` set.
template <class Encoder, DetectorConfig C = DetectorConfig{}> struct MaskRcnn {
  static constexpr DetectorConfig config = C;
  static constexpr int object_classes = C.classes;  // what `fit` compares with the image set
  static constexpr ViTConfig vit = Encoder::config;
  using Pyramid = FeaturePyramid<Encoder, C.width>;
  using encoder_type = Encoder;
  using images_shape = typename Encoder::images_shape;
  using Draw = ObjectLists<C.objects, vit.image>;
  using Masks = MaskHead<C.width, C.classes>;
  using Boxes = BoxHead<C.width, C.hidden, C.classes>;

  Encoder encoder{};
  Pyramid neck{};
  RegionProposals<C.width> proposals{};
  Boxes box_head{};
  Masks mask_head{};

  static constexpr AnchorGrid anchors() {
    AnchorGrid grid{.image = vit.image};
    for (int l = 0; l < AnchorGrid::levels; ++l) grid.side[l] = Pyramid::sides[l], grid.step[l] = Pyramid::step << l;
    return grid;
  }
  static constexpr int anchor_count = anchors().count();

  constexpr Draw draw(Sampler& sampler, int batch, const Labels& labels) const {
    const Draw out{sampler.template indices<C.objects>(batch), sampler.template indices<4 * C.objects>(batch),
                   sampler.template indices<Draw::words * C.objects>(batch)};
    if (!sampler.blank()) {
      if (labels.objects == nullptr)
        throw ConfigError("mask_rcnn: expected images with annotated objects, found none; give an ObjectSet, such as CocoImages, and set "
                          "LoaderConfig::objects");
      for (int b = 0; b < batch; ++b) fill(out, b, labels.objects[b]);
    }
    return out;
  }

  constexpr auto operator()(const Tracked auto& images, const Draw& objects) const {
    const auto levels = neck(encoder, images);
    const auto found = proposals(levels);
    const auto anchor_targets = assign_anchors<anchor_count>(found.scores, anchors(), objects);
    const auto anchor_class = sum(map(detail::WeightedCrossEntropy{}, found.scores, anchor_targets.target, anchor_targets.weight));    // ()
    const auto anchor_box = sum(map(detail::WeightedDistance{}, found.deltas, anchor_targets.delta, anchor_targets.delta_weight));     // ()

    const auto proposed = propose<C.proposals>(found.scores, found.deltas, anchors(), {.per_level = C.per_level});  // (B, K, 4)
    const auto regions = sample_regions<C.regions, C.classes>(found.scores, proposed, objects);
    const int rows = images.shape.leading() * C.regions;
    const auto judgement = box_head(cut<Boxes::cells>(levels, regions.boxes));
    const auto box_class = cross_entropy(judgement.scores, view(regions.label, Shape<dyn, 1>(rows)));  // ()
    const auto deltas = view(judgement.deltas, Shape<dyn, C.classes, 4>(rows));                        // (B R, K, 4)
    const auto own = widen(gather(deltas, view(regions.chosen, Shape<dyn, 1>(rows))));                 // (B R, 1, 4)
    const Shape<dyn, 1, 4> four(rows);
    const auto box = sum(map(detail::WeightedDistance{}, own, view(regions.delta, four), view(regions.delta_weight, four)));  // ()

    constexpr int used = C.regions / 4, cells = Masks::size * Masks::size;
    const int masked = images.shape.leading() * used;
    const auto mask_targets = vitrail::mask_targets<used, Masks::size, C.classes>(regions, objects);
    const auto planes = mask_head(cut<Masks::cells>(levels, slice_tokens<0, used>(regions.boxes)));  // (B U, K, 28, 28)
    const auto plane = widen(gather(view(planes, Shape<dyn, C.classes, cells>(masked)), view(mask_targets.own, Shape<dyn, 1>(masked))));
    const Shape<dyn, 1, cells> one(masked);
    const auto target = view(mask_targets.target, one), weight = view(mask_targets.weight, one);
    const auto mask = sum(map(detail::WeightedCrossEntropy{}, plane, target, weight));  // ()

    const auto anchors_learn = anchor_class + anchor_box;
    const auto boxes_learn = box_class + box;
    const auto heads_learn = boxes_learn + mask;
    const auto loss = anchors_learn + heads_learn;  // ()
    return MaskRcnnLoss<std::remove_const_t<decltype(loss)>>{loss, anchor_class, anchor_box, box_class, box, mask};
  }

  // Evaluation, in three steps between which the host chooses: see eval/detect.hpp.
  // images (B, C, I, I) -> levels of the pyramid
  constexpr auto levels(const Untracked auto& images) const { return neck(encoder, images); }
  // -> boxes (B, K, 4), the best first
  constexpr auto proposed(const auto& levels, int per_level = C.per_level / 2) const {
    const auto found = proposals(levels);
    return propose<C.proposals>(found.scores, found.deltas, anchors(), {.per_level = per_level});
  }
  // boxes (B, R, 4) -> scores (B R, K + 1) and deltas (B R, 4 K), in deviations
  template <Untracked X> constexpr auto judged(const auto& levels, const X& boxes) const {
    return box_head(cut<Boxes::cells>(levels, boxes));
  }
  // boxes (B, R, 4) -> scores (B R, K, 28, 28), of which those above 0 belong to the object
  template <Untracked X> constexpr auto masks(const auto& levels, const X& boxes) const {
    return mask_head(cut<Masks::cells>(levels, boxes));
  }

  void after_step(StepScalar) { neck.follow(); }
  constexpr void visit(auto&& f) {
    f("encoder", encoder), f("neck", neck), f("proposals", proposals), f("box_head", box_head), f("mask_head", mask_head);
  }

 private:
  // (B, R, 4) -> (B R, W, Cells, Cells)
  template <int Cells> static constexpr auto cut(const auto& levels, const Untracked auto& boxes) {
    return roi_align<Cells, Pyramid::step>(levels.l0, levels.l1, levels.l2, levels.l3, boxes);
  }

  static void fill(const Draw& out, int image, const std::vector<ViewObject>& objects) {
    std::vector<const ViewObject*> order;
    for (const ViewObject& object : objects) {
      if (object.label < 0 || object.label >= C.classes)
        throw ConfigError("mask_rcnn: expected objects of the classes 0 .. " + std::to_string(C.classes - 1) + ", found " +
                          std::to_string(object.label) + "; choose a detector with enough classes");
      if (object.mask.size() != static_cast<std::size_t>(Draw::words))
        throw ShapeError("mask_rcnn: expected a mask of " + std::to_string(Draw::words) + " words for every object, found " +
                         std::to_string(object.mask.size()) + "; detectors learn from objects that have masks of the view's size");
      order.push_back(&object);
    }
    std::stable_sort(order.begin(), order.end(), [](const ViewObject* a, const ViewObject* b) { return a->box.area() > b->box.area(); });
    for (int i = 0; i < C.objects; ++i) {
      const ViewObject* const object = i < static_cast<int>(order.size()) ? order[static_cast<std::size_t>(i)] : nullptr;
      out.label.row(image)[i] = object == nullptr ? -1 : object->label;
      int *const corners = out.corners.row(image) + 4 * i, *const mask = out.mask.row(image) + std::int64_t{i} * Draw::words;
      const Box box = object == nullptr ? Box{} : object->box;
      const float sides[] = {box.left, box.top, box.right, box.bottom};
      for (int k = 0; k < 4; ++k) corners[k] = static_cast<int>(std::lround(sides[k] * corner_unit));
      if (object == nullptr) std::fill_n(mask, Draw::words, 0);
      else std::memcpy(mask, object->mask.data(), object->mask.size() * sizeof(int));
    }
  }
};

}  // namespace vitrail
