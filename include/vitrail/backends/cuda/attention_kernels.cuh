// attention and biased_attention: which kernel a head's width, the precision and the card's shared memory ask for.
#pragma once
#include <string>
#include <type_traits>

#include "attention_short.cuh"

namespace vitrail {

namespace cuda {

// The widths that are compiled; a head is padded with zeros to the next.
template <class F>
void with_head_width(int head_dim, F f) {
  if (head_dim <= 16) f(std::integral_constant<int, 16>{});
  else if (head_dim <= 32) f(std::integral_constant<int, 32>{});
  else if (head_dim <= 64) f(std::integral_constant<int, 64>{});
  else if (head_dim <= 128) f(std::integral_constant<int, 128>{});
  else
    throw ConfigError("attention: a head has " + std::to_string(head_dim) + " numbers, on CUDA it may have 128; use more heads");
}
// As many rows at a time as fit into shared memory, all of them at best.
template <class Body>
int attention_chunk(int tokens, std::size_t limit) {
  int chunk = static_cast<int>(pieces(tokens, 32)) * 32;
  while (chunk > 32 && Body::shared_bytes(chunk) > limit) chunk -= 32;
  if (Body::shared_bytes(chunk) > limit)
    throw ConfigError("attention: heads as wide as these need " + std::to_string(Body::shared_bytes(chunk)) +
                      " bytes of shared memory in full precision and this card has " + std::to_string(limit) + "; use Precision::bf16");
  return chunk;
}
// Values that are kept in bfloat16 have nothing to lose in products of it.
template <class T, Machine D, class F>
void with_attention(D& device, const op::Attention& o, F f) {
  with_head_width(o.head_dim, [&](auto width) {
    if constexpr (std::is_same_v<T, bfloat16>) f(InBf16{}, width);
    else if (device.precision() == Precision::bf16) f(InBf16{}, width);
    else f(InFloat{}, width);
  });
}
template <class Body, Machine D>
AttentionSizes attention_sizes(D& device, const op::Attention& o) {
  return {o.tokens, o.heads, o.head_dim, static_cast<int>(pieces(o.tokens, AttentionSizes::own_rows)),
          attention_chunk<Body>(o.tokens, device.shared_limit()), 1 / std::sqrt(static_cast<float>(o.head_dim))};
}
template <Machine D, class Body>
void launch_attention(D& device, const char* name, const op::Attention& o, const Body& body) {
  device.launch(name, body, i64{o.batch} * o.heads * body.s.groups, Body::shared_bytes(body.s.chunk));
}
// What a kernel needs to know where one block has a whole head.
inline AttentionSizes whole_head(const op::Attention& o) {
  return {o.tokens, o.heads, o.head_dim, 1, static_cast<int>(pieces(o.tokens, 32)) * 32, 1 / std::sqrt(static_cast<float>(o.head_dim))};
}
// f(tiles, width) for the least numbers that are compiled and hold a head; nothing if there are none.
template <class F>
void with_short_head(const op::Attention& o, F f) {
  with_tiles(o.tokens, [&](auto tiles) {
    if (o.head_dim <= 32) f(tiles, std::integral_constant<int, 32>{});
    else if (o.head_dim <= 64) f(tiles, std::integral_constant<int, 64>{});
  });
}
// Where values are bfloat16 and a block can have as many warps as a head has tiles: the kernel for that. False elsewhere.
template <Machine D, class B, class T>
bool attention_forward_short(D& device, const char* name, const op::Attention& o, const B& bias, T* y, float* lse, const T* qkv) {
  bool done = false;
  if constexpr (std::is_same_v<T, bfloat16>)
    with_short_head(o, [&](auto tiles, auto width) {
      using Body = AttentionForward<InBf16, T, width(), B, tiles()>;
      const AttentionSizes s = whole_head(o);
      done = Body::shared_bytes(s.chunk) <= device.shared_limit();
      if (done) launch_attention(device, name, o, Body{s, y, lse, qkv, bias});
    });
  return done;
}
template <Machine D, class B, class T>
void attention_forward(D& device, const char* name, const op::Attention& o, const B& bias, T* y, float* lse, const T* qkv) {
  if (attention_forward_short(device, name, o, bias, y, lse, qkv)) return;
  with_attention<T>(device, o, [&](auto arithmetic, auto width) {
    using Body = AttentionForward<decltype(arithmetic), T, width(), B>;
    launch_attention(device, name, o, Body{attention_sizes<Body>(device, o), y, lse, qkv, bias});
  });
}
// Where values are bfloat16 and one block can have a head: the kernel for that. False elsewhere.
template <Machine D, class B, class T>
bool attention_short(D& device, const char* name, const op::Attention& o, const B& bias, Sink<T> dqkv, float* delta, const T* dy,
                     const T* y, const T* qkv, const float* lse) {
  bool done = false;
  if constexpr (std::is_same_v<T, bfloat16>) {
    if (dqkv.skipped()) return false;
    with_short_head(o, [&](auto tiles, auto width) {
      using Body = AttentionShort<tiles(), width(), B>;
      done = Body::shared_bytes() <= device.shared_limit();
      if (done) device.launch(name, Body{whole_head(o), dqkv, delta, dy, y, qkv, lse, bias}, i64{o.batch} * o.heads, Body::shared_bytes());
    });
  }
  return done;
}
// `delta` (B, H, N) gets dy . y of every row.
template <Machine D, class B, class T>
void attention_backward(D& device, const char* name, const op::Attention& o, const B& bias, Sink<T> dqkv, float* delta, const T* dy,
                        const T* y, const T* qkv, const float* lse) {
  if (attention_short(device, name, o, bias, dqkv, delta, dy, y, qkv, lse)) return;
  with_attention<T>(device, o, [&](auto arithmetic, auto width) {
    using Queries = AttentionQueries<decltype(arithmetic), T, width(), B>;
    using Keys = AttentionKeys<decltype(arithmetic), T, width(), B>;
    launch_attention(device, name, o, Queries{attention_sizes<Queries>(device, o), dqkv, delta, dy, y, qkv, lse, bias});
    if (!dqkv.skipped()) launch_attention(device, name, o, Keys{attention_sizes<Keys>(device, o), dqkv, delta, dy, qkv, lse, bias});
  });
}

// dbias[h, q, k] = the sum over the batch of P (dP - delta), with P = exp(S - lse) and dP = dy V^T: a block owns a query of a head and
// takes the images in order, so that nothing is added by two blocks. Products of single rows: slower than attention itself, and only
// for models with relative positions.
template <class T>
struct AttentionBiasSlope {
  static constexpr int threads = 128;
  AttentionSizes s;
  int batch;
  Sink<T> dbias;
  const T* bias;
  const float* delta;
  const T *dy, *qkv;
  const float* lse;

