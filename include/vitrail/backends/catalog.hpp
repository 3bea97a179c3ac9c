// One tag per kernel; long because all of them are here. A tag is an aggregate of run-time sizes and scalars; it knows its name
// and its cost in floating-point operations (w[i]: is the i-th gradient wanted?); one that is called without run() also knows what
// it moves. The comment states the contract: the formula, then the pointers of forward after the outputs y, then those of backward.
// Letters: docs/layout.md
#pragma once
#include <cstdint>

#include "../core/part.hpp"
#include "../core/resample_filter.hpp"
#include "kernel.hpp"

namespace vitrail::op {

using i64 = std::int64_t;

struct Linear {  // y = x W^T [+ b] [+ r];  W (out, in)    forward: y, x, W, b or null, r or null   backward: dx dW db, dy, x, W
  static constexpr const char* name = "linear";
  i64 rows;
  int in, out;
  constexpr i64 forward_flops() const { return 2 * rows * in * out; }
  constexpr i64 backward_flops(Wanted w) const { return 2 * rows * in * out * (w[0] + w[1]) + rows * out * w[2]; }
};

struct NormLinear {  // y = layer_norm(x) W^T + b, where what is normalised is made twice and kept never
                     // forward: y mean rstd, x, gain, shift, W, b     backward: dx dgain dshift dW db, dy, x, mean, rstd, gain, shift, W
  static constexpr const char* name = "norm_linear";
  i64 rows;
  int in, out;
  double eps;
  constexpr i64 forward_flops() const { return 2 * rows * in * out + 8 * rows * in; }
  constexpr i64 backward_flops(Wanted w) const {
    const bool normalised = w[0] || w[1] || w[2];
    return 2 * rows * in * out * (normalised + w[3]) + rows * (in * (10 * w[0] + 2 * w[1] + w[2] + 3 * w[3]) + out * w[4]);
  }
};

struct GeluLinear {  // y = gelu(x) W^T + b [+ r], where gelu(x) is made twice and kept never
                     // forward: y, x, W, b, r or null     backward: dx dW db, dy, x, W
  static constexpr const char* name = "gelu_linear";
  i64 rows;
  int in, out;
  constexpr i64 forward_flops() const { return 2 * rows * in * out + 8 * rows * in; }
  constexpr i64 backward_flops(Wanted w) const {
    return 2 * rows * in * out * (w[0] + w[1]) + rows * (in * (12 * w[0] + 8 * w[1]) + out * w[2]);
  }
};

struct NormMlp {  // y = gelu(layer_norm(x) W1^T + b1) W2^T + b2 [+ r], GELU in its tanh form; what goes into it and what comes out are
                  // kept. For values in bfloat16    forward: y mean rstd before after, x, gain, shift, W1, b1, W2, b2, r or null
                  // backward: dx dgain dshift dW1 db1 dW2 db2, dy, x, mean, rstd, before, after, gain, shift, W1, W2
  static constexpr const char* name = "norm_mlp";
  i64 rows;
  int dim, hidden;
  double eps;
  constexpr NormLinear first() const { return {rows, dim, hidden, eps}; }
  constexpr GeluLinear second() const { return {rows, hidden, dim}; }
  constexpr i64 forward_flops() const { return first().forward_flops() + second().forward_flops(); }
  constexpr i64 backward_flops(Wanted w) const {
    const bool through = w[0] || w[1] || w[2] || w[3] || w[4];
    return first().backward_flops(w) + second().backward_flops({through, w[5], w[6]});
  }
};

struct WeightNormLinear {  // y[r, k] = x[r] . W[k] / |W[k]|         forward: y norm (out), x, W      backward: dx dW, dy, x, W, norm
  static constexpr const char* name = "weight_norm_linear";
  i64 rows;
  int in, out;
  constexpr i64 forward_flops() const { return 2 * rows * in * out + rows * out + i64{2} * in * out; }
  constexpr i64 backward_flops(Wanted w) const {
    return 2 * rows * in * out * (w[0] + w[1]) + rows * out * w[0] + i64{4} * in * out * w[1];
  }
};

struct MatMul {  // y[g] = a[g] b[g], or a[g] b[g]^T            forward: y, a, b                  backward: da db, dy, a, b
  static constexpr const char* name = "matmul";
  i64 groups;
  int rows, inner, cols;
  bool transpose_b;
  constexpr i64 forward_flops() const { return 2 * groups * rows * inner * cols; }
  constexpr i64 backward_flops(Wanted w) const { return forward_flops() * (w[0] + w[1]); }
};

struct LayerNorm {  // y = (x - mean) rstd gain + bias     forward: y mean rstd, x, gain, bias
                    //                                     backward: dx dgain dbias, dy, x, mean, rstd, gain
  static constexpr const char* name = "layer_norm";
  i64 rows;
  int dim;
  double eps;
  constexpr i64 forward_flops() const { return 8 * rows * dim; }
  constexpr i64 backward_flops(Wanted w) const { return rows * dim * (10 * w[0] + 2 * w[1] + w[2]); }
};

struct BatchNorm {  // rows r = g, g + groups, ... are normalised together, for each g:  y = (x - mean) rstd [gain + shift]
                    // latest mean and (unbiased) variance (dim): of the groups, the later ones with more weight, as if each had been
                    // blended into a running mean that keeps the share `keep`
                    // forward: y mean rstd (groups, dim) latest_mean latest_variance or null, x, gain shift or null
                    // backward: dx dgain dshift, dy, x, mean, rstd, gain or null
  static constexpr const char* name = "batch_norm";
  i64 rows;
  int dim, groups;
  double eps, keep;
  constexpr i64 forward_flops() const { return 8 * rows * dim; }
  constexpr i64 backward_flops(Wanted w) const { return rows * dim * (10 * w[0] + 2 * w[1] + w[2]); }
};

struct NormalizeChannels {  // y = (x - mean) / sqrt(variance + eps) [gain + shift]: batch_norm in evaluation. No backward.
                            // forward: y, x, mean, variance, gain shift or null
  static constexpr const char* name = "normalize_channels";
  i64 rows;
  int dim;
  double eps;
  constexpr i64 forward_flops() const { return 4 * rows * dim; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct Gelu {  // y = x Phi(x), or its tanh form                forward: y, x                     backward: dx, dy, x
  static constexpr const char* name = "gelu";
  i64 n;
  bool tanh_form;
  constexpr i64 forward_flops() const { return 8 * n; }
  constexpr i64 backward_flops(Wanted w) const { return 12 * n * w[0]; }
};

struct Softmax {  // over the last axis                         forward: y, x                     backward: dx, dy, y
  static constexpr const char* name = "softmax";
  i64 rows;
  int classes;
  constexpr i64 forward_flops() const { return 5 * rows * classes; }
  constexpr i64 backward_flops(Wanted w) const { return 4 * rows * classes * w[0]; }
};

struct Attention {  // y = softmax(Q K^T / sqrt(Dh)) V, from the fused qkv (B, N, 3, H, Dh); lse (B, H, N): log of the
                    // softmax's sum       forward: y lse, qkv         backward: dqkv, dy, y, qkv, lse
  static constexpr const char* name = "attention";
  int batch, tokens, heads, head_dim;
  constexpr i64 square() const { return i64{batch} * heads * tokens * tokens; }
  constexpr i64 forward_flops() const { return square() * (4 * head_dim + 5); }
  constexpr i64 backward_flops(Wanted w) const { return square() * (10 * head_dim + 8) * w[0]; }
};

struct BiasedAttention {  // the same with softmax(Q K^T / sqrt(Dh) + bias), bias (H, N, N)
                          // forward: y lse, qkv, bias      backward: dqkv dbias, dy, y, qkv, lse, bias
  static constexpr const char* name = "biased_attention";
  int batch, tokens, heads, head_dim;
  constexpr Attention plain() const { return {batch, tokens, heads, head_dim}; }
  constexpr i64 forward_flops() const { return plain().forward_flops() + plain().square(); }
  constexpr i64 backward_flops(Wanted w) const {
    return plain().square() * (6 * head_dim * w[0] + (4 * head_dim + 9) * (w[0] || w[1]) + 2 * w[1]);
  }
};

struct RelativeBias {  // y[h, a, b] = table[place(a, b), h], (H, S, S) with S = lead + grid^2 tokens; place() counts the steps from
                       // key b to query a: (rows + grid - 1) (2 grid - 1) + columns + grid - 1. With a token in front (lead = 1) the
                       // last three rows are: it asks, it is asked, it asks itself      forward: y, table      backward: dtable, dy
  static constexpr const char* name = "relative_bias";
  int heads, grid, lead;
  VITRAIL_HD constexpr int span() const { return 2 * grid - 1; }
  VITRAIL_HD constexpr int tokens() const { return lead + grid * grid; }
  VITRAIL_HD constexpr int rows() const { return span() * span() + 3 * lead; }
  VITRAIL_HD constexpr int place(int query, int key) const {
    if (query < lead || key < lead) return rows() - (query >= lead ? 2 : key >= lead ? 3 : 1);
    const int a = query - lead, b = key - lead;
    return (a / grid - b / grid + grid - 1) * span() + a % grid - b % grid + grid - 1;
  }
  constexpr i64 forward_flops() const { return 0; }
  constexpr i64 backward_flops(Wanted w) const { return i64{heads} * tokens() * tokens() * w[0]; }
};

struct QueryValueBias {  // y = [q | 0 | v]                     forward: y, q, v                  backward: dq dv, dy
  static constexpr const char* name = "query_value_bias";
  int dim;
  constexpr i64 forward_flops() const { return 0; }
  constexpr i64 backward_flops(Wanted w) const { return i64{dim} * (w[0] + w[1]); }
};

struct Add {  // y = a + b                                      forward: y, a, b       backward: dx, dy (one operand at a time)
  static constexpr const char* name = "add";
  i64 n;
  constexpr i64 forward_flops() const { return n; }
  constexpr i64 backward_flops(Wanted w) const { return n * w[0]; }
};

struct Copy {  // y = x, without gradient: what evaluation keeps of a block     forward: y, x
  static constexpr const char* name = "copy";
  i64 n;
  constexpr i64 numbers_moved() const { return 2 * n; }
  constexpr i64 forward_flops() const { return 0; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct AddTable {  // y[r, :] = x[r, :] + table                 forward: y, x, table              backward: dtable, dy
  static constexpr const char* name = "add_table";
  i64 rows;
  int n;
  constexpr i64 forward_flops() const { return rows * n; }
  constexpr i64 backward_flops(Wanted w) const { return rows * n * w[0]; }
};

struct AddPlaces {  // y[b, j] = x[b, j] + table[index[b, j]]   forward: y, x, table, index       backward: dtable, dy, index
  static constexpr const char* name = "add_places";
  int batch, to, places, dim;
  constexpr int index_limit() const { return places; }
  constexpr i64 forward_flops() const { return i64{batch} * to * dim; }
  constexpr i64 backward_flops(Wanted w) const { return forward_flops() * w[0]; }
};

struct AddResampled {  // y[b, i] = x[b, i] + sum_j w[i, j] table[j]: a square table of side `from`, seen at side `to` by the bicubic kernel
                       // with a = -0.75; cell i of an axis lies at (i + 1/2) step - 1/2 of the table's, whose edge is repeated
                       // forward: y, x, table                 backward: dtable, dy
  static constexpr const char* name = "add_resampled";
  int batch, from, to, dim;
  double step;
  constexpr i64 cells() const { return i64{to} * to * dim; }
  constexpr i64 forward_flops() const { return cells() * (32 + batch); }
  constexpr i64 backward_flops(Wanted w) const { return cells() * (32 + batch) * w[0]; }
};

struct ScaleChannels {  // y[r, c] = x[r, c] gamma[c]           forward: y, x, gamma              backward: dx dgamma, dy, x, gamma
  static constexpr const char* name = "scale_channels";
  i64 rows;
  int dim;
  constexpr i64 forward_flops() const { return rows * dim; }
  constexpr i64 backward_flops(Wanted w) const { return rows * dim * (w[0] + 2 * w[1]); }
};

struct AddDropped {  // y[b] = x[b] + s[b] branch[b], where s is 0 with probability `rate` and else 1 / (1 - rate); s comes
                     // from the key and b's place        forward: y, x, branch                    backward: dbranch, dy
  static constexpr const char* name = "add_dropped";
  int batch;
  i64 per_sample;
  double rate;
  std::uint64_t key;
  Part part{};  // where the samples stand in the batch of all ranks
  constexpr i64 forward_flops() const { return 2 * batch * per_sample; }
  constexpr i64 backward_flops(Wanted w) const { return batch * per_sample * w[0]; }
};

struct Patchify {  // (B, C, I, I) -> (B, To, C P P) with P = patch / shrink: pixels averaged shrink x shrink, of all patches or of those
                   // that index (B, To) names; vector order (c, row, column)     forward: y, x, index or null     No backward
  static constexpr const char* name = "patchify";
  int batch, channels, image, patch, shrink, to;
  VITRAIL_HD constexpr int grid() const { return image / patch; }
  constexpr int index_limit() const { return grid() * grid(); }
  constexpr i64 forward_flops() const { return shrink == 1 ? 0 : i64{batch} * to * channels * patch * patch; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct RenderViews {  // views (views, channels, size, size) of plans (views) and the bytes of their pictures, as render_view() makes them;
                      // taps: the most pixels that one is made from in a direction     forward: y, plans, pictures     No backward
  static constexpr const char* name = "render_views";
  int views, channels, size, taps;
  constexpr i64 forward_flops() const { return i64{2} * views * channels * size * size * taps * taps; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct Conv2d {  // y[b, o, r, s] = bias[o] + sum of W[o, c, i, j] x[b, c, stride r + i - padding, stride s + j - padding]
                 // forward: y, x, W, bias            backward: dx dW dbias, dy, x, W
  static constexpr const char* name = "conv2d";
  int batch, in, height, width, out, kernel_height, kernel_width, stride, padding;
  constexpr int rows() const { return (height + 2 * padding - kernel_height) / stride + 1; }
  constexpr int columns() const { return (width + 2 * padding - kernel_width) / stride + 1; }
  constexpr i64 pixels() const { return i64{rows()} * columns(); }                // of one channel of y
  constexpr i64 inner() const { return i64{in} * kernel_height * kernel_width; }  // numbers that one pixel of y sums
  constexpr bool pointwise() const { return kernel_height == 1 && kernel_width == 1 && stride == 1 && padding == 0; }
  constexpr i64 forward_flops() const { return 2 * batch * out * pixels() * inner(); }
  constexpr i64 backward_flops(Wanted w) const { return forward_flops() * (w[0] + w[1]) + batch * out * pixels() * w[2]; }
};

struct ConvTranspose2d {  // y = what the gradient of the convolution `of` would be for x in the place of its dy, plus bias
                          // forward: y, x, W, bias            backward: dx dW dbias, dy, x, W
  static constexpr const char* name = "conv_transpose2d";
  Conv2d of;
  constexpr i64 forward_flops() const { return of.forward_flops(); }
  constexpr i64 backward_flops(Wanted w) const {
    return of.forward_flops() * (w[0] + w[1]) + i64{of.batch} * of.in * of.height * of.width * w[2];
  }
};

struct MaxPool2d {  // y = the largest of each window, of equals the first; beyond the edge nothing counts. A plane is a channel of
                    // an image          forward: y, x                     backward: dx, dy, x
  static constexpr const char* name = "max_pool2d";
  i64 planes;
  int height, width, kernel, stride, padding;
  constexpr int rows() const { return (height + 2 * padding - kernel) / stride + 1; }
  constexpr int columns() const { return (width + 2 * padding - kernel) / stride + 1; }
  constexpr i64 forward_flops() const { return planes * rows() * columns() * kernel * kernel; }
  constexpr i64 backward_flops(Wanted w) const { return forward_flops() * w[0]; }
};

struct Resize {  // y = a x a^T of each plane, antialiased: a and its transpose are the filter's weights     forward: y, x
                 //                                                                                     backward: dx, dy
  static constexpr const char* name = "resize";
  i64 planes;
  int height, width, to_height, to_width;
  ResampleFilter filter;
  constexpr int reach(int from, int to) const {  // how many pixels of x one pixel of y may read, along an axis
    const int longer = from > to ? from : to;
    return (filter.support() * longer + to - 1) / to * 2 + 1;
  }
  constexpr i64 forward_flops() const {
    return 2 * planes * to_height * (i64{width} * reach(height, to_height) + i64{to_width} * reach(width, to_width));
  }
  constexpr i64 backward_flops(Wanted w) const { return forward_flops() * w[0]; }
};

struct AffinePlanes {  // y[b, c] = by[c] x[b, c] + plus[c], and not outside low .. high      forward: y, x      no backward
  static constexpr const char* name = "affine_planes";
  int batch, channels;
  i64 pixels;
  double by[4], plus[4], low, high;
  constexpr i64 forward_flops() const { return 2 * batch * channels * pixels; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct LargestPlane {  // ids[b, p] = argmax over c of x[b, c, p], of equals the first        forward: ids, x    no backward
  static constexpr const char* name = "largest_plane";
  int batch, channels;
  i64 pixels;
  constexpr i64 forward_flops() const { return batch * channels * pixels; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct Gather {  // y[b, j] = x[b, lead + index[b, j]]          forward: y, x, index              backward: dx, dy, index
  static constexpr const char* name = "gather";
  int batch, from, to, dim, lead;
  constexpr int index_limit() const { return from - lead; }
  constexpr i64 forward_flops() const { return 0; }
  constexpr i64 backward_flops(Wanted w) const { return i64{batch} * to * dim * w[0]; }
};

struct GatherIds {  // integers: y[b, j] = x[b, index[b, j]]    forward: y, x, index              no backward
  static constexpr const char* name = "gather_ids";
  int batch, from, to;
  constexpr int index_limit() const { return from; }
  constexpr i64 forward_flops() const { return 0; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct Scatter {  // y = 0; y[b, index[b, j]] += x[b, j]        forward: y, x, index              backward: dx, dy, index
  static constexpr const char* name = "scatter";
  int batch, from, to, dim;
  constexpr int index_limit() const { return to; }
  constexpr i64 forward_flops() const { return i64{batch} * from * dim; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct Concat {  // (B, Na, D), (B, Nb, D) -> (B, Na + Nb, D)   forward: y, a, b                  backward: da db, dy
  static constexpr const char* name = "concat";
  int batch, first, second, dim;
  constexpr i64 forward_flops() const { return 0; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct Slice {  // y[b, j] = x[b, first + j]                    forward: y, x                     backward: dx, dy
  static constexpr const char* name = "slice";
  int batch, from, first, to, dim;
  constexpr i64 forward_flops() const { return 0; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct Prepend {  // y[b, 0] = token + place; y[b, 1 + j] = x[b, j]     forward: y, x, token, place   backward: dx dtoken dplace, dy
  static constexpr const char* name = "prepend";
  int batch, tokens, dim;
  constexpr i64 forward_flops() const { return i64{batch} * dim; }
  constexpr i64 backward_flops(Wanted w) const { return i64{batch} * dim * (w[1] + w[2]); }
};

struct Complete {  // y[b, lead + i] = x[b, lead + j] where seen[b, j] = i, and token + place[i] where no j has it; the first
                   // `lead` tokens are copied      forward: y, x, token, place, seen      backward: dx dtoken dplace, dy, seen
  static constexpr const char* name = "complete";
  int batch, seen, all, lead, dim;
  constexpr int index_limit() const { return all; }
  constexpr i64 missing() const { return i64{batch} * (all - seen) * dim; }
  constexpr i64 forward_flops() const { return missing(); }
  constexpr i64 backward_flops(Wanted w) const { return missing() * (w[1] + w[2]); }
};

struct MeanTokens {  // y[b] = mean of x[b, first ...]          forward: y, x                     backward: dx, dy
  static constexpr const char* name = "mean_tokens";
  int batch, tokens, first, dim;
  constexpr i64 forward_flops() const { return i64{batch} * (tokens - first) * dim; }
  constexpr i64 backward_flops(Wanted w) const { return i64{batch} * tokens * dim * w[0]; }
};

struct SumAll {  // y = by * sum of x                           forward: y, x                     backward: dx, dy
  static constexpr const char* name = "sum";
  i64 n;
  double by;
  constexpr i64 forward_flops() const { return n; }
  constexpr i64 backward_flops(Wanted w) const { return n * w[0]; }
};

struct SumRows {  // y[r] = by * sum over the last axis         forward: y, x                     backward: dx, dy
  static constexpr const char* name = "sum_rows";
  i64 rows;
  int dim;
  double by;
  constexpr i64 forward_flops() const { return rows * dim; }
  constexpr i64 backward_flops(Wanted w) const { return rows * dim * w[0]; }
};

struct Normalize {  // y[r] = x[r] / max(|x[r]|, eps)           forward: y norm, x                backward: dx, dy, y, norm
  static constexpr const char* name = "normalize";
  i64 rows;
  int dim;
  double eps;
  constexpr i64 forward_flops() const { return 3 * rows * dim; }
  constexpr i64 backward_flops(Wanted w) const { return 5 * rows * dim * w[0]; }
};

struct Standardize {  // y[r] = (x[r] - mean) rstd, rstd = 1 / sqrt(sum (x[r] - mean)^2 / (dim - 1) + eps)
                      // forward: y rstd, x     backward: dx, dy, y, rstd
  static constexpr const char* name = "standardize";
  i64 rows;
  int dim;
  double eps;
  constexpr i64 forward_flops() const { return 6 * rows * dim; }
  constexpr i64 backward_flops(Wanted w) const { return 7 * rows * dim * w[0]; }
};

struct CrossEntropy {  // mean over rows of -log softmax(x)[target]     forward: y lse, x, target   backward: dx, dy, x, lse, target
  static constexpr const char* name = "cross_entropy";
  i64 rows;
  int classes;
  constexpr int index_limit() const { return classes; }
  constexpr i64 forward_flops() const { return 4 * rows * classes; }
  constexpr i64 backward_flops(Wanted w) const { return 4 * rows * classes * w[0]; }
};

struct MixedCrossEntropy {  // mean over rows of -sum q log softmax(x), where q is (1 - smoothing) of share at target and the rest at
                            // other, and smoothing spread evenly; of the first `used` classes only, as if there were no others
                            // forward: y lse, x, target, other               backward: dx, dy, x, lse, target, other
  static constexpr const char* name = "mixed_cross_entropy";
  i64 rows;
  int classes, used;
  double share, smoothing;
  constexpr int index_limit() const { return used; }
  constexpr i64 forward_flops() const { return 6 * rows * classes; }
  constexpr i64 backward_flops(Wanted w) const { return 5 * rows * classes * w[0]; }
};

struct LinearCrossEntropy {  // cross_entropy(x W^T + b, target), whose scores exist a few rows at a time. The loss ends a step, so
                             // forward makes the gradients as well, for dy = 1, where `gradients` says so
                             // forward: y dx dW db (null without), x, W, b, target     backward: dx dW db, dy, the forward's dx dW db
  static constexpr const char* name = "linear_cross_entropy";
  i64 rows;
  int in, classes;
  bool gradients;
  constexpr int index_limit() const { return classes; }
  constexpr i64 forward_flops() const { return rows * classes * (2 * in * (gradients ? 3 : 1) + (gradients ? 8 : 4)); }
  constexpr i64 backward_flops(Wanted w) const { return 2 * (rows * in * w[0] + i64{classes} * in * w[1] + classes * w[2]); }
};

struct SoftCrossEntropy {  // mean over rows of -sum target log softmax(x); backward: dx, dy, x, lse, target (rows, classes)
  static constexpr const char* name = "soft_cross_entropy";
  i64 rows;
  int classes;
  constexpr i64 forward_flops() const { return 6 * rows * classes; }
  constexpr i64 backward_flops(Wanted w) const { return 6 * rows * classes * w[0]; }
};

struct SquaredError {  // mean of (a - b)^2                     forward: y, a, b                  backward: da db, dy, a, b
  static constexpr const char* name = "squared_error";
  i64 n;
  constexpr i64 forward_flops() const { return 3 * n; }
  constexpr i64 backward_flops(Wanted w) const { return 3 * n * (w[0] + w[1]); }
};

struct InfoNce {  // rows 2i, 2i + 1 of z are a pair; loss and, without gradient, the share of rows whose pair is nearest
                  // forward: y accuracy unit norm share, z     backward: dz, dy, unit, norm, share       (objectives' eq.)
  static constexpr const char* name = "info_nce";
  int pairs, dim;
  double temperature;
  bool unit_length, both_branches;
  constexpr i64 rows() const { return 2 * i64{pairs}; }
  constexpr i64 forward_flops() const { return rows() * rows() * (2 * dim + 8) + 4 * rows() * dim; }
  constexpr i64 backward_flops(Wanted w) const { return (rows() * rows() * 4 * dim + 6 * rows() * dim) * w[0]; }
};

struct KeyedInfoNce {  // rows 2i, 2i + 1 of q and k belong to one image; a row of q chooses among the k of the other parity; without
                       // gradient, the share of rows that choose rightly
                       // forward: y accuracy unit norm keys share, q, k      backward: dq, dy, unit, norm, keys, share
  static constexpr const char* name = "keyed_info_nce";
  int pairs, dim;
  double temperature;
  constexpr i64 rows() const { return 2 * i64{pairs}; }
  constexpr i64 forward_flops() const { return rows() * rows() * (2 * dim + 8) + 8 * rows() * dim; }
  constexpr i64 backward_flops(Wanted w) const { return (rows() * rows() * (2 * dim + 2) + 6 * rows() * dim) * w[0]; }
};

struct TeacherStatistics {  // p = softmax((x - centre) / temperature) by row: the entropy of its mean over rows, and its variance, the mean
                            // over rows of |p - mean p|^2; and the mean (classes) over rows of x. No backward.
                            // forward: entropy variance mean, x, centre
  static constexpr const char* name = "teacher_statistics";
  i64 rows;
  int classes;
  double temperature;
  constexpr i64 forward_flops() const { return 12 * rows * classes; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct UnitVariance {  // mean square distance of the rows, scaled to length one, from their mean. No backward.        forward: y, x
  static constexpr const char* name = "unit_variance";
  i64 rows;
  int dim;
  constexpr i64 forward_flops() const { return 7 * rows * dim; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct Distillation {  // mean over images and pairs of views of -sum_k p[i, k] log softmax(s[v] / student_temperature)[k], where p[i] is
                       // softmax((t[i] - centre) / teacher_temperature); rows of s and t: the views of image 0, of image 1, ...; `skip`:
                       // views of the same number are the same view, and no pair
                       // forward: y lse teacher_lse, s, t, centre          backward: ds, dy, s, lse, t, teacher_lse, centre
  static constexpr const char* name = "distillation";
  int images, student_views, teacher_views, classes;
  bool skip;
  double student_temperature, teacher_temperature;
  constexpr bool pairs(int v, int i) const { return !skip || v != i; }
  constexpr i64 pairs_of_image() const {
    return i64{student_views} * teacher_views - (skip ? (student_views < teacher_views ? student_views : teacher_views) : 0);
  }
  constexpr i64 numbers() const { return i64{images} * (student_views + teacher_views) * classes; }
  constexpr i64 forward_flops() const { return 8 * numbers(); }
  constexpr i64 backward_flops(Wanted w) const { return 8 * numbers() * w[0]; }
};

struct NearestCode {  // ids[r] = argmax over k of (x[r] - mean of x[r] if centred) . code[k]      forward: ids, x, codes
  static constexpr const char* name = "nearest_code";
  i64 rows;
  int dim, codes;
  bool centred;
  constexpr i64 forward_flops() const { return 2 * rows * dim * codes; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

template <class F, int Inputs> struct Map {  // y = f(a, b, ...), elementwise      forward: y, inputs...   backward: sinks..., dy, inputs...
  static constexpr const char* name = "map";
  i64 n;
  F f;
  constexpr i64 forward_flops() const { return n; }
  constexpr i64 backward_flops(Wanted w) const { return 2 * n * (w[0] + w[1] + w[2] + w[3]); }
};

struct Widen {  // y = x, whose scalar is narrow, in wide<T>      forward: y, x      backward: dx, dy
  static constexpr const char* name = "widen";
  i64 n;
  constexpr i64 forward_flops() const { return 0; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

// Passes over a model's flat buffers. They have no backward.
struct AdamW {  // one step (Loshchilov and Hutter 2019) on w, m, v with gradient g, in stretches that follow one another; decay is 0 for
                // the undecayed segment     forward: w, m, v, g, or where kernels read w rounded: w, m, v, rounded, g
  static constexpr const char* name = "adamw";
  static constexpr int most = 32;
  struct Stretch {
    i64 n;
    double rate, decay, correction1, correction2, gradient_scale;
  };
  double beta1, beta2, eps;
  int count;
  Stretch stretches[most];
  constexpr i64 n() const {
    i64 sum = 0;
    for (int s = 0; s < count; ++s) sum += stretches[s].n;
    return sum;
  }
  constexpr i64 numbers_moved() const { return 7 * n(); }
  constexpr i64 forward_flops() const { return 14 * n(); }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};
struct Round {  // y = x, rounded to y's scalar                  forward: y, x
  static constexpr const char* name = "round";
  i64 n;
  constexpr i64 numbers_moved() const { return 2 * n; }
  constexpr i64 forward_flops() const { return 0; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};
struct SumSquares {  // y[0] = sum of x^2, accumulated in double
  static constexpr const char* name = "sum_squares";
  i64 n;
  constexpr i64 numbers_moved() const { return n; }
  constexpr i64 forward_flops() const { return 2 * n; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};
struct Blend {  // y = keep y + (1 - keep) x: an exponential moving average
  static constexpr const char* name = "blend";
  i64 n;
  double keep;
  constexpr i64 numbers_moved() const { return 3 * n; }
  constexpr i64 forward_flops() const { return 3 * n; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

struct AllRows {  // y = x of all ranks, n numbers each; for devices with ranks, see parallel.hpp      forward: y, x      backward: dx, dy
  static constexpr const char* name = "all_rows";
  i64 n;
  int ranks;
  constexpr i64 forward_flops() const { return 0; }
  constexpr i64 backward_flops(Wanted w) const { return n * (ranks - 1) * w[0]; }
};
struct OwnRows {  // y = this rank's n numbers of x                                                     forward: y, x      backward: dx, dy
  static constexpr const char* name = "own_rows";
  i64 n;
  int rank, ranks;
  constexpr i64 first() const { return n * rank; }
  constexpr i64 forward_flops() const { return 0; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};
struct MeanOverRanks {  // y (n) = its mean over ranks, in place. No backward.                        forward: y
  static constexpr const char* name = "mean_over_ranks";
  i64 n;
  constexpr i64 forward_flops() const { return n; }
  constexpr i64 backward_flops(Wanted) const { return 0; }
};

}  // namespace vitrail::op
