// Operations with a table of parameters: add one to every row, scale every channel; and a branch dropped at random.
#pragma once
#include "../backends/communicator.hpp"
#include "arithmetic.hpp"

namespace vitrail {

namespace detail {
constexpr int side_of(int cells) {  // of a square grid
  int side = 0;
  while (side * side < cells) ++side;
  return side;
}
}  // namespace detail

// Adds a table to the trailing axes: (N, D) positions to every sequence, (D) to every row.
template <Value X, auto... E>
  requires TableFitsTrailingAxes<Shape<E...>, shape_of<X>>
constexpr auto add_table(const X& x, const Parameter<Shape<E...>>& table) {
  using T = scalar_of<X>;
  auto y = fresh<shape_of<X>>(x, table);
  constexpr int n = static_cast<int>(Shape<E...>::inner);
  const op::AddTable op{x.shape.size() / n, n};
  run(op, y, x, table);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, table] {
      run_backward(op, y, sink<T>(table), y.grad());
      detail::pass_gradient(x, y, true);
    });
  return y;
}

// Adds a square table of positions that was made for another grid: seen at x's size by bicubic resampling, with the table's gradient.
// x (B, To^2, D), table (From^2, D). `extra` is added to To where the step of the resampling is computed: see ViT::resized.
template <Value X, int Cells, int D>
  requires RankIs<shape_of<X>, 3> && LastAxisIs<shape_of<X>, D>
constexpr auto add_resampled(const X& x, const Parameter<Shape<Cells, D>>& table, double extra = 0) {
  using T = scalar_of<X>;
  constexpr int from = detail::side_of(Cells), to = detail::side_of(shape_of<X>::template extent<1>());
  static_assert(from * from == Cells && to * to == shape_of<X>::template extent<1>(), "add_resampled: both grids must be square");
  auto y = fresh<shape_of<X>>(x, table);  // (B, To^2, D)
  const op::AddResampled op{x.shape.leading(), from, to, D, from / (to + extra)};
  run(op, y, x, table);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, table] {
      run_backward(op, y, sink<T>(table), y.grad());
      detail::pass_gradient(x, y, true);
    });
  return y;
}

// y[..., c] = x[..., c] gamma[c]: layer scale (Touvron et al., "Going deeper with image transformers", 2021).
template <Value X, int D>
  requires LastAxisIs<shape_of<X>, D>
constexpr auto scale_channels(const X& x, const Parameter<Shape<D>>& gamma) {
  using T = scalar_of<X>;
  auto y = fresh<shape_of<X>>(x, gamma);
  const op::ScaleChannels op{x.shape.size() / D, D};
  run(op, y, x, gamma);
  if constexpr (Tracked<X>)
    y.tape->on_backward(y.slot, [op, y, x, gamma] {
      const auto dx = sink(x);
      run_backward(op, y, dx, sink<T>(gamma), y.grad(), x, gamma);
    });
  return y;
}

// x + branch, where training drops the branch of a whole sample with probability `rate` and scales the kept ones by
// 1 / (1 - rate) (stochastic depth, Huang et al. 2016; drop path of timm). Evaluation adds it plainly.
template <Value X, Value R>
  requires SameShape<shape_of<X>, shape_of<R>>
constexpr auto add_dropped(const X& x, const R& branch, double rate) {
  if constexpr (!Tracked<R>) {
    return add(x, branch);
  } else {
    auto y = fresh<shape_of<X>>(branch, x);
    const int batch = x.shape.leading();
    const op::AddDropped op{batch, batch == 0 ? 0 : x.shape.size() / batch, rate, branch.tape->draw_key(),
                            part_of(branch.device())};
    run(op, y, x, branch);
    y.tape->on_backward(y.slot, [op, y, x, branch] {
      run_backward(op, y, sink(branch), y.grad());
      detail::pass_gradient(x, y, true);
    });
    return y;
  }
}

}  // namespace vitrail
