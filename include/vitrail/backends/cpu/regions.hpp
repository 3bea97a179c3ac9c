// What detectors do with boxes: anchors and regions are given something to learn, boxes are proposed. An image is a task.
#pragma once
#include <algorithm>
#include <cmath>

#include "../cpu.hpp"
#include "../detection_catalog.hpp"
#include "ranges.hpp"

namespace vitrail {

namespace cpu::inline VITRAIL_ABI {
// Candidates in the order of their tickets: the first `count` of `all` come to the front.
inline void draw_first(int* first, int* last, int count, std::uint64_t key, int image) {
  const auto before = [&](int a, int b) { return ticket(key, image, a) < ticket(key, image, b); };
  std::partial_sort(first, first + count, last, before);
}
// Of boxes in the order of their worth, those that overlap no better one by more than `limit`: their numbers come to the front of `order`.
template <class T> int suppress(int* order, int count, const BoxOf<T>* boxes, T limit) {
  int kept = 0;
  for (int i = 0; i < count; ++i) {
    const BoxOf<T>& box = boxes[order[i]];
    const bool hidden = std::any_of(order, order + kept, [&](int better) { return overlap(boxes[better], box) > limit; });
    if (!hidden) order[kept++] = order[i];
  }
  return kept;
}
}  // namespace cpu::inline VITRAIL_ABI

template <>
struct Kernel<op::AssignAnchors, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::AssignAnchors& o, T* target, T* weight, T* delta, T* delta_weight, const int* labels,
                      const int* corners) {
    const int anchors = o.grid.count();
    // Of each image: the most by which an anchor overlaps each object; two lists of anchors; how many of them are drawn.
    T* const most = device.template scratch<T>(std::int64_t{o.batch} * o.objects);
    int* const lists = device.template packed<int>(std::int64_t{o.batch} * (2 * anchors + 1));
    int* const drawn = lists + std::int64_t{o.batch} * 2 * anchors;
    device.parallel(o.batch, [&](int b, int) {
      const Image<T> image{o, labels + std::int64_t{b} * o.objects, corners + std::int64_t{b} * o.objects * 4};
      image.find_most(most + std::int64_t{b} * o.objects);
      const std::int64_t at = std::int64_t{b} * anchors;
      drawn[b] = image.assign(most + std::int64_t{b} * o.objects, o.part.place(b, o.batch), lists + 2 * at, target + at, weight + at,
                              delta + 4 * at, delta_weight + 4 * at);
    });
    int all = 0;
    for (int b = 0; b < o.batch; ++b) all += drawn[b];
    const T share = all == 0 ? T(0) : T(1) / static_cast<T>(all);
    cpu::over_elements(device, std::int64_t{o.batch} * anchors, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) weight[i] *= share;
      for (std::int64_t i = 4 * begin; i < 4 * end; ++i) delta_weight[i] *= share;
    });
  }
  template <class... A>
  static void backward(A&&...) = delete;

 private:
  template <class T> struct Image {
    const op::AssignAnchors& o;
    const int *labels, *corners;

    void find_most(T* most) const {
      std::fill_n(most, o.objects, T(0));
      each_anchor([&](int, const AnchorGrid::Place&, const BoxOf<T>& box) {
        for (int t = 0; t < o.objects && labels[t] >= 0; ++t)
          most[t] = std::max(most[t], overlap(box, box_of_corners<T>(corners + 4 * t)));
      });
    }
    // Weights are 1 where an anchor counts. Returns how many do.
    int assign(const T* most, int place, int* lists, T* target, T* weight, T* delta, T* delta_weight) const {
      const int anchors = o.grid.count();
      std::fill_n(target, anchors, T(0)), std::fill_n(weight, anchors, T(0));
      std::fill_n(delta, 4 * std::int64_t{anchors}, T(0)), std::fill_n(delta_weight, 4 * std::int64_t{anchors}, T(0));
      int *const with = lists, *const without = lists + anchors;
      int with_count = 0, without_count = 0;
      each_anchor([&](int anchor, const AnchorGrid::Place&, const BoxOf<T>& box) {
        const int object = object_of(box, most);
        if (object >= 0) with[with_count++] = anchor;
        else if (object == nothing) without[without_count++] = anchor;
      });
      const int chosen = std::min(with_count, o.sample / 2), rest = std::min(without_count, o.sample - chosen);
      cpu::draw_first(with, with + with_count, chosen, o.key, place);
      cpu::draw_first(without, without + without_count, rest, o.key, place);
      for (int i = 0; i < chosen; ++i) {
        const AnchorGrid::Place at = o.grid.place(with[i]);
        const BoxOf<T> box = o.grid.template box<T>(at);
        const BoxDelta<T> d = BoxDelta<T>::between(box, box_of_corners<T>(corners + 4 * object_of(box, most)));
        const T numbers[] = {d.x, d.y, d.width, d.height};
        target[with[i]] = weight[with[i]] = T(1);
        for (int k = 0; k < 4; ++k) delta[o.grid.delta(at, k)] = numbers[k], delta_weight[o.grid.delta(at, k)] = T(1);
      }
      for (int i = 0; i < rest; ++i) weight[without[i]] = T(1);
      return chosen + rest;
    }

   private:
    static constexpr int nothing = -1, silent = -2;

    template <class F> void each_anchor(F f) const {
      int anchor = 0;
      for (int level = 0; level < AnchorGrid::levels; ++level)
        for (int shape = 0; shape < AnchorGrid::shapes; ++shape)
          for (int cell = 0; cell < o.grid.cells(level); ++cell, ++anchor) {
            const AnchorGrid::Place at{level, shape, cell};
            f(anchor, at, o.grid.template box<T>(at));
          }
    }
    // Which object an anchor holds. Of those that it overlaps more than any other anchor does, the last.
    int object_of(const BoxOf<T>& box, const T* most) const {
      const BestObject<T> best(box, o.objects, labels, corners);
      int found = best.overlap >= T(o.high) ? best.object : best.overlap < T(o.low) ? nothing : silent;
      for (int t = 0; t < o.objects && labels[t] >= 0; ++t)
        if (most[t] >= T(o.low) && overlap(box, box_of_corners<T>(corners + 4 * t)) == most[t]) found = t;
      return found;
    }
  };
};

