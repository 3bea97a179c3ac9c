// CUDA's kernels on the host as functions that are compiled once for all test programs (tests/host_kernels): those that several test files
// call. A kernel that is not here is compiled where it is called: the lists cost time if they are wrong, not correctness.
#pragma once
#include "host_cuda.hpp"

// Products by plain loops: PRODUCT(scalar of the result, scalar of what is multiplied).
#define HOST_PRODUCTS_OF_FLOATS(PRODUCT) PRODUCT(float, float) PRODUCT(double, double)
#define HOST_PRODUCTS_OF_BFLOAT16(PRODUCT) PRODUCT(vitrail::bfloat16, vitrail::bfloat16) PRODUCT(float, vitrail::bfloat16)
#define HOST_PRODUCT(Y, T) template void CallsOnHost::multiply_as<Y, T>(const vitrail::cuda::Product&);

// FORWARD(op, outputs..., inputs...) and BACKWARD(op, gradients that go out..., the one that comes in, what was kept...), as in
// backends/cpu/compiled.hpp. V: the scalar of values, float or bfloat16.
#define HOST_KERNELS(V, FORWARD, BACKWARD)                                                                              \
  FORWARD(Add, V*, V*, V*)                                                                                              \
  FORWARD(AddDropped, V*, V*, V*)                                                                                       \
  FORWARD(AddPlaces, V*, V*, V*, int*)                                                                                  \
  FORWARD(AddResampled, V*, V*, V*)                                                                                     \
  FORWARD(AddTable, V*, V*, V*)                                                                                         \
  FORWARD(AddUpsampled, V*, V*, V*)                                                                                     \
  FORWARD(Attention, V*, float*, V*)                                                                                    \
  FORWARD(BatchNorm, V*, float*, float*, float*, float*, V*, V*, V*)                                                    \
  FORWARD(BiasedAttention, V*, float*, V*, V*)                                                                          \
  FORWARD(Complete, V*, V*, V*, V*, int*)                                                                               \
  FORWARD(Concat, V*, V*, V*)                                                                                           \
  FORWARD(Conv2d, V*, V*, V*, V*)                                                                                       \
  FORWARD(ConvTranspose2d, V*, V*, V*, V*)                                                                              \
  FORWARD(Copy, V*, V*)                                                                                                 \
  FORWARD(CrossEntropy, float*, float*, V*, int*)                                                                       \
  FORWARD(Distillation, float*, float*, float*, V*, V*, float*)                                                         \
  FORWARD(Gather, V*, V*, int*)                                                                                         \
  FORWARD(Gelu, V*, V*)                                                                                                 \
  FORWARD(GeluLinear, V*, V*, V*, V*, V*)                                                                               \
  FORWARD(InfoNce, float*, float*, float*, float*, float*, V*)                                                          \
  FORWARD(KeyedInfoNce, float*, float*, float*, float*, float*, float*, V*, float*)                                     \
  FORWARD(LayerNorm, V*, float*, float*, V*, V*, V*)                                                                    \
  FORWARD(Linear, V*, V*, V*, V*, V*)                                                                                   \
  FORWARD(LinearCrossEntropy, float*, V*, float*, float*, V*, V*, V*, int*)                                             \
  FORWARD(MaxPool2d, V*, V*)                                                                                            \
  FORWARD(MeanTokens, V*, V*)                                                                                           \
  FORWARD(MixedCrossEntropy, float*, float*, V*, int*, int*)                                                            \
  FORWARD(NearestCode, int*, V*, float*)                                                                                \
  FORWARD(Normalize, V*, float*, V*)                                                                                    \
  FORWARD(NormLinear, V*, float*, float*, V*, V*, V*, V*, V*)                                                           \
  FORWARD(Patchify, V*, V*, int*)                                                                                       \
  FORWARD(Prepend, V*, V*, V*, V*)                                                                                      \
  FORWARD(Propose, float*, V*, V*)                                                                                      \
  FORWARD(QueryValueBias, V*, V*, V*)                                                                                   \
  FORWARD(RelativeBias, V*, V*)                                                                                         \
  FORWARD(RenderViews, V*, ViewPlan*, unsigned char*)                                                                   \
  FORWARD(RoiAlign, V*, V*, V*, V*, V*, float*)                                                                         \
  FORWARD(ScaleChannels, V*, V*, V*)                                                                                    \
  FORWARD(Slice, V*, V*)                                                                                                \
  FORWARD(SquaredError, float*, V*, V*)                                                                                 \
  FORWARD(Standardize, V*, float*, V*)                                                                                  \
  FORWARD(SumAll, float*, V*)                                                                                           \
  FORWARD(TeacherStatistics, float*, float*, float*, V*, float*)                                                        \
  FORWARD(Transpose, V*, V*)                                                                                            \
  FORWARD(UnitVariance, float*, V*)                                                                                     \
  FORWARD(WeightNormLinear, V*, float*, V*, V*)                                                                         \
  BACKWARD(Add, Sink<V>, V*)                                                                                            \
  BACKWARD(AddDropped, Sink<V>, V*)                                                                                     \
  BACKWARD(AddPlaces, Sink<float>, V*, int*)                                                                            \
  BACKWARD(AddResampled, Sink<float>, V*)                                                                               \
  BACKWARD(AddTable, Sink<float>, V*)                                                                                   \
  BACKWARD(AddUpsampled, Sink<V>, V*)                                                                                   \
  BACKWARD(Attention, Sink<V>, V*, V*, V*, float*)                                                                      \
  BACKWARD(BatchNorm, Sink<V>, Sink<float>, Sink<float>, V*, V*, float*, float*, V*)                                    \
  BACKWARD(BiasedAttention, Sink<V>, Sink<V>, V*, V*, V*, float*, V*)                                                   \
  BACKWARD(Complete, Sink<V>, Sink<float>, Sink<float>, V*, int*)                                                       \
  BACKWARD(Concat, Sink<V>, Sink<V>, V*)                                                                                \
  BACKWARD(Conv2d, Sink<V>, Sink<float>, Sink<float>, V*, V*, V*)                                                       \
  BACKWARD(ConvTranspose2d, Sink<V>, Sink<float>, Sink<float>, V*, V*, V*)                                              \
  BACKWARD(CrossEntropy, Sink<V>, float*, V*, float*, int*)                                                             \
  BACKWARD(Distillation, Sink<V>, float*, V*, float*, V*, float*, float*)                                               \
  BACKWARD(Gather, Sink<V>, V*, int*)                                                                                   \
  BACKWARD(Gelu, Sink<V>, V*, V*)                                                                                       \
  BACKWARD(GeluLinear, Sink<V>, Sink<float>, Sink<float>, V*, V*, V*)                                                   \
  BACKWARD(InfoNce, Sink<V>, float*, float*, float*, float*)                                                            \
  BACKWARD(KeyedInfoNce, Sink<V>, float*, float*, float*, float*, float*)                                               \
  BACKWARD(LayerNorm, Sink<V>, Sink<float>, Sink<float>, V*, V*, float*, float*, V*)                                    \
  BACKWARD(Linear, Sink<V>, Sink<float>, Sink<float>, V*, V*, V*)                                                       \
  BACKWARD(LinearCrossEntropy, Sink<V>, Sink<float>, Sink<float>, float*, V*, float*, float*)                           \
  BACKWARD(MaxPool2d, Sink<V>, V*, V*)                                                                                  \
  BACKWARD(MeanTokens, Sink<V>, V*)                                                                                     \
  BACKWARD(MixedCrossEntropy, Sink<V>, float*, V*, float*, int*, int*)                                                  \
  BACKWARD(Normalize, Sink<V>, V*, V*, float*)                                                                          \
  BACKWARD(NormLinear, Sink<V>, Sink<float>, Sink<float>, Sink<float>, Sink<float>, V*, V*, float*, float*, V*, V*, V*) \
  BACKWARD(Prepend, Sink<V>, Sink<float>, Sink<float>, V*)                                                              \
  BACKWARD(QueryValueBias, Sink<float>, Sink<float>, V*)                                                                \
  BACKWARD(RelativeBias, Sink<float>, V*)                                                                               \
  BACKWARD(RoiAlign, Sink<V>, Sink<V>, Sink<V>, Sink<V>, V*, float*)                                                    \
  BACKWARD(ScaleChannels, Sink<V>, Sink<float>, V*, V*, V*)                                                             \
  BACKWARD(Slice, Sink<V>, V*)                                                                                          \
  BACKWARD(SquaredError, Sink<V>, Sink<V>, float*, V*, V*)                                                              \
  BACKWARD(SumAll, Sink<V>, float*)                                                                                     \
  BACKWARD(Transpose, Sink<V>, V*)                                                                                      \
  BACKWARD(WeightNormLinear, Sink<V>, Sink<float>, V*, V*, V*, float*)
