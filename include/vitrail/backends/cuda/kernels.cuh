// Kernel<Op, D> of every op of the catalog, for every machine that runs CUDA's kernels.
#pragma once
#include "attention_backward.cuh"
#include "flat.cuh"
#include "learned_tokens.cuh"
#include "linear_cross_entropy.cuh"
