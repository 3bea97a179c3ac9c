// The kernels of Cpu as functions that are compiled elsewhere, for float and double: with the target vitrail::compiled
// (cmake/compiled.cmake), whose users see this list instead of the kernels.
#pragma once
#include "../catalog.hpp"
#include "../cpu.hpp"
#include "../detection_catalog.hpp"

// FORWARD(op, outputs..., inputs...) and BACKWARD(op, gradients that go out..., the one that comes in, what was kept...) of every kernel
// that has a scalar T; a test compares the list with the kernels. Pointers are as call_forward() gets them.
#define VITRAIL_EACH_KERNEL(T, FORWARD, BACKWARD)                                               \
  FORWARD(AdamW, T*, T*, T*, T*)                                                                \
  FORWARD(Add, T*, T*, T*)                                                                      \
  FORWARD(AddDropped, T*, T*, T*)                                                               \
  FORWARD(AddResampled, T*, T*, T*)                                                             \
  FORWARD(AddPlaces, T*, T*, T*, int*)                                                          \
  FORWARD(AddTable, T*, T*, T*)                                                                 \
  FORWARD(AddUpsampled, T*, T*, T*)                                                             \
  FORWARD(AffinePlanes, T*, T*)                                                                 \
  FORWARD(AssignAnchors, T*, T*, T*, T*, int*, int*)                                            \
  FORWARD(Attention, T*, T*, T*)                                                                \
  FORWARD(BatchNorm, T*, T*, T*, T*, T*, T*, T*, T*)                                            \
  FORWARD(BiasedAttention, T*, T*, T*, T*)                                                      \
  FORWARD(Blend, T*, T*)                                                                        \
  FORWARD(Complete, T*, T*, T*, T*, int*)                                                       \
  FORWARD(Concat, T*, T*, T*)                                                                   \
  FORWARD(Conv2d, T*, T*, T*, T*)                                                               \
  FORWARD(ConvTranspose2d, T*, T*, T*, T*)                                                      \
  FORWARD(Copy, T*, T*)                                                                         \
  FORWARD(CrossEntropy, T*, T*, T*, int*)                                                       \
  FORWARD(Distillation, T*, T*, T*, T*, T*, T*)                                                 \
  FORWARD(Gather, T*, T*, int*)                                                                 \
  FORWARD(Gelu, T*, T*)                                                                         \
  FORWARD(GeluLinear, T*, T*, T*, T*, T*)                                                       \
  FORWARD(InfoNce, T*, T*, T*, T*, T*, T*)                                                      \
  FORWARD(KeyedInfoNce, T*, T*, T*, T*, T*, T*, T*, T*)                                         \
  FORWARD(LargestPlane, int*, T*)                                                               \
  FORWARD(LayerNorm, T*, T*, T*, T*, T*, T*)                                                    \
  FORWARD(Linear, T*, T*, T*, T*, T*)                                                           \
  FORWARD(LinearCrossEntropy, T*, T*, T*, T*, T*, T*, T*, int*)                                 \
  FORWARD(MaskTargets, T*, T*, int*, T*, int*, int*, int*)                                      \
  FORWARD(MatMul, T*, T*, T*)                                                                   \
  FORWARD(MaxPool2d, T*, T*)                                                                    \
  FORWARD(MeanTokens, T*, T*)                                                                   \
  FORWARD(MixedCrossEntropy, T*, T*, T*, int*, int*)                                            \
  FORWARD(NearestCode, int*, T*, T*)                                                            \
  FORWARD(NormLinear, T*, T*, T*, T*, T*, T*, T*, T*)                                           \
  FORWARD(Normalize, T*, T*, T*)                                                                \
  FORWARD(NormalizeChannels, T*, T*, T*, T*, T*, T*)                                            \
  FORWARD(Patchify, T*, T*, int*)                                                               \
  FORWARD(Prepend, T*, T*, T*, T*)                                                              \
  FORWARD(Propose, T*, T*, T*)                                                                  \
  FORWARD(QueryValueBias, T*, T*, T*)                                                           \
  FORWARD(RelativeBias, T*, T*)                                                                 \
  FORWARD(Resize, T*, T*)                                                                       \
  FORWARD(RoiAlign, T*, T*, T*, T*, T*, T*)                                                     \
  FORWARD(SampleRegions, T*, T*, T*, int*, int*, int*, T*, int*, int*)                          \
  FORWARD(ScaleChannels, T*, T*, T*)                                                            \
  FORWARD(Scatter, T*, T*, int*)                                                                \
  FORWARD(Slice, T*, T*)                                                                        \
  FORWARD(SoftCrossEntropy, T*, T*, T*, T*)                                                     \
  FORWARD(Softmax, T*, T*)                                                                      \
  FORWARD(SquaredError, T*, T*, T*)                                                             \
  FORWARD(Standardize, T*, T*, T*)                                                              \
  FORWARD(SumAll, T*, T*)                                                                       \
  FORWARD(SumRows, T*, T*)                                                                      \
  FORWARD(SumSquares, double*, T*)                                                              \
  FORWARD(TeacherStatistics, T*, T*, T*, T*, T*)                                                \
  FORWARD(Transpose, T*, T*)                                                                    \
  FORWARD(UnitVariance, T*, T*)                                                                 \
  FORWARD(WeightNormLinear, T*, T*, T*, T*)                                                     \
  BACKWARD(Add, Sink<T>, T*)                                                                    \
  BACKWARD(AddDropped, Sink<T>, T*)                                                             \
  BACKWARD(AddResampled, Sink<T>, T*)                                                           \
  BACKWARD(AddPlaces, Sink<T>, T*, int*)                                                        \
  BACKWARD(AddTable, Sink<T>, T*)                                                               \
  BACKWARD(AddUpsampled, Sink<T>, T*)                                                           \
  BACKWARD(Attention, Sink<T>, T*, T*, T*, T*)                                                  \
  BACKWARD(BatchNorm, Sink<T>, Sink<T>, Sink<T>, T*, T*, T*, T*, T*)                            \
  BACKWARD(BiasedAttention, Sink<T>, Sink<T>, T*, T*, T*, T*, T*)                               \
  BACKWARD(Complete, Sink<T>, Sink<T>, Sink<T>, T*, int*)                                       \
  BACKWARD(Concat, Sink<T>, Sink<T>, T*)                                                        \
  BACKWARD(Conv2d, Sink<T>, Sink<T>, Sink<T>, T*, T*, T*)                                       \
  BACKWARD(ConvTranspose2d, Sink<T>, Sink<T>, Sink<T>, T*, T*, T*)                              \
  BACKWARD(CrossEntropy, Sink<T>, T*, T*, T*, int*)                                             \
  BACKWARD(Distillation, Sink<T>, T*, T*, T*, T*, T*, T*)                                       \
  BACKWARD(Gather, Sink<T>, T*, int*)                                                           \
  BACKWARD(Gelu, Sink<T>, T*, T*)                                                               \
  BACKWARD(GeluLinear, Sink<T>, Sink<T>, Sink<T>, T*, T*, T*)                                   \
  BACKWARD(InfoNce, Sink<T>, T*, T*, T*, T*)                                                    \
  BACKWARD(KeyedInfoNce, Sink<T>, T*, T*, T*, T*, T*)                                           \
  BACKWARD(LayerNorm, Sink<T>, Sink<T>, Sink<T>, T*, T*, T*, T*, T*)                            \
  BACKWARD(Linear, Sink<T>, Sink<T>, Sink<T>, T*, T*, T*)                                       \
  BACKWARD(LinearCrossEntropy, Sink<T>, Sink<T>, Sink<T>, T*, T*, T*, T*)                       \
  BACKWARD(MatMul, Sink<T>, Sink<T>, T*, T*, T*)                                                \
  BACKWARD(MaxPool2d, Sink<T>, T*, T*)                                                          \
  BACKWARD(MeanTokens, Sink<T>, T*)                                                             \
  BACKWARD(MixedCrossEntropy, Sink<T>, T*, T*, T*, int*, int*)                                  \
  BACKWARD(NormLinear, Sink<T>, Sink<T>, Sink<T>, Sink<T>, Sink<T>, T*, T*, T*, T*, T*, T*, T*) \
  BACKWARD(Normalize, Sink<T>, T*, T*, T*)                                                      \
  BACKWARD(Prepend, Sink<T>, Sink<T>, Sink<T>, T*)                                              \
  BACKWARD(QueryValueBias, Sink<T>, Sink<T>, T*)                                                \
  BACKWARD(RelativeBias, Sink<T>, T*)                                                           \
  BACKWARD(Resize, Sink<T>, T*)                                                                 \
  BACKWARD(RoiAlign, Sink<T>, Sink<T>, Sink<T>, Sink<T>, T*, T*)                                \
  BACKWARD(ScaleChannels, Sink<T>, Sink<T>, T*, T*, T*)                                         \
  BACKWARD(Scatter, Sink<T>, T*, int*)                                                          \
  BACKWARD(Slice, Sink<T>, T*)                                                                  \
  BACKWARD(SoftCrossEntropy, Sink<T>, T*, T*, T*, T*)                                           \
  BACKWARD(Softmax, Sink<T>, T*, T*)                                                            \
  BACKWARD(SquaredError, Sink<T>, Sink<T>, T*, T*, T*)                                          \
  BACKWARD(Standardize, Sink<T>, T*, T*, T*)                                                    \
  BACKWARD(SumAll, Sink<T>, T*)                                                                 \
  BACKWARD(SumRows, Sink<T>, T*)                                                                \
  BACKWARD(Transpose, Sink<T>, T*)                                                              \
  BACKWARD(WeightNormLinear, Sink<T>, Sink<T>, T*, T*, T*, T*)

