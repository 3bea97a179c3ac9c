// Smaller pictures by averaging areas, for keeping: exact, so that no machine and no compiler gives other bytes.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../tensor/image.hpp"
#include "../train/augment/resample.hpp"

namespace vitrail {

namespace detail {

// The pixels of one row or column of the source that lie in one pixel of the result, in units of 1/`to` of a pixel.
struct BoxSpan {
  int first, last;
  double first_part, last_part;  // how much of the two end pixels; those between count whole

  BoxSpan(int index, int from, int to) {
    const std::int64_t begin = std::int64_t{index} * from, end = begin + from;
    first = static_cast<int>(begin / to);
    last = static_cast<int>((end - 1) / to);
    last_part = static_cast<double>(end - std::int64_t{last} * to);
    first_part = static_cast<double>(to - begin % to);  // a span is at least one pixel long: if first is last, all of it
  }
  double part(int at, int to) const { return at == first ? first_part : at == last ? last_part : to; }
};

// One row of the result from weighted column sums. All numbers are whole and below 2^53, so doubles hold them exactly; the half
// added before scaling keeps the product away from whole numbers, so that cutting it off is the integer division by the area.
template <int Channels>
void box_row(const double* sums, const std::vector<BoxSpan>& columns, double area, std::uint8_t* out) {
  const double width = static_cast<double>(columns.size()), scale = 1 / area, half = std::floor(area / 2) + 0.5;
  for (const BoxSpan& span : columns) {
    const double* from = sums + static_cast<std::ptrdiff_t>(span.first) * Channels;
    double sum[Channels];
    for (int c = 0; c < Channels; ++c) sum[c] = span.first_part * *from++;
    for (int x = span.first + 1; x < span.last; ++x)
      for (int c = 0; c < Channels; ++c) sum[c] += width * *from++;
    if (span.last > span.first)
      for (int c = 0; c < Channels; ++c) sum[c] += span.last_part * *from++;
    for (int c = 0; c < Channels; ++c) *out++ = static_cast<std::uint8_t>(static_cast<int>((sum[c] + half) * scale));
  }
}

// Means over areas (a box filter), exact and rounded once, to a size that is not larger in either axis.
inline Image box_reduced(const Image& source, int width, int height) {
  const std::size_t row = static_cast<std::size_t>(source.width) * static_cast<std::size_t>(source.channels);
  const double area = static_cast<double>(source.width) * source.height;
  Image out(width, height, source.channels);
  std::vector<double> sums(row), weights;
  std::vector<BoxSpan> columns;
  for (int x = 0; x < width; ++x) columns.emplace_back(x, source.width, width);
  const auto finish = source.channels == 1 ? box_row<1> : box_row<3>;
  for (int y = 0; y < height; ++y) {
    const BoxSpan rows(y, source.height, height);
    weights.clear();
    for (int from_y = rows.first; from_y <= rows.last; ++from_y) weights.push_back(rows.part(from_y, height));
    blend_rows(source.at(0, rows.first), row, weights.data(), rows.last - rows.first + 1, sums.data(), row);
    finish(sums.data(), columns, area, out.at(0, y));
  }
  return out;
}

// `image` with its shorter side reduced to `side` pixels and its proportions kept; as it is up to an eighth more than that: averages
// over hardly more than a pixel blur, and cost more than they save.
inline Image reduced_to(Image image, int side) {
  const int shorter = std::min(image.width, image.height);
  if (shorter <= side + side / 8) return image;
  const auto scaled = [&](int length) {
    return static_cast<int>((std::int64_t{length} * side + shorter / 2) / shorter);
  };
  return box_reduced(image, scaled(image.width), scaled(image.height));
}

}  // namespace detail

}  // namespace vitrail
