// Lesson 3's exercise: attention knows no order, and one number decides between asking everybody and asking oneself.
#include <algorithm>
#include <cmath>
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/ops/arithmetic.hpp>
#include <vitrail/ops/matmul.hpp>
#include <vitrail/ops/softmax.hpp>
#include <vitrail/ops/tokens.hpp>

using namespace vitrail;

constexpr int N = 16, D = 8;

// [attend]
template <Value X> auto attend(const X& x, double temperature) {
  const auto weights = softmax((1 / (temperature * std::sqrt(double{D}))) * matmul_transposed(x, x));  // (B, N, N)
  return matmul(weights, x);                                                                         // (B, N, D)
}
// [/attend]

template <class X> double difference(const X& a, const X& b) {
  double worst = 0;
  for (std::int64_t i = 0; i < a.shape.size(); ++i) worst = std::max(worst, std::abs(a.data()[i] - b.data()[i]));
  return worst;
}

int main() {
  Cpu device{{.threads = 1}};
  Arena<Cpu> memory{device};
  using Tokens = Shape<dyn, N, D>;
  const auto x = make_tensor<Tokens, double>(memory, Tokens(1));
  Random random{4};
  for (int n = 0; n < N; ++n) {  // vectors of length sqrt(D): then nobody is louder than the others
    double length = 0;
    for (int d = 0; d < D; ++d) length += std::pow(x.data()[n * D + d] = random.normal(), 2);
    for (int d = 0; d < D; ++d) x.data()[n * D + d] *= std::sqrt(D / length);
  }

  // [order]
  int reversed[N];
  for (int n = 0; n < N; ++n) reversed[n] = N - 1 - n;
  const Indices<N> order{reversed, Shape<dyn, N>(1)};
  const double apart = difference(attend(gather(x, order), 1), gather(attend(x, 1), order));
  // [/order]
  std::cout << "reversed, then attended = attended, then reversed: " << (apart < 1e-12 ? "yes" : "no") << "\n";

  // [listeners]
  // exp(entropy): to how many tokens, in effect, the average query listens.
  for (const double temperature : {0.01, 1.0, 100.0}) {
    const auto weights = softmax((1 / (temperature * std::sqrt(double{D}))) * matmul_transposed(x, x));
    double entropy = 0;  // nats
    for (int i = 0; i < N * N; ++i) {
      const double p = weights.data()[i];
      if (p > 0) entropy -= p * std::log(p) / N;
    }
    std::cout << "temperature " << temperature << ": listens to " << std::round(10 * std::exp(entropy)) / 10 << " of " << N << "\n";
  }
  // [/listeners]
  return apart < 1e-12 && difference(attend(x, 0.001), x) < 1e-12 ? 0 : 1;
}
