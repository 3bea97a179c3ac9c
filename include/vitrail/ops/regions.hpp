// What a detector learns at its anchors and regions, and the boxes that it proposes. None of it has a gradient: all are Tensors.
#pragma once
#include "../backends/communicator.hpp"
#include "detection.hpp"

namespace vitrail {

// The annotated objects of a batch, drawn before the step: of each image at most Count, those that there are first. Corners in 64ths of a
// pixel of the view; a bit of the mask for each of its pixels.
template <int Count, int Image> struct ObjectLists {
  static constexpr int words = (Image * Image + 31) / 32;
  Indices<Count> label;           // (B, Count): its class; -1 behind the last one
  Indices<4 * Count> corners;     // (B, 4 Count)
  Indices<words * Count> mask;    // (B, words Count)
};

namespace detail {
// Room for numbers, or integers, of a step in which `like` is a value.
template <class N, Value X, class S> constexpr auto room_beside(const X& like, S shape) {
  const auto plain = detach(like);
  return make_tensor<S, N>(*plain.arena, shape);
}
}  // namespace detail

// Targets and weights in the layout of what a region proposal network says: scores (B, A), deltas (B, 4 A).
template <class Device, class T, int Anchors> struct AnchorTargets {
  Tensor<Shape<dyn, Anchors>, Device, T> target, weight;
  Tensor<Shape<dyn, 4 * Anchors>, Device, T> delta, delta_weight;
};
// Which anchors learn (Ren et al. 2015, section 3.1.2).
struct AnchorRule {
  double high = 0.7, low = 0.3;  // overlaps from which an anchor holds a object, and under which it holds nothing
  int sample = 256;              // anchors of an image that count
};
// `like`: a value of the step, for its memory and its chance.
template <int Anchors, Tracked X, int Count, int Image>
constexpr auto assign_anchors(const X& like, const AnchorGrid& grid, const ObjectLists<Count, Image>& objects,
                              const AnchorRule& rule = {}) {
  using T = wide<scalar_of<X>>;
  const int batch = objects.label.shape.leading();
  const auto each = [&] { return detail::room_beside<T>(like, Shape<dyn, Anchors>(batch)); };
  const auto four = [&] { return detail::room_beside<T>(like, Shape<dyn, 4 * Anchors>(batch)); };
  const AnchorTargets<typename X::device_type, T, Anchors> out{each(), each(), four(), four()};
  const op::AssignAnchors op{batch, Count, rule.sample, grid, rule.high, rule.low, like.tape->draw_key(), part_of(like.device())};
  run(op, out.target, out.weight, out.delta, out.delta_weight, objects.label, objects.corners);
  return out;
}

struct ProposalRule {
  int per_level = 2000;  // anchors of a level that propose at most
  double overlap = 0.7;  // with a better box of the level, above which a box is left out
};
// The Kept best boxes of each image: scores (B, A), deltas (B, 4 A) -> (B, Kept, 4); empty boxes behind the last one.
template <int Kept, Value S, Value X>
constexpr auto propose(const S& scores, const X& deltas, const AnchorGrid& grid, const ProposalRule& rule = {}) {
  static_assert(last_extent<shape_of<X>> == 4 * last_extent<shape_of<S>>, "propose: four deltas for each score");
  using Boxes = Shape<dyn, Kept, 4>;
  const int batch = common_batch(scores, deltas);
  const auto boxes = detail::room_beside<wide<scalar_of<S>>>(scores, Boxes(batch));  // (B, Kept, 4)
  const op::Propose op{batch, rule.per_level, Kept, rule.overlap, grid};
  run(op, boxes, detach(scores), detach(deltas));
  return boxes;
}

// Regions from which the heads learn.
template <class Device, class T, int Regions> struct RegionTargets {
  Tensor<Shape<dyn, Regions, 4>, Device, T> boxes, delta, delta_weight;
  Tensor<Shape<dyn, Regions>, Device, int> label, object, chosen;  // the class, Classes for nothing; which object; the class, 0 for nothing
};
// Boxes (B, K, 4) that were proposed; a region holds a object if it overlaps one by `high` (Girshick, "Fast R-CNN", 2015, section 2.3).
template <int Regions, int Classes, Tracked X, int K, class D, class T, int Count, int Image>
constexpr auto sample_regions(const X& like, const Tensor<Shape<dyn, K, 4>, D, T>& proposed, const ObjectLists<Count, Image>& objects,
                              double high = 0.5) {
  static_assert(Regions % 4 == 0, "sample_regions: a quarter of the regions may hold objects: choose a multiple of 4");
  using Boxes = Shape<dyn, Regions, 4>;
  using Each = Shape<dyn, Regions>;
  const int batch = common_batch(proposed, objects.label);
  const auto numbers = [&] { return detail::room_beside<T>(like, Boxes(batch)); };
  const auto integers = [&] { return detail::room_beside<int>(like, Each(batch)); };
  const RegionTargets<D, T, Regions> out{numbers(), numbers(), numbers(), integers(), integers(), integers()};
  const op::SampleRegions op{batch, Count, K, Regions, Classes, Image, high, like.tape->draw_key(), part_of(like.device())};
  // As pointers: these integers are results, not places.
  run(op, out.boxes, out.delta, out.delta_weight, out.label.at, out.object.at, out.chosen.at, proposed, objects.label, objects.corners);
  return out;
}

// What masks learn at the first Used regions of each image.
template <class Device, class T, int Used, int Size> struct MaskTargets {
  Tensor<Shape<dyn, Used, Size * Size>, Device, T> target, weight;
  Tensor<Shape<dyn, Used>, Device, int> own;  // whose plane learns
};
template <int Used, int Size, int Classes, int Regions, class D, class T, int Count, int Image>
constexpr auto mask_targets(const RegionTargets<D, T, Regions>& regions, const ObjectLists<Count, Image>& objects) {
  static_assert(Used <= Regions, "mask_targets: there are fewer regions");
  using Cells = Shape<dyn, Used, Size * Size>;
  using Each = Shape<dyn, Used>;
  const int batch = common_batch(regions.boxes, objects.mask);
  const auto numbers = [&] { return detail::room_beside<T>(regions.boxes, Cells(batch)); };
  const MaskTargets<D, T, Used, Size> out{numbers(), numbers(), detail::room_beside<int>(regions.boxes, Each(batch))};
  const op::MaskTargets op{batch, Count, Regions, Used, Classes, Image, Size};
  const int *const label = regions.label.at, *const object = regions.object.at;
  run(op, out.target, out.weight, out.own.at, regions.boxes, label, object, objects.mask);
  return out;
}

}  // namespace vitrail