template <>
struct Kernel<op::Propose, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::Propose& o, T* boxes, const T* scores, const T* deltas) {
    const int anchors = o.grid.count(), most = AnchorGrid::levels * o.per_level;
    int* const orders = device.template packed<int>(std::int64_t{o.batch} * (anchors + most));
    BoxOf<T>* const decoded = device.template scratch<BoxOf<T>>(std::int64_t{o.batch} * anchors);
    device.parallel(o.batch, [&](int b, int) {
      const T *const score = scores + std::int64_t{b} * anchors, *const delta = deltas + std::int64_t{b} * anchors * 4;
      int *const order = orders + std::int64_t{b} * (anchors + most), *const best = order + anchors;
      BoxOf<T>* const box = decoded + std::int64_t{b} * anchors;
      const auto better = [&](int x, int y) { return score[x] > score[y] || (score[x] == score[y] && x < y); };
      int found = 0;
      for (int level = 0; level < AnchorGrid::levels; ++level) {
        const int first = o.grid.first(level), count = o.grid.first(level + 1) - first, asked = std::min(count, o.per_level);
        int* const own = order + first;
        for (int i = 0; i < count; ++i) own[i] = first + i;
        std::partial_sort(own, own + asked, own + count, better);
        int solid = 0;
        for (int i = 0; i < asked; ++i) {
          const int anchor = own[i];
          box[anchor] = decode(o.grid, anchor, delta);
          if (box[anchor].width() > 0 && box[anchor].height() > 0) own[solid++] = anchor;
        }
        const int kept = cpu::suppress(own, solid, box, static_cast<T>(o.overlap));
        found = static_cast<int>(std::copy_n(own, kept, best + found) - best);
      }
      const int kept = std::min(found, o.kept);
      std::partial_sort(best, best + kept, best + found, better);
      T* const to = boxes + std::int64_t{b} * o.kept * 4;
      for (int i = 0; i < o.kept; ++i) put_box(to + 4 * i, i < kept ? box[best[i]] : BoxOf<T>{});
    });
  }
  template <class... A>
  static void backward(A&&...) = delete;

 private:
  template <class T>
  static BoxOf<T> decode(const AnchorGrid& grid, int anchor, const T* delta) {
    const AnchorGrid::Place at = grid.place(anchor);
    const BoxDelta<T> d{delta[grid.delta(at, 0)], delta[grid.delta(at, 1)], delta[grid.delta(at, 2)], delta[grid.delta(at, 3)]};
    return d.applied_to(grid.template box<T>(at)).clipped(static_cast<T>(grid.image), static_cast<T>(grid.image));
  }
};

