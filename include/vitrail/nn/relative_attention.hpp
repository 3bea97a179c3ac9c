// Attention that knows relative positions, as BEiT's published model has it (Bao et al., "BEiT: BERT pre-training of image
// transformers", ICLR 2022, and its code): the scores get a learned bias for each head and difference of places, from one table
// that all blocks share; q and v have a bias each, k has none.
#pragma once
#include "../ops/attention.hpp"
#include "layer_norm.hpp"
#include "linear.hpp"

namespace vitrail {

// A linear map's weight alone.
template <int In, int Out> struct LinearWeight {
  Parameter<Shape<Out, In>> weight{};
  constexpr void visit(auto&& f) { f("weight", weight); }
};

template <int Dim, int Heads> struct RelativeAttention {
  LinearWeight<Dim, 3 * Dim> qkv{};
  Parameter<Shape<Dim>> q_bias{}, v_bias{};
  Linear<Dim, Dim> proj{};

  // Of norm(x), before the projection back. x (B, N, D), bias (H, N, N) -> (B, N, D).
  constexpr auto heads(const LayerNorm<Dim>& norm, const Value auto& x, const Value auto& bias) const {
    const auto both = query_value_bias(x, q_bias, v_bias);  // (3 D)
    return attention<Heads>(norm_linear(x, norm.weight, norm.bias, qkv.weight, both), bias);
  }
  constexpr void visit(auto&& f) { f("q_bias", q_bias), f("v_bias", v_bias), f("qkv", qkv), f("proj", proj); }
};

// The table, zero at the start; decayed, as in BEiT's code. Lead: 1 with a class token in front of Grid x Grid patches, else 0.
template <int Grid, int Lead, int Heads> struct RelativePositionBias {
  static constexpr int rows = op::RelativeBias{Heads, Grid, Lead}.rows();  // 732 for 14 x 14 and a class token
  Parameter<Shape<rows, Heads>> table{.init = Init::zero};

  constexpr auto operator()(const Value auto& like) const { return relative_bias<Grid, Lead>(like, table); }  // -> (H, S, S)
  constexpr void visit(auto&& f) { f("relative_position_bias_table", table); }
};

}  // namespace vitrail
