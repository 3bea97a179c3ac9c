// Layer normalisation with a learned gain and bias.
#pragma once
#include "../ops/layer_norm.hpp"

namespace vitrail {

template <int Dim> struct LayerNorm {
  Parameter<Shape<Dim>> weight{.init = Init::one, .decay = false};
  Parameter<Shape<Dim>> bias{};

  constexpr auto operator()(const Value auto& x) const { return layer_norm(x, weight, bias); }  // (..., Dim) -> the same
  constexpr void visit(auto&& f) { f("weight", weight), f("bias", bias); }
};

}  // namespace vitrail
