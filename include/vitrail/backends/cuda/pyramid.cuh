// What a feature pyramid needs besides convolutions: tokens as planes, levels added up, and regions cut out of them. Gradients are fetched
// by the pixel that they belong to.
#pragma once
#include "../detection_catalog.hpp"
#include "group.cuh"

namespace vitrail {

namespace cuda {

// to[b, i, j] = from[b, row + j, column + i], 0 where `from` has no such column: by tiles, so that both sides are lines of memory.
template <class T>
struct TransposeTile {
  static constexpr int threads = 256, warps = threads / 32, side = 32, stride = side + 1;
  static constexpr std::size_t shared_bytes = side * stride * sizeof(T);
  Sink<T> to;
  const T* from;
  int rows, columns, from_rows, from_columns, row, column;

  VITRAIL_HD i64 across() const { return (columns + side - 1) / side; }
  VITRAIL_HD i64 tiles() const { return (rows + side - 1) / side * across(); }

  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    T* const tile = reinterpret_cast<T*>(c.shared());
    const i64 b = c.block() / tiles();
    const int top = static_cast<int>(c.block() % tiles() / across()) * side, left = static_cast<int>(c.block() % across()) * side;
    const int source = column + top + c.lane(), j = left + c.lane();
    for (int k = c.warp(); k < side; k += warps) {
      const bool there = left + k < columns && source >= 0 && source < from_columns;
      tile[k * stride + c.lane()] = there ? from[(b * from_rows + row + left + k) * from_columns + source] : T(0);
    }
    c.sync();
    for (int k = c.warp(); k < side; k += warps)
      if (top + k < rows && j < columns) put(to, (b * rows + top + k) * columns + j, tile[c.lane() * stride + k]);
  }
};

template <class T>
struct AddUpsampledElement {
  T* y;
  const T *x, *small;
  int height, width;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const i64 row = i / width, half = row / height * (height / 2) + row % height / 2;
    y[i] = static_cast<T>(x[i] + small[half * (width / 2) + i % width / 2]);
  }
};
template <class T>
struct AddUpsampledSlopeElement {
  Sink<T> dsmall;
  const T* dy;
  int width;
  VITRAIL_DEVICE void operator()(i64 i) const {
    const i64 row = i / (width / 2), column = i % (width / 2);
    const T *const upper = dy + 2 * (row * width + column), *const lower = upper + width;
    put(dsmall, i, (upper[0] + upper[1]) + (lower[0] + lower[1]));
  }
};

// A region in the level that fits it: from where its cells are read, and which pixels these may be.
template <class W>
struct RoiPlace {
  RoiTaps<W> rows, columns;
  int level, top, bottom, left, right;

  VITRAIL_DEVICE RoiPlace(const op::RoiAlign& o, const BoxOf<W>& box) : RoiPlace(o, box, o.levels.level_of(box)) {}
  VITRAIL_DEVICE bool sees(int row, int column) const { return row >= top && row <= bottom && column >= left && column <= right; }
  // What one of a cell's samples counts.
  VITRAIL_DEVICE W share() const {
    const int samples = rows.samples * columns.samples;
    return samples == 0 ? W(0) : W(1) / static_cast<W>(samples);
  }

  // The whole number below x, of those between two.
  VITRAIL_DEVICE static int whole(W x, int low, int high) {
    return x < static_cast<W>(low) ? low : x > static_cast<W>(high) ? high : static_cast<int>(std::floor(x));
  }

 private:
  VITRAIL_DEVICE RoiPlace(const op::RoiAlign& o, const BoxOf<W>& box, int of)
      : rows(box.top, box.bottom, static_cast<W>(o.levels.step[of]), o.size, o.levels.side[of]),
        columns(box.left, box.right, static_cast<W>(o.levels.step[of]), o.size, o.levels.side[of]),
        level(of),
        top(first(rows)),
        bottom(last(rows, o.size)),
        left(first(columns)),
        right(last(columns, o.size)) {}
  // A sample is read from the pixel before it and the next one; one more on each side, for what is rounded.
  VITRAIL_DEVICE static int first(const RoiTaps<W>& axis) { return whole(axis.start - W(1), -1, axis.pixels); }
  VITRAIL_DEVICE static int last(const RoiTaps<W>& axis, int cells) {
    return axis.samples == 0 ? -1 : whole(axis.start + axis.cell * static_cast<W>(cells) + W(2), -1, axis.pixels);
  }
};

template <class T>
struct RoiAlignElement {
  using W = wide<T>;
  op::RoiAlign o;
  T* y;
  const T* levels[RoiLevels::count];
  const W* boxes;