  std::size_t shared_bytes() const { return 2 * static_cast<std::size_t>(s.head_dim) * sizeof(float); }
  template <class C>
  VITRAIL_DEVICE void operator()(C& c) const {
    float *const q = reinterpret_cast<float*>(c.shared()), *const g = q + s.head_dim;
    const i64 h = c.block() / s.tokens, query = c.block() % s.tokens, at = c.block() * s.tokens;
    for (int first = 0; first < s.tokens; first += threads) {
      const int key = first + c.thread();
      float sum = 0;
      for (int b = 0; b < batch; ++b) {
        const i64 head = i64{b} * s.heads + h, row = head * s.tokens + query;
        const T *const from = qkv + s.query(head), *const grad = dy + s.value(head) + query * s.dim();
        c.sync();
        for (int d = c.thread(); d < s.head_dim; d += threads) q[d] = from[query * 3 * s.dim() + d], g[d] = grad[d];
        c.sync();
        if (key >= s.tokens) continue;
        const T *const k = from + key * 3 * s.dim() + s.dim(), *const v = k + s.dim();
        float score = 0, slope = 0;
        for (int d = 0; d < s.head_dim; ++d) score += q[d] * k[d], slope += g[d] * v[d];
        sum += c.exp(score * s.scale + bias[at + key] - lse[row]) * (slope - delta[row]);
      }
      if (key < s.tokens) put(dbias, at + key, sum);
    }
  }
};

}  // namespace cuda

template <cuda::Machine D>
struct Kernel<op::Attention, D> {
  template <class T>
  static void forward(D& device, const op::Attention& o, T* y, float* lse, const T* qkv) {
    cuda::attention_forward(device, o.name, o, cuda::NoScoreBias{}, y, lse, qkv);
  }
  template <class T>
  static void backward(D& device, const op::Attention& o, Sink<T> dqkv, const T* dy, const T* y, const T* qkv, const float* lse) {
    if (dqkv.skipped()) return;
    float* const delta = device.template scratch<float>(cuda::i64{o.batch} * o.heads * o.tokens);
    cuda::attention_backward(device, o.name, o, cuda::NoScoreBias{}, dqkv, delta, dy, y, qkv, lse);
  }
};

template <cuda::Machine D>
struct Kernel<op::BiasedAttention, D> {
  template <class T>
  static void forward(D& device, const op::BiasedAttention& o, T* y, float* lse, const T* qkv, const T* bias) {
    cuda::attention_forward(device, o.name, o.plain(), cuda::ScoreBias<T>{bias, o.heads, o.tokens}, y, lse, qkv);
  }
  template <class T>
  static void backward(D& device, const op::BiasedAttention& o, Sink<T> dqkv, Sink<T> dbias, const T* dy, const T* y, const T* qkv,
                       const float* lse, const T* bias) {
    if (dqkv.skipped() && dbias.skipped()) return;
    float* const delta = device.template scratch<float>(cuda::i64{o.batch} * o.heads * o.tokens);
    cuda::attention_backward(device, o.name, o.plain(), cuda::ScoreBias<T>{bias, o.heads, o.tokens}, dqkv, delta, dy, y, qkv, lse);
    if (dbias.skipped()) return;
    const cuda::AttentionBiasSlope<T> body{{o.tokens, o.heads, o.head_dim, 1, o.tokens, 1 / std::sqrt(static_cast<float>(o.head_dim))},
                                           o.batch, dbias, bias, delta, dy, qkv, lse};
    device.launch(o.name, body, cuda::i64{o.heads} * o.tokens, body.shared_bytes());
  }
};

}  // namespace vitrail
