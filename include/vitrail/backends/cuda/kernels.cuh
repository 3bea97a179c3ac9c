// Kernel<Op, D> for every machine that runs CUDA's kernels.
#pragma once
#include "attention_kernels.cuh"
#include "batch_norm.cuh"
#include "convolutions.cuh"
#include "distillation.cuh"
#include "flat.cuh"
#include "info_nce.cuh"
#include "learned_tokens.cuh"
#include "linear_cross_entropy.cuh"
#include "mlp.cuh"
#include "planes.cuh"
#include "positions.cuh"
#include "weight_norm.cuh"