  VITRAIL_DEVICE void operator()(i64 i) const {
    const int cells = o.size * o.size, cell = static_cast<int>(i % cells);
    const i64 plane = i / cells, region = plane / o.channels, channel = plane % o.channels;
    const RoiPlace<W> place(o, box_at(boxes + 4 * region));
    const i64 side = o.levels.side[place.level];
    const T* const map = levels[place.level] + (region / o.boxes * o.channels + channel) * side * side;
    W sum = 0;
    for (int s = 0; s < place.rows.samples; ++s) {
      const auto down = place.rows.pair(cell / o.size, s);
      const T *const upper = map + down.first * side, *const lower = map + down.second * side;
      for (int t = 0; t < place.columns.samples; ++t) {
        const auto across = place.columns.pair(cell % o.size, t);
        sum += down.by_first * (across.by_first * upper[across.first] + across.by_second * upper[across.second]) +
               down.by_second * (across.by_first * lower[across.first] + across.by_second * lower[across.second]);
      }
    }
    y[i] = static_cast<T>(sum * place.share());
  }
};
template <class W>
struct RoiPlaceElement {
  op::RoiAlign o;
  RoiPlace<W>* places;
  const W* boxes;
  VITRAIL_DEVICE void operator()(i64 i) const { places[i] = RoiPlace<W>(o, box_at(boxes + 4 * i)); }
};
// A pixel of a level, in some channels at once, takes an image's regions in order.
template <class T>
struct RoiAlignSlopeElement {
  using W = wide<T>;
  static constexpr int together = 8;
  op::RoiAlign o;
  Sink<T> dx;
  const T* dy;
  const RoiPlace<W>* places;
  int level, groups;  // of channels

  VITRAIL_DEVICE void operator()(i64 at) const {
    const int side = o.levels.side[level], pixels = side * side, pixel = static_cast<int>(at % pixels);
    const i64 b = at / pixels / groups;
    const int channel = static_cast<int>(at / pixels % groups) * together;
    W sums[together] = {};
    for (int r = 0; r < o.boxes; ++r) {
      const i64 region = b * o.boxes + r;
      const RoiPlace<W>& place = places[region];
      if (place.level == level && place.sees(pixel / side, pixel % side)) fetch(place, region * o.channels + channel, pixel, channel, sums);
    }
    VITRAIL_UNROLL for (int k = 0; k < together; ++k)
      if (channel + k < o.channels) put(dx, (b * o.channels + channel + k) * pixels + pixel, sums[k]);
  }

 private:
  // The cells whose samples may lie within a pixel of it; what is rounded is far below a hundredth.
  VITRAIL_DEVICE int first(const RoiTaps<W>& axis, int pixel) const {
    return RoiPlace<W>::whole((static_cast<W>(pixel) - W(1.01) - axis.start) / axis.cell, 0, o.size);
  }
  VITRAIL_DEVICE int last(const RoiTaps<W>& axis, int pixel) const {
    return RoiPlace<W>::whole((static_cast<W>(pixel) + W(1.01) - axis.start) / axis.cell, -1, o.size - 1);
  }
  // With how much weight all samples of a cell read a pixel.
  VITRAIL_DEVICE W weight(const RoiTaps<W>& axis, int cell, int pixel) const {
    W sum = 0;
    for (int s = 0; s < axis.samples; ++s) {
      const auto pair = axis.pair(cell, s);
      sum += (pair.first == pixel ? pair.by_first : W(0)) + (pair.second == pixel ? pair.by_second : W(0));
    }
    return sum;
  }
  VITRAIL_DEVICE void fetch(const RoiPlace<W>& place, i64 plane, int pixel, int channel, W (&sums)[together]) const {
    const int side = o.levels.side[level], row = pixel / side, column = pixel % side, cells = o.size * o.size;
    const int right = last(place.columns, column), bottom = last(place.rows, row);
    for (int i = first(place.rows, row); i <= bottom; ++i) {
      const W down = weight(place.rows, i, row) * place.share();
      if (down == 0) continue;
      for (int j = first(place.columns, column); j <= right; ++j) {
        const W by = down * weight(place.columns, j, column);
        const T* const from = dy + plane * cells + i * o.size + j;
        VITRAIL_UNROLL for (int k = 0; k < together; ++k)
          if (channel + k < o.channels) sums[k] += by * from[k * cells];
      }
    }
  }
};

struct HoldsObject {
  op::MaskTargets o;
  const int* label;
  VITRAIL_DEVICE int operator()(i64 i) const { return label[i / o.used * o.regions + i % o.used] != o.classes; }
};
template <class W>
struct MaskTargetElement {
  op::MaskTargets o;
  W *target, *weight;
  int* own;
  const W* boxes;
  const int *label, *object, *bits, *holding;

  VITRAIL_DEVICE void operator()(i64 i) const {
    const i64 cells = i64{o.size} * o.size, place = i / cells, b = place / o.used, region = b * o.regions + place % o.used;
    const int cell = static_cast<int>(i % cells);
    const bool holds = label[region] != o.classes;
    if (cell == 0) own[place] = holds ? label[region] : 0;
    weight[i] = holds ? W(1) / static_cast<W>(*holding * cells) : W(0);
    target[i] = holds && covered(box_at(boxes + 4 * region), bits + (b * o.objects + object[region]) * o.words(), cell) ? W(1) : W(0);
  }

