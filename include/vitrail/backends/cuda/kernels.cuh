// Kernel<Op, D> for every machine that runs CUDA's kernels, of the ops of SplitMask, MAE, BEiT without relative positions, and
// supervised training.
#pragma once
#include "attention_backward.cuh"
#include "flat.cuh"
#include "learned_tokens.cuh"
#include "linear_cross_entropy.cuh"
