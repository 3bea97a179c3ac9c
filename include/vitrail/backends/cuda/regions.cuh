// Boxes that anchors propose, and those from which heads learn.
#pragma once
#include <cstring>

#include "../detection_catalog.hpp"
#include "lowest_keys.cuh"

namespace vitrail {

namespace cuda {

// The highest score has the lowest key; of equals, the first anchor has it.
VITRAIL_DEVICE Key key_of_score(float score, int anchor) {
  const float one_zero = score + 0.0f;
  std::uint32_t bits;
  std::memcpy(&bits, &one_zero, sizeof bits);
  const std::uint32_t ascending = bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
  return Key{~ascending} << 32 | static_cast<Key>(anchor);
}
// Of a level of an image, what block b * levels + level works in.
template <class W>
struct LevelProposals {
  Key *keys, *ordered;  // (blocks, per_level): of the boxes that stay, in order; of all in order, no_key where one goes
  W* boxes;             // (blocks, per_level, 4), in the order of `ordered`
  int* kept;            // (blocks): how many stay
};
// A block for each level of an image.
template <class T>
struct ProposeLevel {
  static constexpr int threads = LowestKeys::threads;
  static constexpr std::size_t shared_bytes = LowestKeys::shared_bytes;
  using W = wide<T>;
  op::Propose o;
  LevelProposals<W> out;
  const T *scores, *deltas;

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const LowestKeys lowest{reinterpret_cast<int*>(c.shared())};
    const int level = static_cast<int>(c.block() % AnchorGrid::levels), first = o.grid.first(level), all = o.grid.first(level + 1) - first;
    const int count = all < o.per_level ? all : o.per_level;
    const i64 image = c.block() / AnchorGrid::levels * o.grid.count();
    Key *const keys = out.keys + c.block() * o.per_level, *const ordered = out.ordered + c.block() * o.per_level;
    W* const boxes = out.boxes + c.block() * o.per_level * 4;

    const auto key = [&](int i) { return key_of_score(scores[image + first + i], first + i); };
    lowest.collect(c, all, lowest.limit(c, all, count, key), key, keys);
    for (int i = c.thread(); i < count; i += threads) {
      const int rank = rank_of(keys[i], keys, count);
      const BoxOf<W> box = decoded(deltas + 4 * image, static_cast<int>(keys[i] & 0xFFFFFFFFu));
      put_box(boxes + 4 * rank, box);
      ordered[rank] = box.width() > 0 && box.height() > 0 ? keys[i] : no_key;
    }
    c.sync();
    for (int i = 0; i < count; ++i) {
      if (ordered[i] == no_key) continue;
      const BoxOf<W> better = box_at(boxes + 4 * i);
      for (int j = i + 1 + c.thread(); j < count; j += threads)
        if (ordered[j] != no_key && overlap(better, box_at(boxes + 4 * j)) > static_cast<W>(o.overlap)) ordered[j] = no_key;
      c.sync();
    }
    int kept = 0;
    for (int i = c.thread(); i < count; i += threads)
      if (ordered[i] != no_key) keys[rank_of(ordered[i], ordered, count)] = ordered[i], ++kept;
    kept = block_sum<threads>(c, kept, lowest.counts);
    if (c.thread() == 0) out.kept[c.block()] = kept;
  }

 private:
  VITRAIL_DEVICE BoxOf<W> decoded(const T* delta, int anchor) const {
    const AnchorGrid::Place at = o.grid.place(anchor);
    const auto number = [&](int k) { return static_cast<W>(delta[o.grid.delta(at, k)]); };
    const W side = static_cast<W>(o.grid.image);
    return BoxDelta<W>{number(0), number(1), number(2), number(3)}.applied_to(o.grid.template box<W>(at)).clipped(side, side);
  }
};
// Where a box stands among those that all levels of its image have kept.
template <class W>
struct PlaceProposal {
  op::Propose o;
  W* boxes;
  LevelProposals<W> of;

  VITRAIL_DEVICE void operator()(i64 at) const {
    const i64 block = at / o.per_level, image = block / AnchorGrid::levels;
    const int level = static_cast<int>(block % AnchorGrid::levels);
    if (at % o.per_level >= o.grid.first(level + 1) - o.grid.first(level) || of.ordered[at] == no_key) return;
    i64 rank = 0;
    for (i64 l = image * AnchorGrid::levels; l < (image + 1) * AnchorGrid::levels; ++l)
      rank += below(of.keys + l * o.per_level, of.kept[l], of.ordered[at]);
    if (rank < o.kept) put_box(boxes + 4 * (image * o.kept + rank), box_at(of.boxes + 4 * at));
  }