#if defined(VITRAIL_COMPILED)
#define VITRAIL_FORWARD_ELSEWHERE(OP, ...) extern template void call_forward<op::OP, Cpu, __VA_ARGS__>(Cpu&, const op::OP&, __VA_ARGS__);
#define VITRAIL_BACKWARD_ELSEWHERE(OP, ...) extern template void call_backward<op::OP, Cpu, __VA_ARGS__>(Cpu&, const op::OP&, __VA_ARGS__);
#if !VITRAIL_KERNELS
#define VITRAIL_KERNEL_ELSEWHERE(OP, ...) template <> struct Kernel<op::OP, Cpu> : detail::CompiledElsewhere {};
#define VITRAIL_NOTHING(...)
#endif

namespace vitrail {
#if !VITRAIL_KERNELS
namespace detail {
struct CompiledElsewhere {
  template <class... A> static void forward(const A&...) {
    static_assert(sizeof...(A) == 0, "vitrail::compiled has this kernel for float and double, by kernel_forward() and kernel_backward(); "
                                     "link vitrail::vitrail for another scalar");
  }
  template <class... A> static void backward(const A&... a) { forward(a...); }
};
}  // namespace detail
VITRAIL_EACH_KERNEL(float, VITRAIL_KERNEL_ELSEWHERE, VITRAIL_NOTHING)
VITRAIL_KERNEL_ELSEWHERE(GatherIds)
#endif
VITRAIL_EACH_KERNEL(float, VITRAIL_FORWARD_ELSEWHERE, VITRAIL_BACKWARD_ELSEWHERE)
VITRAIL_EACH_KERNEL(double, VITRAIL_FORWARD_ELSEWHERE, VITRAIL_BACKWARD_ELSEWHERE)
VITRAIL_FORWARD_ELSEWHERE(GatherIds, int*, int*, int*)
}  // namespace vitrail

#undef VITRAIL_FORWARD_ELSEWHERE
#undef VITRAIL_BACKWARD_ELSEWHERE
#undef VITRAIL_KERNEL_ELSEWHERE
#undef VITRAIL_NOTHING
#endif
#if !defined(VITRAIL_COMPILING_KERNELS)
#undef VITRAIL_EACH_KERNEL
#endif
