// What anchors learn: which of them hold an object, and where it is.
#pragma once
#include "../detection_catalog.hpp"
#include "lowest_keys.cuh"

namespace vitrail {

namespace cuda {

// By how much the anchor that overlaps an object most does so: a block for each object.
template <class W>
struct MostOverlap {
  static constexpr int threads = 256;
  op::AssignAnchors o;
  W* most;
  const int *labels, *corners;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const int anchors = labels[c.block()] < 0 ? 0 : o.grid.count();
    const BoxOf<W> object = box_of_corners<W>(corners + 4 * c.block());
    W top = 0;
    for (int i = c.thread(); i < anchors; i += threads) {
      const W x = overlap(o.grid.template box<W>(o.grid.place(i)), object);
      top = x > top ? x : top;
    }
    top = block_max<threads>(c, top, reinterpret_cast<W*>(c.shared()));
    if (c.thread() == 0) most[c.block()] = top;
  }
};
// Which object an anchor holds; of those that it overlaps more than any other anchor does, the last. Or none, or it says nothing.
inline constexpr int no_object = -1, says_nothing = -2;
template <class W>
struct HeldObjectElement {
  op::AssignAnchors o;
  int* held;
  const W* most;
  const int *labels, *corners;

  VITRAIL_DEVICE void operator()(i64 at) const {
    const i64 first = at / o.grid.count() * o.objects;
    const BoxOf<W> box = o.grid.template box<W>(o.grid.place(static_cast<int>(at % o.grid.count())));
    int best = no_object, last = no_object;
    W top = 0;
    for (int t = 0; t < o.objects && labels[first + t] >= 0; ++t) {
      const W x = overlap(box, box_of_corners<W>(corners + 4 * (first + t)));
      if (best < 0 || x > top) best = t, top = x;
      if (most[first + t] >= static_cast<W>(o.low) && x == most[first + t]) last = t;
    }
    if (last < 0) last = top >= static_cast<W>(o.high) ? best : top < static_cast<W>(o.low) ? no_object : says_nothing;
    held[at] = last;
  }
};
// Below which tickets anchors of an image count, with an object and with none; and how many do. A block for each image.
struct DrawAnchors {
  static constexpr int threads = LowestKeys::threads;
  static constexpr std::size_t shared_bytes = LowestKeys::shared_bytes;
  op::AssignAnchors o;
  Key* limits;
  int* drawn;
  const int* held;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const LowestKeys lowest{reinterpret_cast<int*>(c.shared())};
    const int b = static_cast<int>(c.block()), anchors = o.grid.count(), place = o.part.place(b, o.batch);
    const int* const own = held + c.block() * anchors;
    int with = 0, without = 0;
    for (int i = c.thread(); i < anchors; i += threads) with += own[i] >= 0, without += own[i] == no_object;
    with = block_sum<threads>(c, with, lowest.counts), without = block_sum<threads>(c, without, lowest.counts);
    const int chosen = with < o.sample / 2 ? with : o.sample / 2, rest = without < o.sample - chosen ? without : o.sample - chosen;
    const Key first = lowest.limit(c, anchors, chosen, [&](int i) { return own[i] >= 0 ? ticket(o.key, place, i) : no_key; });
    const Key second = lowest.limit(c, anchors, rest, [&](int i) { return own[i] == no_object ? ticket(o.key, place, i) : no_key; });
    if (c.thread() == 0) limits[2 * c.block()] = first, limits[2 * c.block() + 1] = second, drawn[c.block()] = chosen + rest;
  }
};
template <class W>
struct AnchorTargetElement {
  op::AssignAnchors o;
  W *target, *weight, *delta, *delta_weight;
  const Key* limits;
  const int *drawn, *held, *corners;

  VITRAIL_DEVICE void operator()(i64 at) const {
    const i64 anchors = o.grid.count(), b = at / anchors;
    const int i = static_cast<int>(at % anchors), object = held[at];
    const Key own = ticket(o.key, o.part.place(static_cast<int>(b), o.batch), i);
    const bool holds = object >= 0 && own < limits[2 * b], counts = holds || (object == no_object && own < limits[2 * b + 1]);
    int all = 0;
    for (int k = 0; k < o.batch; ++k) all += drawn[k];
    const W share = all == 0 ? W(0) : W(1) / static_cast<W>(all);
    target[at] = holds ? W(1) : W(0), weight[at] = counts ? share : W(0);
    const AnchorGrid::Place place = o.grid.place(i);
    BoxDelta<W> d;
    if (holds) d = BoxDelta<W>::between(o.grid.template box<W>(place), box_of_corners<W>(corners + 4 * (b * o.objects + object)));
    const W numbers[] = {d.x, d.y, d.width, d.height};
    VITRAIL_UNROLL for (int k = 0; k < 4; ++k) {
      const i64 to = 4 * b * anchors + o.grid.delta(place, k);
      delta[to] = numbers[k], delta_weight[to] = holds ? share : W(0);
    }
  }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::AssignAnchors, D> {
  template <class W>
  static void forward(D& device, const op::AssignAnchors& o, W* target, W* weight, W* delta, W* delta_weight, const int* labels,
                      const int* corners) {
    using cuda::Key, cuda::i64, cuda::room_for;
    const i64 anchors = i64{o.batch} * o.grid.count(), objects = i64{o.batch} * o.objects;
    const i64 of_limits = 2 * o.batch, of_held = room_for<Key, int>(anchors), of_drawn = room_for<Key, int>(o.batch);
    Key* const limits = device.template scratch<Key>(of_limits + of_held + of_drawn + room_for<Key, W>(objects));
    int *const held = reinterpret_cast<int*>(limits + of_limits), *const drawn = reinterpret_cast<int*>(limits + of_limits + of_held);
    W* const most = reinterpret_cast<W*>(limits + of_limits + of_held + of_drawn);
    using Most = cuda::MostOverlap<W>;
    device.launch(o.name, Most{o, most, labels, corners}, objects, Most::threads / 32 * sizeof(W));
    cuda::each(device, o.name, anchors, cuda::HeldObjectElement<W>{o, held, most, labels, corners});
    device.launch(o.name, cuda::DrawAnchors{o, limits, drawn, held}, o.batch, cuda::DrawAnchors::shared_bytes);
    cuda::each(device, o.name, anchors, cuda::AnchorTargetElement<W>{o, target, weight, delta, delta_weight, limits, drawn, held, corners});
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

}  // namespace vitrail
