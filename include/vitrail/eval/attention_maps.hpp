// Where an encoder looks: the last block's attention, as the class token's queries, or averaged over all queries.
#pragma once
#include <cmath>
#include <vector>

#include "../vit/vit.hpp"
#include "features.hpp"

namespace vitrail {

// tokens (B, V, D), all or some of each image's, as encoder.embed() makes them -> (B, H, V) on the host: for each head, how much the
// class token (or, without one, the average patch) attends to each of them in the last block. Rows sum to one, but for what goes to
// the class token itself.
template <class Encoder, Untracked X>
std::vector<float> attention_among(const Encoder& encoder, const X& tokens) {
  using T = scalar_of<X>;
  static_assert(Encoder::config.positions != Positions::relative,
                "attention_maps: it reads the scores of plain attention, and relative positions add a bias to them");
  constexpr int L = Encoder::lead, V = shape_of<X>::template extent<1>(), N = L + V;
  constexpr int D = Encoder::dim, H = Encoder::config.heads, Dh = D / H;
  auto x = encoder.with_class_token(tokens);  // (B, L + V, D)
  const auto& blocks = encoder.transformer.blocks;
  for (std::size_t i = 0; i + 1 < blocks.size(); ++i) x = blocks[i](x);
  const std::vector<wide<T>> qkv = detail::on_host(blocks.back().attn.qkv(blocks.back().norm1(x)));  // (B, L + V, 3, H, Dh)
  const int batch = tokens.shape.leading(), queries = L > 0 ? 1 : N;
  std::vector<float> maps(static_cast<std::size_t>(batch) * H * V, 0.0f);
  std::vector<double> score(static_cast<std::size_t>(N));
  for (int b = 0; b < batch; ++b)
    for (int h = 0; h < H; ++h) {
      const wide<T>* sequence = qkv.data() + static_cast<std::ptrdiff_t>(b) * N * 3 * D + h * Dh;
      float* map = maps.data() + (static_cast<std::ptrdiff_t>(b) * H + h) * V;
      for (int q = 0; q < queries; ++q) {
        double top = -1e300, sum = 0;
        for (int k = 0; k < N; ++k) {
          double dot = 0;
          for (int d = 0; d < Dh; ++d)
            dot += static_cast<double>(sequence[q * 3 * D + d]) * static_cast<double>(sequence[k * 3 * D + D + d]);
          top = std::max(top, score[static_cast<std::size_t>(k)] = dot / std::sqrt(static_cast<double>(Dh)));
        }
        for (double& s : score) sum += (s = std::exp(s - top));
        for (int n = 0; n < V; ++n)
          map[n] += static_cast<float>(score[static_cast<std::size_t>(L + n)] / sum / queries);
      }
    }
  return maps;
}

// The same of whole images, (B, C, I, I) -> (B, H, N).
template <class Encoder, Untracked X>
std::vector<float> attention_maps(const Encoder& encoder, const X& images) {
  return attention_among(encoder, encoder.embed(images));
}

}  // namespace vitrail