 private:
  VITRAIL_DEVICE bool covered(const BoxOf<W>& box, const int* mask, int cell) const {
    const RoiTaps<W> rows(box.top, box.bottom, W(1), o.size, o.image), columns(box.left, box.right, W(1), o.size, o.image);
    const auto bit = [&](int row, int column) {
      const int at = row * o.image + column;
      return static_cast<W>(static_cast<unsigned>(mask[at / 32]) >> (at % 32) & 1u);
    };
    W sum = 0;
    for (int s = 0; s < rows.samples; ++s) {
      const auto down = rows.pair(cell / o.size, s);
      for (int t = 0; t < columns.samples; ++t) {
        const auto across = columns.pair(cell % o.size, t);
        const auto along = [&](int row) { return across.by_first * bit(row, across.first) + across.by_second * bit(row, across.second); };
        sum += down.by_first * along(down.first) + down.by_second * along(down.second);
      }
    }
    return 2 * sum >= static_cast<W>(rows.samples * columns.samples);
  }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::Transpose, D> {
  template <class T>
  static void forward(D& device, const op::Transpose& o, T* y, const T* x) {
    launch(device, o, cuda::TransposeTile<T>{{y, Write::assign}, x, o.columns, o.rows, o.from, o.columns, o.first, 0});
  }
  template <class T>
  static void backward(D& device, const op::Transpose& o, Sink<T> dx, const T* dy) {
    if (!dx.skipped()) launch(device, o, cuda::TransposeTile<T>{dx, dy, o.from, o.columns, o.columns, o.rows, 0, -o.first});
  }

 private:
  template <class T>
  static void launch(D& device, const op::Transpose& o, const cuda::TransposeTile<T>& body) {
    device.launch(o.name, body, o.batch * body.tiles(), body.shared_bytes);
  }
};

template <cuda::Machine D>
struct Kernel<op::AddUpsampled, D> {
  template <class T>
  static void forward(D& device, const op::AddUpsampled& o, T* y, const T* x, const T* small) {
    cuda::each(device, o.name, o.planes * o.height * o.width, cuda::AddUpsampledElement<T>{y, x, small, o.height, o.width});
  }
  template <class T>
  static void backward(D& device, const op::AddUpsampled& o, Sink<T> dsmall, const T* dy) {
    if (!dsmall.skipped())
      cuda::each(device, o.name, o.planes * (o.height / 2) * (o.width / 2), cuda::AddUpsampledSlopeElement<T>{dsmall, dy, o.width});
  }
};

template <cuda::Machine D>
struct Kernel<op::RoiAlign, D> {
  template <class T>
  static void forward(D& device, const op::RoiAlign& o, T* y, const T* x0, const T* x1, const T* x2, const T* x3, const wide<T>* boxes) {
    cuda::each(device, o.name, o.numbers(), cuda::RoiAlignElement<T>{o, y, {x0, x1, x2, x3}, boxes});
  }
  template <class T>
  static void backward(D& device, const op::RoiAlign& o, Sink<T> d0, Sink<T> d1, Sink<T> d2, Sink<T> d3, const T* dy,
                       const wide<T>* boxes) {
    using Slope = cuda::RoiAlignSlopeElement<T>;
    using Place = cuda::RoiPlace<wide<T>>;
    const Sink<T> levels[] = {d0, d1, d2, d3};
    Place* const places = device.template scratch<Place>(cuda::i64{o.batch} * o.boxes);
    cuda::each(device, o.name, cuda::i64{o.batch} * o.boxes, cuda::RoiPlaceElement<wide<T>>{o, places, boxes});
    const int groups = static_cast<int>(cuda::pieces(o.channels, Slope::together));
    for (int l = 0; l < RoiLevels::count; ++l) {
      const cuda::i64 pixels = cuda::i64{o.levels.side[l]} * o.levels.side[l];
      if (!levels[l].skipped()) cuda::each(device, o.name, o.batch * groups * pixels, Slope{o, levels[l], dy, places, l, groups});
    }
  }
};

template <cuda::Machine D>
struct Kernel<op::MaskTargets, D> {
  template <class W>
  static void forward(D& device, const op::MaskTargets& o, W* target, W* weight, int* own, const W* boxes, const int* label,
                      const int* object, const int* bits) {
    const cuda::i64 used = cuda::i64{o.batch} * o.used;
    int* const holding = device.template scratch<int>(1 + cuda::sum_parts(used));
    cuda::sum_all(device, o.name, holding, holding + 1, used, 1, cuda::HoldsObject{o, label});
    const cuda::MaskTargetElement<W> element{o, target, weight, own, boxes, label, object, bits, holding};
    cuda::each(device, o.name, used * o.size * o.size, element);
  }
  template <class... A>
  static void backward(A&&...) = delete;
};

}  // namespace vitrail