// Those that say the same of any values, or are for values in bfloat16 alone.
#define HOST_KERNELS_OF_FLOATS(FORWARD)                                                \
  FORWARD(AdamW, float*, float*, float*, float*)                                       \
  FORWARD(AssignAnchors, float*, float*, float*, float*, int*, int*)                   \
  FORWARD(Blend, float*, float*)                                                       \
  FORWARD(GatherIds, int*, int*, int*)                                                 \
  FORWARD(MaskTargets, float*, float*, int*, float*, int*, int*, int*)                 \
  FORWARD(SampleRegions, float*, float*, float*, int*, int*, int*, float*, int*, int*) \
  FORWARD(SumSquares, double*, float*)
#define HOST_KERNELS_OF_BFLOAT16(V, FORWARD, BACKWARD)                                                                             \
  FORWARD(AdamW, float*, float*, float*, V*, float*)                                                                               \
  FORWARD(NormMlp, V*, float*, float*, V*, V*, V*, V*, V*, V*, V*, V*, V*, V*)                                                     \
  FORWARD(Round, V*, float*)                                                                                                       \
  FORWARD(Widen, float*, V*)                                                                                                       \
  BACKWARD(Widen, Sink<V>, float*)                                                                                                 \
  BACKWARD(NormMlp, Sink<V>, Sink<float>, Sink<float>, Sink<float>, Sink<float>, Sink<float>, Sink<float>, V*, V*, float*, float*, \
           V*, V*, V*, V*, V*, V*)

