// The pre-norm transformer block of ViT (Dosovitskiy et al. 2021), and its two halves. Names are timm's.
#pragma once
#include "../ops/attention.hpp"
#include "../ops/channels.hpp"
#include "../ops/norm_mlp.hpp"
#include "layer_norm.hpp"
#include "linear.hpp"
#include "relative_attention.hpp"

namespace vitrail {

template <int Dim, int Heads>
struct HeadsDivideDim {
  static constexpr bool holds = Heads > 0 && Dim % (Heads > 0 ? Heads : 1) == 0;
  static_assert(holds, "dim must be a multiple of heads");
};

enum class AttentionKind : char {
  plain,     // Attention, as ViT has it
  relative,  // RelativeAttention, as BEiT's published model has it: a block then takes the bias of the scores after its input
};

// What the type of a block depends on. Depth is not among it: encoder and decoder share a block type, and depth costs no
// compile time.
struct BlockConfig {
  int dim, heads, hidden;
  bool layer_scale = false, drop_path = false;
  bool recompute = false;  // a step keeps a block's output alone, and computes it once more for the gradient: a third more work
  AttentionKind attention = AttentionKind::plain;
};

// Multi-head self-attention: one projection to q, k, v, heads, and a projection back. (B, N, D) -> (B, N, D).
template <int Dim, int Heads>
requires(HeadsDivideDim<Dim, Heads>::holds) struct Attention {
  Linear<Dim, 3 * Dim> qkv{};
  Linear<Dim, Dim> proj{};

  constexpr auto operator()(const Value auto& x) const { return proj(attention<Heads>(qkv(x))); }
  // Of norm(x), before the projection back.
  constexpr auto heads(const LayerNorm<Dim>& norm, const Value auto& x) const { return attention<Heads>(norm.then(qkv, x)); }
  constexpr void visit(auto&& f) { f("qkv", qkv), f("proj", proj); }
};

// Two layers with GELU between them. (..., D) -> (..., D).
template <int Dim, int Hidden>
struct Mlp {
  Linear<Dim, Hidden> fc1{};
  Linear<Hidden, Dim> fc2{};

  constexpr auto operator()(const Value auto& x) const { return gelu_linear(fc1(x), fc2.weight, fc2.bias); }
  // Of norm(x), and a residual if there is one.
  constexpr auto operator()(const LayerNorm<Dim>& norm, const Value auto& x, const Value auto&... residual) const {
    return norm_mlp(x, norm.weight, norm.bias, fc1.weight, fc1.bias, fc2.weight, fc2.bias, residual...);
  }
  constexpr void visit(auto&& f) { f("fc1", fc1), f("fc2", fc2); }
};

// gamma * x, channel by channel; starts small so that a deep model starts as almost nothing.
template <int Dim>
struct LayerScale {
  Parameter<Shape<Dim>> gamma{.init = Init::one, .decay = false};

  constexpr auto operator()(const Value auto& x) const { return scale_channels(x, gamma); }
  constexpr void visit(auto&& f) { f("gamma", gamma); }
};

struct NoLayerScale {
  constexpr void visit(auto&&) {}
};

// x + attn(norm1(x)), then x + mlp(norm2(x)); each branch optionally scaled by channel, and dropped at random in training.
template <BlockConfig C>
struct Block {
  using Scale = std::conditional_t<C.layer_scale, LayerScale<C.dim>, NoLayerScale>;
  using Attend = std::conditional_t<C.attention == AttentionKind::plain, Attention<C.dim, C.heads>, RelativeAttention<C.dim, C.heads>>;

  LayerNorm<C.dim> norm1{};
  Attend attn{};
  Scale ls1{};
  LayerNorm<C.dim> norm2{};
  Mlp<C.dim, C.hidden> mlp{};
  Scale ls2{};
  double drop_path = 0;  // the probability; used only where C.drop_path says so

  // x (B, N, D), and what its attention takes besides: nothing, or bias (H, N, N).
  template <Value X>
  constexpr X operator()(const X& x, const Value auto&... bias) const {
    const auto heads = attn.heads(norm1, x, bias...);  // (B, N, D)
    const X attended = join(x, [&](const Value auto&... residual) { return attn.proj(heads, residual...); }, ls1);
    return join(attended, [&](const Value auto&... residual) { return mlp(norm2, attended, residual...); }, ls2);
  }
  constexpr void visit(auto&& f) {
    f("norm1", norm1), f("attn", attn);
    if constexpr (C.layer_scale) f("ls1", ls1);
    f("norm2", norm2), f("mlp", mlp);
    if constexpr (C.layer_scale) f("ls2", ls2);
  }

 private:
  // x + branch(), in one pass when nothing stands between.
  template <Value X>
  constexpr X join(const X& x, const auto& branch, const Scale& scale) const {
    if constexpr (!C.layer_scale && !C.drop_path) {
      return branch(x);
    } else if constexpr (!C.layer_scale) {
      return add_dropped(x, branch(), drop_path);
    } else {
      const auto scaled = scale(branch());
      if constexpr (C.drop_path) return add_dropped(x, scaled, drop_path);
      else return add(x, scaled);
    }
  }
};

}  // namespace vitrail