 private:
  // How many of n keys in order are lower.
  VITRAIL_DEVICE static int below(const Key* keys, int n, Key key) {
    int low = 0, high = n;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (keys[middle] < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
};

// A block for each image. Candidates are its objects, and what was proposed.
template <class W>
struct DrawRegions {
  static constexpr int threads = 512;
  op::SampleRegions o;
  W *boxes, *delta, *delta_weight;
  int *label, *object, *chosen;
  const W* proposed;
  const int *labels, *corners;
  Key* keys;   // (B, 2, candidates): of those that hold an object, and of those that do not
  int* lists;  // (B, 2, candidates): those that are drawn, in order

  VITRAIL_HD i64 candidates() const { return i64{o.objects} + o.proposed; }

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    const int n = static_cast<int>(candidates()), place = o.part.place(static_cast<int>(c.block()), o.batch);
    const i64 first = c.block() * o.objects;
    const Picture picture{labels + first, corners + 4 * first, proposed + c.block() * o.proposed * 4, o.objects};
    Key *const with = keys + c.block() * 2 * n, *const without = with + n;
    int *const holding = lists + c.block() * 2 * n, *const empty = holding + n;
    int held = 0, others = 0;
    for (int i = c.thread(); i < n; i += threads) {
      const BoxOf<W> box = picture.box(i);
      const bool there = (i >= o.objects || picture.labels[i] >= 0) && box.width() > 0 && box.height() > 0;
      const bool holds = there && picture.best(box).overlap >= static_cast<W>(o.high);
      with[i] = holds ? ticket(o.key, place, i) : no_key, without[i] = there && !holds ? ticket(o.key, place, i) : no_key;
      held += holds, others += there && !holds;
    }
    int* const spare = reinterpret_cast<int*>(c.shared());
    held = block_sum<threads>(c, held, spare), others = block_sum<threads>(c, others, spare);
    held = held < o.regions / 4 ? held : o.regions / 4, others = others < o.regions - held ? others : o.regions - held;
    for (int i = c.thread(); i < n; i += threads) {
      draw(holding, held, with, i, n);
      draw(empty, others, without, i, n);
    }
    c.sync();
    for (int r = c.thread(); r < o.regions; r += threads) {
      const i64 at = c.block() * o.regions + r;
      if (held + others == 0) write(at, BoxOf<W>{0, 0, static_cast<W>(o.image), static_cast<W>(o.image)}, -1, picture);
      else if (r >= held && others > 0) write(at, picture.box(empty[(r - held) % others]), -1, picture);
      else {
        const BoxOf<W> box = picture.box(holding[r % held]);
        write(at, box, picture.best(box).object, picture);
      }
    }
  }

 private:
  struct Picture {
    const int *labels, *corners;
    const W* proposed;
    int objects;

    VITRAIL_DEVICE BoxOf<W> box(int i) const { return i < objects ? object(i) : box_at(proposed + 4 * i64{i - objects}); }
    VITRAIL_DEVICE BoxOf<W> object(int i) const { return box_of_corners<W>(corners + 4 * i); }
    VITRAIL_DEVICE BestObject<W> best(const BoxOf<W>& box) const { return BestObject<W>(box, objects, labels, corners); }
  };
  VITRAIL_DEVICE static void draw(int* list, int count, const Key* keys, int i, int n) {
    if (keys[i] == no_key) return;
    const int rank = rank_of(keys[i], keys, n);
    if (rank < count) list[rank] = i;
  }
  VITRAIL_DEVICE void write(i64 at, const BoxOf<W>& box, int held, const Picture& picture) const {
    put_box(boxes + 4 * at, box);
    label[at] = held < 0 ? o.classes : picture.labels[held];
    chosen[at] = held < 0 ? 0 : picture.labels[held], object[at] = held < 0 ? 0 : held;
    BoxDelta<W> d;
    if (held >= 0) d = BoxDelta<W>::between(box, picture.object(held));
    constexpr W by[] = {W(per_deviation[0]), W(per_deviation[1]), W(per_deviation[2]), W(per_deviation[3])};
    delta[4 * at] = by[0] * d.x, delta[4 * at + 1] = by[1] * d.y, delta[4 * at + 2] = by[2] * d.width, delta[4 * at + 3] = by[3] * d.height;
    const W weight = held < 0 ? W(0) : W(1) / static_cast<W>(i64{o.batch} * o.regions);
    for (int k = 0; k < 4; ++k) delta_weight[4 * at + k] = weight;
  }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::Propose, D> {
  template <class T>
  static void forward(D& device, const op::Propose& o, wide<T>* boxes, const T* scores, const T* deltas) {
    using W = wide<T>;
    static_assert(sizeof(W) == 4, "keys hold a float's bits");
    using cuda::Key, cuda::i64, cuda::room_for;
    const i64 blocks = i64{o.batch} * AnchorGrid::levels, all = blocks * o.per_level, of_keys = room_for<Key, Key>(all);
    Key* const keys = device.template scratch<Key>(2 * of_keys + room_for<Key, W>(4 * all) + room_for<Key, int>(blocks));
    Key* const rest = keys + 2 * of_keys;
    const cuda::LevelProposals<W> levels{keys, keys + of_keys, reinterpret_cast<W*>(rest),
                                         reinterpret_cast<int*>(rest + room_for<Key, W>(4 * all))};
    using Level = cuda::ProposeLevel<T>;
    device.launch(o.name, Level{o, levels, scores, deltas}, blocks, Level::shared_bytes);
    device.template fill<W>(boxes, i64{o.batch} * o.kept * 4, W(0));
    cuda::each(device, o.name, all, cuda::PlaceProposal<W>{o, boxes, levels});
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

template <cuda::Machine D>
struct Kernel<op::SampleRegions, D> {
  template <class W>
  static void forward(D& device, const op::SampleRegions& o, W* boxes, W* delta, W* delta_weight, int* label, int* object, int* chosen,
                      const W* proposed, const int* labels, const int* corners) {
    using Body = cuda::DrawRegions<W>;
    Body body{o, boxes, delta, delta_weight, label, object, chosen, proposed, labels, corners, nullptr, nullptr};
    const cuda::i64 all = o.batch * 2 * body.candidates();
    body.keys = device.template scratch<cuda::Key>(all + cuda::room_for<cuda::Key, int>(all));
    body.lists = reinterpret_cast<int*>(body.keys + all);
    device.launch(o.name, body, o.batch, Body::threads / 32 * sizeof(int));
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

}  // namespace vitrail