#define HOST_FORWARD(OP, ...) template void call_forward<op::OP, HostCuda, __VA_ARGS__>(HostCuda&, const op::OP&, __VA_ARGS__);
#define HOST_BACKWARD(OP, ...) template void call_backward<op::OP, HostCuda, __VA_ARGS__>(HostCuda&, const op::OP&, __VA_ARGS__);

#if defined(HOST_KERNELS_ELSEWHERE)
#define HOST_FORWARD_ELSEWHERE(...) extern HOST_FORWARD(__VA_ARGS__)
#define HOST_BACKWARD_ELSEWHERE(...) extern HOST_BACKWARD(__VA_ARGS__)
#define HOST_PRODUCT_ELSEWHERE(...) extern HOST_PRODUCT(__VA_ARGS__)
HOST_PRODUCTS_OF_FLOATS(HOST_PRODUCT_ELSEWHERE)
HOST_PRODUCTS_OF_BFLOAT16(HOST_PRODUCT_ELSEWHERE)
namespace vitrail {
HOST_KERNELS(float, HOST_FORWARD_ELSEWHERE, HOST_BACKWARD_ELSEWHERE)
HOST_KERNELS(bfloat16, HOST_FORWARD_ELSEWHERE, HOST_BACKWARD_ELSEWHERE)
HOST_KERNELS_OF_FLOATS(HOST_FORWARD_ELSEWHERE)
HOST_KERNELS_OF_BFLOAT16(bfloat16, HOST_FORWARD_ELSEWHERE, HOST_BACKWARD_ELSEWHERE)
}  // namespace vitrail
#endif