template <>
struct Kernel<op::SampleRegions, Cpu> {
  template <class T>
  static void forward(Cpu& device, const op::SampleRegions& o, T* boxes, T* delta, T* delta_weight, int* label, int* object, int* chosen,
                      const T* proposed, const int* labels, const int* corners) {
    const int candidates = o.objects + o.proposed;
    int* const lists = device.template packed<int>(std::int64_t{o.batch} * 2 * candidates);
    device.parallel(o.batch, [&](int b, int) {
      const int *const own_labels = labels + std::int64_t{b} * o.objects, *const own_corners = corners + std::int64_t{b} * o.objects * 4;
      const T* const own = proposed + std::int64_t{b} * o.proposed * 4;
      const auto box_of = [&](int i) {
        return i < o.objects ? box_of_corners<T>(own_corners + 4 * i) : box_at(own + 4 * std::int64_t{i - o.objects});
      };
      int *const with = lists + std::int64_t{b} * 2 * candidates, *const without = with + candidates;
      int with_count = 0, without_count = 0;
      for (int i = 0; i < candidates; ++i) {
        const BoxOf<T> box = box_of(i);
        if ((i < o.objects && own_labels[i] < 0) || !(box.width() > 0 && box.height() > 0)) continue;
        if (BestObject<T>(box, o.objects, own_labels, own_corners).overlap >= T(o.high)) with[with_count++] = i;
        else without[without_count++] = i;
      }
      const int place = o.part.place(b, o.batch), held = std::min(with_count, o.regions / 4);
      const int others = std::min(without_count, o.regions - held);
      cpu::draw_first(with, with + with_count, held, o.key, place);
      cpu::draw_first(without, without + without_count, others, o.key, place);
      for (int r = 0; r < o.regions; ++r) {
        const std::int64_t at = std::int64_t{b} * o.regions + r;
        T *const d = delta + 4 * at, *const w = delta_weight + 4 * at;
        std::fill_n(d, 4, T(0)), std::fill_n(w, 4, T(0));
        label[at] = o.classes, object[at] = 0, chosen[at] = 0;
        const bool empty = held + others == 0;  // nothing to see and nothing proposed: the whole picture is nothing
        const int from = empty ? 0 : r < held ? with[r] : others > 0 ? without[(r - held) % others] : with[r % held];
        const BoxOf<T> box = empty ? BoxOf<T>{0, 0, static_cast<T>(o.image), static_cast<T>(o.image)} : box_of(from);
        put_box(boxes + 4 * at, box);
        if (empty || (r >= held && others > 0)) continue;
        object[at] = BestObject<T>(box, o.objects, own_labels, own_corners).object;
        label[at] = chosen[at] = own_labels[object[at]];
        const BoxDelta<T> best = BoxDelta<T>::between(box, box_of_corners<T>(own_corners + 4 * object[at]));
        const T numbers[] = {best.x, best.y, best.width, best.height};
        for (int k = 0; k < 4; ++k) d[k] = T(per_deviation[k]) * numbers[k];
        std::fill_n(w, 4, T(1) / static_cast<T>(std::int64_t{o.batch} * o.regions));
      }
    });
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

}  // namespace vitrail
