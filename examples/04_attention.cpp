// Attention, first in small steps, then as the fused op that keeps no N x N matrix; and what makes it special: tokens have no
// order. Whoever wants one adds positions.
#include <algorithm>
#include <cmath>
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/nn/block.hpp>
#include <vitrail/nn/model.hpp>
#include <vitrail/ops/matmul.hpp>
#include <vitrail/ops/softmax.hpp>
#include <vitrail/ops/tokens.hpp>

using namespace vitrail;

constexpr int N = 6, D = 16, H = 4;  // tokens, width, heads

template <class X> double difference(const X& a, const X& b) {
  double worst = 0;
  for (std::int64_t i = 0; i < a.shape.size(); ++i) worst = std::max(worst, std::abs(a.data()[i] - b.data()[i]));
  return worst;
}

// softmax(Q K^T / sqrt(D)) V with one head, op by op. qkv (B, N, 3 D) -> (B, N, D).
template <Value X> auto attention_by_hand(const X& qkv) {
  const auto thirds = view(qkv, Shape<dyn, 3 * N, D>(qkv.shape.leading()));          // rows q0 k0 v0 q1 k1 v1 ...
  const auto part = [&](int which) {
    int index[2 * N];
    for (int b = 0; b < 2; ++b)
      for (int n = 0; n < N; ++n) index[b * N + n] = 3 * n + which;
    return gather(thirds, Indices<N>{index, Shape<dyn, N>(2)});                      // (B, N, D)
  };
  const auto scores = (1 / std::sqrt(double{D})) * matmul_transposed(part(0), part(1));  // (B, N, N)
  return matmul(softmax(scores), part(2));                                           // (B, N, D)
}

int main() {
  Cpu device;
  Arena<Cpu> memory{device};
  using Tokens = Shape<dyn, N, D>;
  const auto x = make_tensor<Tokens, double>(memory, Tokens(2));  // two sequences
  Random random{5};
  for (std::int64_t i = 0; i < x.shape.size(); ++i) x.data()[i] = 40 * random.normal();  // large: weights start small

  // A layer knows no device and no scalar; a Model gives its parameters a place.
  Model<Attention<D, H>, Cpu, double> layer{device, Random{1}};
  const auto y = (*layer)(x);                                                        // (B, N, D)
  std::cout << "Attention<" << D << ", " << H << "> has " << layer.size() << " parameters; " << text(x.shape) << " -> "
            << text(y.shape) << ", first numbers " << y.data()[0] << ", " << y.data()[1] << "\n";

  const auto qkv = layer->qkv(x);                                                    // (B, N, 3 D)
  const double fused = difference(attention<1>(qkv), attention_by_hand(qkv));
  std::cout << "fused against op by op, one head: " << fused << "\n";

  // Exchange tokens 1 and 4 of both sequences: the outputs are exchanged likewise, and nothing else happens.
  int index[2 * N] = {0, 4, 2, 3, 1, 5, 0, 4, 2, 3, 1, 5};
  const Indices<N> exchange{index, Shape<dyn, N>(2)};
  const double order = difference((*layer)(gather(x, exchange)), gather(y, exchange));
  std::cout << "attention of exchanged tokens against exchanged attention: " << order << "\n";
  return fused < 1e-12 && order < 1e-12 ? 0 : 1;
}
