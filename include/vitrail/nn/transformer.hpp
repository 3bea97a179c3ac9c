// A stack of blocks and a final normalisation.
#pragma once
#include <array>

#include "block.hpp"

namespace vitrail {

template <BlockConfig C, int Depth> struct Transformer {
  static_assert(Depth > 0, "a transformer needs at least one block");
  std::array<Block<C>, static_cast<std::size_t>(Depth)> blocks{};
  LayerNorm<C.dim> norm{};

  // Drop path grows linearly from 0 at the first block to `last` at the last one, as in timm.
  constexpr void set_drop_path(double last) {
    for (int i = 0; i < Depth; ++i)
      blocks[static_cast<std::size_t>(i)].drop_path = Depth == 1 ? last : last * i / (Depth - 1);
  }

  // All blocks, without the final normalisation. (B, N, D) -> (B, N, D). `each(index, x)` sees every block's output. What the
  // blocks' attention takes besides follows.
  template <Value X, class F> constexpr X run_blocks(X x, F&& each, const Value auto&... bias) const {
    if constexpr (Tracked<X>) {
      for (int i = 0; i < Depth; ++i) {
        const Block<C>& block = blocks[static_cast<std::size_t>(i)];
        if constexpr (C.recompute) x = x.tape->recomputed(block, x, bias...);
        else x = block(x, bias...);
        each(i, x);
      }
      return x;
    } else {
      return evaluate_blocks(x, each, bias...);
    }
  }
  template <Value X> constexpr auto operator()(const X& x, const Value auto&... bias) const {
    return norm(run_blocks(x, [](int, const X&) {}, bias...));
  }
  constexpr void visit(auto&& f) { f("blocks", blocks), f("norm", norm); }

 private:
  // Without a tape nothing inside a block is needed afterwards: its memory is given back, and its result goes to one of two
  // places in turn. Evaluation then holds one block's values at any depth.
  template <Untracked X> constexpr X evaluate_blocks(X x, auto&& each, const Untracked auto&... bias) const {
    X kept[2] = {make_tensor<shape_of<X>, scalar_of<X>>(*x.arena, x.shape), make_tensor<shape_of<X>, scalar_of<X>>(*x.arena, x.shape)};
    for (int i = 0; i < Depth; ++i) {
      const auto mark = x.arena->mark();
      const X y = blocks[static_cast<std::size_t>(i)](x, bias...);
      x = kept[i % 2];
      run(op::Copy{x.shape.size()}, x, y);
      x.arena->release(mark);
      each(i, x);
    }
    return x;
  }
};

}  // namespace vitrail
