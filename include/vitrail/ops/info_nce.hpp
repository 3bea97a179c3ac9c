// InfoNCE between the two descriptors of each image (van den Oord et al. 2018; SplitMask, equation 2). Its logits are
// (2B, 2B): two run-time extents, which no value can have, so that it is one fused op.
#pragma once
#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"
#include "../core/shape_rules.hpp"

namespace vitrail {

struct InfoNceConfig {
  double temperature = 0.2;
  bool unit_length = true;     // divide descriptors by their length: the paper's eq. 2 does not say; MoCo v3 does
  bool both_branches = false;  // negatives: the other images' opposite branch only (MoCo v3), or both branches
};
template <class Loss, class Rate> struct InfoNceResult {
  Loss loss;      // (): mean over both directions of -log softmax
  Rate accuracy;  // (): share of descriptors whose nearest candidate is their pair; no gradient

  constexpr void report(auto&& f) const { f("accuracy", accuracy); }
};

namespace detail {
constexpr void check_pairs(int rows) {
  if (rows % 2 != 0)
    throw ShapeError("info_nce: expected an even number of rows, two views of each image, found " + std::to_string(rows) +
                     "; give the descriptors of both views of every image, one after the other");
}
}  // namespace detail

// z (2B, D): rows 2i and 2i + 1 are a pair.
template <Value X>
  requires RankIs<shape_of<X>, 2>
constexpr auto info_nce(const X& z, InfoNceConfig config = {}) {
  using T = scalar_of<X>;
  constexpr int D = last_extent<shape_of<X>>;
  const int rows = z.shape.leading();
  detail::check_pairs(rows);
  auto loss = fresh_wide<Shape<>>(z);                                                   // ()
  auto accuracy = saved<Shape<>>(z);                                               // ()
  auto unit = saved<shape_of<X>>(z);                                               // (2B, D)
  auto norm = saved<drop_last_axis<shape_of<X>>>(z);                               // (2B)
  wide<T>* share = accuracy.arena->template take<wide<T>>(std::int64_t{rows} * rows);          // (2B, 2B): the softmax
  const op::InfoNce op{rows / 2, D, config.temperature, config.unit_length, config.both_branches};
  run(op, loss, accuracy, unit, norm, share, z);
  if constexpr (Tracked<X>)
    loss.tape->on_backward(loss.slot, [op, loss, z, unit, norm, share] {
      run_backward(op, loss, sink(z), loss.grad(), unit, norm, static_cast<const wide<T>*>(share));
    });
  return InfoNceResult<decltype(loss), decltype(accuracy)>{loss, accuracy};
}

// Queries against the keys of a teacher, scaled to length one (MoCo v3: Chen et al., "An empirical study of training self-supervised
// vision transformers", 2021, section 3). q, k (2B, D): rows 2i and 2i + 1 are the views of image i; each query's pair is the key of the
// other view, its negatives the other images' keys of that view.
template <Value Q, Value K>
  requires RankIs<shape_of<Q>, 2>
constexpr auto info_nce(const Q& q, const K& k, double temperature) {
  static_assert(Untracked<K>, "info_nce: keys receive no gradient: call detach() first");
  static_assert(SameShape<shape_of<Q>, shape_of<K>>, "info_nce: queries and keys must have the same shape");
  using T = scalar_of<Q>;
  constexpr int D = last_extent<shape_of<Q>>;
  const int rows = q.shape.leading();
  detail::check_pairs(rows);
  auto loss = fresh_wide<Shape<>>(q, k);                                          // ()
  auto accuracy = saved<Shape<>>(q);                                         // ()
  auto unit = saved<shape_of<Q>>(q);                                         // (2B, D)
  auto norm = saved<drop_last_axis<shape_of<Q>>>(q);                         // (2B)
  auto keys = saved<shape_of<Q>>(q);                                         // (2B, D)
  wide<T>* share = accuracy.arena->template take<wide<T>>(std::int64_t{rows} * rows);    // (2B, 2B): the softmax
  const op::KeyedInfoNce op{rows / 2, D, temperature};
  run(op, loss, accuracy, unit, norm, keys, share, q, k);
  if constexpr (Tracked<Q>)
    loss.tape->on_backward(loss.slot, [op, loss, q, unit, norm, keys, share] {
      run_backward(op, loss, sink(q), loss.grad(), unit, norm, keys, static_cast<const wide<T>*>(share));
    });
  return InfoNceResult<decltype(loss), decltype(accuracy)>{loss, accuracy};
}

}  // namespace vitrail
