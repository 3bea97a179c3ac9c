// The kernels of every objective here, in float, as functions that are compiled elsewhere: the target vitrail::kernels of
// cmake/kernels.cmake, which defines the macro below for its users. What is not in this list is compiled where it is used, as without
// the target. The types are those with which ops call: see run() and run_backward().
#pragma once
#include "../cpu.hpp"

#if defined(VITRAIL_PRECOMPILED_KERNELS)
#if defined(VITRAIL_KERNELS_HERE)  // in kernels.cpp
#define VITRAIL_KERNEL template
#else
#define VITRAIL_KERNEL extern template
#endif
#define VITRAIL_FORWARD(OP, ...) VITRAIL_KERNEL void call_forward<op::OP, Cpu, __VA_ARGS__>(Cpu&, const op::OP&, __VA_ARGS__);
#define VITRAIL_BACKWARD(OP, ...) VITRAIL_KERNEL void call_backward<op::OP, Cpu, __VA_ARGS__>(Cpu&, const op::OP&, __VA_ARGS__);

namespace vitrail {
// outputs, then inputs
VITRAIL_FORWARD(AdamW, float*, float*, float*, const float*)
VITRAIL_FORWARD(Add, float*, float*, float*)
VITRAIL_FORWARD(AddResampled, float*, float*, const float*)
VITRAIL_FORWARD(AddTable, float*, float*, const float*)
VITRAIL_FORWARD(Attention, float*, float*, float*)
VITRAIL_FORWARD(BatchNorm, float*, float*, float*, float*, float*, float*, const float*, const float*)
VITRAIL_FORWARD(Blend, float*, const float*)
VITRAIL_FORWARD(Complete, float*, float*, const float*, const float*, const int*)
VITRAIL_FORWARD(Copy, float*, float*)
VITRAIL_FORWARD(Distillation, float*, float*, float*, float*, float*, const float*)
VITRAIL_FORWARD(Gather, float*, float*, const int*)
VITRAIL_FORWARD(GatherIds, int*, const int*, const int*)
VITRAIL_FORWARD(GeluLinear, float*, float*, const float*, const float*, const float*)
VITRAIL_FORWARD(GeluLinear, float*, float*, const float*, const float*, float*)
VITRAIL_FORWARD(InfoNce, float*, float*, float*, float*, float*, float*)
VITRAIL_FORWARD(KeyedInfoNce, float*, float*, float*, float*, float*, float*, float*, float*)
VITRAIL_FORWARD(LayerNorm, float*, float*, float*, float*, const float*, const float*)
VITRAIL_FORWARD(Linear, float*, float*, const float*, const float*, const float*)
VITRAIL_FORWARD(Linear, float*, float*, const float*, const float*, float*)
VITRAIL_FORWARD(LinearCrossEntropy, float*, float*, float*, float*, float*, const float*, const float*, int*)
VITRAIL_FORWARD(MeanTokens, float*, float*)
VITRAIL_FORWARD(MixedCrossEntropy, float*, float*, float*, const int*, const int*)
VITRAIL_FORWARD(NearestCode, int*, float*, const float*)
VITRAIL_FORWARD(NormLinear, float*, float*, float*, float*, const float*, const float*, const float*, const float*)
VITRAIL_FORWARD(Normalize, float*, float*, float*)
VITRAIL_FORWARD(Patchify, float*, float*)
VITRAIL_FORWARD(Prepend, float*, float*, const float*, const float*)
VITRAIL_FORWARD(Slice, float*, float*)
VITRAIL_FORWARD(SquaredError, float*, float*, float*)
VITRAIL_FORWARD(Standardize, float*, float*, float*)
VITRAIL_FORWARD(SumSquares, double*, const float*)
VITRAIL_FORWARD(TeacherStatistics, float*, float*, float*, float*, const float*)
VITRAIL_FORWARD(UnitVariance, float*, float*)
VITRAIL_FORWARD(WeightNormLinear, float*, float*, float*, const float*)

// gradients that go out, the one that comes in, then what was kept
VITRAIL_BACKWARD(Add, Sink<float>, const float*)
VITRAIL_BACKWARD(AddResampled, Sink<float>, const float*)
VITRAIL_BACKWARD(AddTable, Sink<float>, const float*)
VITRAIL_BACKWARD(Attention, Sink<float>, const float*, float*, float*, float*)
VITRAIL_BACKWARD(BatchNorm, Sink<float>, Sink<float>, Sink<float>, const float*, float*, float*, float*, const float*)
VITRAIL_BACKWARD(Complete, Sink<float>, Sink<float>, Sink<float>, const float*, const int*)
VITRAIL_BACKWARD(Distillation, Sink<float>, const float*, float*, float*, float*, float*, const float*)
VITRAIL_BACKWARD(Gather, Sink<float>, const float*, const int*)
VITRAIL_BACKWARD(GeluLinear, Sink<float>, Sink<float>, Sink<float>, const float*, float*, const float*)
VITRAIL_BACKWARD(InfoNce, Sink<float>, const float*, float*, float*, const float*)
VITRAIL_BACKWARD(KeyedInfoNce, Sink<float>, const float*, float*, float*, float*, const float*)
VITRAIL_BACKWARD(LayerNorm, Sink<float>, Sink<float>, Sink<float>, const float*, float*, float*, float*, const float*)
VITRAIL_BACKWARD(Linear, Sink<float>, Sink<float>, Sink<float>, const float*, float*, const float*)
VITRAIL_BACKWARD(LinearCrossEntropy, Sink<float>, Sink<float>, Sink<float>, const float*, float*, float*, float*)
VITRAIL_BACKWARD(MeanTokens, Sink<float>, const float*)
VITRAIL_BACKWARD(MixedCrossEntropy, Sink<float>, const float*, float*, float*, const int*, const int*)
VITRAIL_BACKWARD(NormLinear, Sink<float>, Sink<float>, Sink<float>, Sink<float>, Sink<float>, const float*, float*, float*, float*,
                 const float*, const float*, const float*)
VITRAIL_BACKWARD(Normalize, Sink<float>, const float*, float*, float*)
VITRAIL_BACKWARD(Prepend, Sink<float>, Sink<float>, Sink<float>, const float*)
VITRAIL_BACKWARD(Slice, Sink<float>, const float*)
VITRAIL_BACKWARD(SquaredError, Sink<float>, Sink<float>, const float*, float*, float*)
VITRAIL_BACKWARD(WeightNormLinear, Sink<float>, Sink<float>, const float*, float*, const float*, float*)

}  // namespace vitrail

#undef VITRAIL_FORWARD
#undef VITRAIL_BACKWARD
#undef VITRAIL_KERNEL
#endif
