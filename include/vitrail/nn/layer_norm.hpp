// Layer normalisation with a learned gain and bias.
#pragma once
#include "../ops/norm_linear.hpp"
#include "linear.hpp"

namespace vitrail {

template <int Dim>
struct LayerNorm {
  Parameter<Shape<Dim>> weight{.init = Init::one, .decay = false};
  Parameter<Shape<Dim>> bias{};

  constexpr auto operator()(const Value auto& x) const { return layer_norm(x, weight, bias); }  // (..., Dim) -> the same
  // linear(norm(x)) in one pass, which does not keep norm(x). (..., Dim) -> (..., Out)
  template <int Out>
  constexpr auto then(const Linear<Dim, Out>& linear, const Value auto& x) const {
    return norm_linear(x, weight, bias, linear.weight, linear.bias);
  }
  constexpr void visit(auto&& f) { f("weight", weight), f("bias", bias); }
};

}  // namespace vitrail
