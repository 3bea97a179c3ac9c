// The labels of mixed images are given as floats.
// expect: cross_entropy of mixed images: targets are class numbers
// expect: Tensor<.*dyn, 1>.*float>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/ops/cross_entropy.hpp"

using namespace vitrail;
using Logits = Var<Shape<dyn, 10>, Cpu, float>;
template <class T> using Labels = Tensor<Shape<dyn, 1>, Cpu, T>;

#ifdef BAD
auto loss(const Logits& logits, const Labels<float>& own, const Labels<float>& other) {
#else
auto loss(const Logits& logits, const Labels<int>& own, const Labels<int>& other) {
#endif
  return cross_entropy(logits, own, other, TargetMix{.share = 0.7});
}
